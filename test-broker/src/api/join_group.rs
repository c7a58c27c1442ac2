use ottla_protocol::ErrorCode;
use ottla_protocol::api::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};

use super::{Answer, RequestContext, Serve};
use crate::cluster::{JoinWait, millis};
use crate::group::{Join, JoinReply, Protocol};

/// From here on a new member first learns its id (KIP-394).
const ID_REQUIRED_FROM: i16 = 4;
/// From here on no protocol is null instead of empty (KIP-559).
const NULL_PROTOCOL_FROM: i16 = 7;
/// From here on the leader may be told to leave the assignment as it is (KIP-814).
const SKIP_ASSIGNMENT_FROM: i16 = 9;

impl Serve for JoinGroupRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<JoinGroupResponse> {
        let member_id = self.member_id.clone();
        let failed = |error| JoinReply::failed(error, &member_id);
        let reply = match begin(context, self) {
            Err(error) => failed(error),
            // The sender goes away only with the cluster.
            Ok(wait) => wait.await.unwrap_or_else(|_| failed(ErrorCode::COORDINATOR_NOT_AVAILABLE)),
        };
        let reply = context.faults.error_after().map_or(reply, failed);
        Answer::Reply(response(context, reply))
    }
}

fn begin(
    context: &mut RequestContext<'_>,
    request: JoinGroupRequest,
) -> Result<JoinWait, ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    context.check_membership(&request.group_id)?;
    let suffix = context.shared.state.lock().fresh_member_suffix();
    // A static member's id begins with what its operator calls it (KIP-345).
    let prefix = request.group_instance_id.as_deref().unwrap_or(context.client_id);
    let fresh_id = format!("{prefix}-{suffix}");
    let protocols = request.protocols.into_iter();
    let join = Join {
        ticket: Default::default(),
        member_id: request.member_id.clone(),
        id_required: context.version >= ID_REQUIRED_FROM && request.group_instance_id.is_none(),
        instance_id: request.group_instance_id,
        client_id: context.client_id.to_owned(),
        session_timeout: millis(request.session_timeout_ms),
        // Version 0 does not have one (`JoinGroupRequest.maybeOverrideRebalanceTimeout`).
        rebalance_timeout: millis(match context.version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        }),
        protocol_type: request.protocol_type,
        protocols: protocols
            .map(|protocol| Protocol { name: protocol.name, metadata: protocol.metadata })
            .collect(),
        fresh_id,
        can_skip_assignment: context.version >= SKIP_ASSIGNMENT_FROM,
    };
    let coordination = &context.shared.coordination;
    coordination.join(context.now(), &request.group_id, &request.member_id, |ticket| Join {
        ticket,
        ..join
    })
}

fn response(context: &RequestContext<'_>, reply: JoinReply) -> JoinGroupResponse {
    let mut protocol_name = reply.protocol;
    if context.version < NULL_PROTOCOL_FROM {
        protocol_name.get_or_insert_default();
    }
    let members = reply.members.into_iter();
    JoinGroupResponse {
        throttle_time_ms: context.throttle_ms,
        error_code: reply.error,
        generation_id: reply.generation,
        protocol_type: reply.protocol_type,
        protocol_name,
        leader: reply.leader,
        skip_assignment: reply.skip_assignment,
        member_id: reply.member_id,
        members: members
            .map(|member| JoinGroupResponseMember {
                member_id: member.id,
                group_instance_id: member.instance_id,
                metadata: member.metadata,
            })
            .collect(),
    }
}
