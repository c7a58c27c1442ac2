use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    DescribeGroupsDescribedGroup, DescribeGroupsRequest, DescribeGroupsResponse,
    DescribedGroupMember,
};

use super::{Answer, RequestContext, Serve};
use crate::group::{Group, GroupPhase, Member};

/// From here on a group that is not there is called so (KIP-1043).
const GROUP_NOT_FOUND_FROM: i16 = 6;

impl Serve for DescribeGroupsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<DescribeGroupsResponse> {
        let groups = self.groups.into_iter().map(|id| describe(context, id)).collect();
        Answer::Reply(DescribeGroupsResponse { throttle_time_ms: context.throttle_ms, groups })
    }
}

fn describe(context: &mut RequestContext<'_>, group_id: String) -> DescribeGroupsDescribedGroup {
    let checked = context.faults.error().map_or(Ok(()), Err);
    if let Err(error_code) = checked.and_then(|()| context.check_coordinator(&group_id)) {
        return DescribeGroupsDescribedGroup { error_code, group_id, ..Default::default() };
    }
    let found = context.shared.coordination.with(&group_id, |group| describe_found(group));
    let described = found.unwrap_or_else(|| absent(context.version, &group_id));
    DescribeGroupsDescribedGroup { group_id, ..described }
}

fn describe_found(group: &Group) -> DescribeGroupsDescribedGroup {
    let stable = group.phase() == GroupPhase::Stable;
    let protocol = group.protocol().filter(|_| stable).unwrap_or_default();
    let member = |member: &Member| DescribedGroupMember {
        member_id: member.id.clone(),
        group_instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: "/127.0.0.1".to_owned(),
        member_metadata: member.metadata(protocol),
        member_assignment: if stable { member.assignment.clone() } else { Default::default() },
    };
    DescribeGroupsDescribedGroup {
        group_state: group.phase().name().to_owned(),
        protocol_type: group.protocol_type().unwrap_or_default().to_owned(),
        protocol_data: protocol.to_owned(),
        members: group.members().iter().map(member).collect(),
        ..Default::default()
    }
}

fn absent(version: i16, group_id: &str) -> DescribeGroupsDescribedGroup {
    let mut described = DescribeGroupsDescribedGroup {
        group_state: GroupPhase::Dead.name().to_owned(),
        ..Default::default()
    };
    if version >= GROUP_NOT_FOUND_FROM {
        described.error_code = ErrorCode::GROUP_ID_NOT_FOUND;
        described.error_message = Some(format!("Group {group_id} not found."));
    }
    described
}
