//! A sign of life from a member of a classic group.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Says that a member lives.
    request HeartbeatRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The generation the member belongs to.
        generation_id: i32, 0+;
        /// The member's id.
        member_id: String, 0+;
        /// The member's static name, which outlives a restart (KIP-345); null if it has none.
        group_instance_id: Option<String>, 3+, nullable 3+;
    }

    /// Says whether the member still belongs to its generation.
    response HeartbeatResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// `REBALANCE_IN_PROGRESS` asks the member to join again.
        error_code: ErrorCode, 0+;
    }
}

api!(HeartbeatRequest => HeartbeatResponse, ApiKey::HEARTBEAT, versions 0 - 4, flexible 4);
