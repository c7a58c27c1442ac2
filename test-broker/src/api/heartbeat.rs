use ottla_protocol::ErrorCode;
use ottla_protocol::api::{HeartbeatRequest, HeartbeatResponse};

use super::{Answer, RequestContext, Serve};

impl Serve for HeartbeatRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<HeartbeatResponse> {
        Answer::Reply(HeartbeatResponse {
            throttle_time_ms: context.throttle_ms,
            error_code: beat(context, &self).err().unwrap_or_default(),
        })
    }
}

fn beat(context: &mut RequestContext<'_>, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    context.check_membership(&request.group_id)?;
    let now = context.now();
    let instance = request.group_instance_id.as_deref();
    context
        .shared
        .coordination
        .with(&request.group_id, |group| {
            group.heartbeat(now, &request.member_id, instance, request.generation_id)
        })
        .unwrap_or(Err(ErrorCode::UNKNOWN_MEMBER_ID))?;
    context.faults.error_after().map_or(Ok(()), Err)
}
