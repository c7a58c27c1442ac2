use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `Heartbeat`: what is asked.
    request HeartbeatRequest {
        /// The GroupId.
        group_id: String, 0+;
        /// The GenerationId.
        generation_id: i32, 0+;
        /// The MemberId.
        member_id: String, 0+;
        /// The GroupInstanceId.
        group_instance_id: Option<String>, 3+, nullable 3+;
    }

    /// `Heartbeat`: what is answered.
    response HeartbeatResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
    }
}

api!(HeartbeatRequest => HeartbeatResponse, ApiKey::HEARTBEAT, versions 0 - 4, flexible 4);
