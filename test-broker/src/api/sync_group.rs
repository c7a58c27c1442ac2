use ottla_protocol::ErrorCode;
use ottla_protocol::api::{SyncGroupRequest, SyncGroupResponse};

use super::{Answer, RequestContext, Serve};
use crate::cluster::SyncWait;
use crate::group::{Sync, SyncReply};

impl Serve for SyncGroupRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<SyncGroupResponse> {
        let reply = match begin(context, self) {
            Err(error) => SyncReply::failed(error),
            // The sender goes away only with the cluster.
            Ok(wait) => wait
                .await
                .unwrap_or_else(|_| SyncReply::failed(ErrorCode::COORDINATOR_NOT_AVAILABLE)),
        };
        let reply = context.faults.error_after().map_or(reply, SyncReply::failed);
        Answer::Reply(SyncGroupResponse {
            throttle_time_ms: context.throttle_ms,
            error_code: reply.error,
            protocol_type: reply.protocol_type,
            protocol_name: reply.protocol,
            assignment: reply.assignment,
        })
    }
}

fn begin(
    context: &mut RequestContext<'_>,
    request: SyncGroupRequest,
) -> Result<SyncWait, ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    context.check_membership(&request.group_id)?;
    let assignments = request.assignments.into_iter();
    let assignments = assignments.map(|entry| (entry.member_id, entry.assignment)).collect();
    context.shared.coordination.sync(context.now(), &request.group_id, |ticket| Sync {
        ticket,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        generation: request.generation_id,
        protocol_type: request.protocol_type,
        protocol: request.protocol_name,
        assignments,
    })
}
