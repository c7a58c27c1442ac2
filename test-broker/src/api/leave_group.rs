use ottla_protocol::ErrorCode;
use ottla_protocol::api::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse};

use super::{Answer, RequestContext, Serve};
use crate::group::Leaving;

/// From here on several members may leave at once (KIP-345).
const BATCHED_FROM: i16 = 3;

impl Serve for LeaveGroupRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<LeaveGroupResponse> {
        let throttle_time_ms = context.throttle_ms;
        if let Err(error_code) = check(context, &self.group_id) {
            let members = Vec::new();
            return Answer::Reply(LeaveGroupResponse { throttle_time_ms, error_code, members });
        }
        let batched = context.version >= BATCHED_FROM;
        let leaving = if batched {
            self.members
        } else {
            vec![MemberIdentity { member_id: self.member_id, ..Default::default() }]
        };
        let group = &self.group_id;
        let mut members: Vec<MemberResponse> =
            leaving.into_iter().map(|member| leave(context, group, member)).collect();
        let alone = if batched { None } else { members.pop() };
        let error_code = alone.map(|member| member.error_code).unwrap_or_default();
        let error_code = context.faults.error_after().unwrap_or(error_code);
        Answer::Reply(LeaveGroupResponse { throttle_time_ms, error_code, members })
    }
}

fn check(context: &mut RequestContext<'_>, group: &str) -> Result<(), ErrorCode> {
    match context.faults.error() {
        Some(error) => Err(error),
        None => context.check_membership(group),
    }
}

fn leave(context: &RequestContext<'_>, group: &str, member: MemberIdentity) -> MemberResponse {
    let MemberIdentity { member_id, group_instance_id, .. } = member;
    let leaving = Leaving { member_id, instance_id: group_instance_id };
    let now = context.now();
    let left = context
        .shared
        .coordination
        .with(group, |machine| machine.leave(now, &leaving))
        .unwrap_or(Err(ErrorCode::UNKNOWN_MEMBER_ID));
    MemberResponse {
        member_id: leaving.member_id,
        group_instance_id: leaving.instance_id,
        error_code: left.err().unwrap_or_default(),
    }
}
