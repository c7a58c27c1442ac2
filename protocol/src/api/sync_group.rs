//! The second half of a classic group's rebalance: the leader hands in everyone's assignment,
//! each member is handed its own.

use bytes::Bytes;

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Hands in the assignment, if from the leader, and asks for one's own.
    request SyncGroupRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The generation the member belongs to.
        generation_id: i32, 0+;
        /// The member's id.
        member_id: String, 0+;
        /// The member's static name, which outlives a restart (KIP-345); null if it has none.
        group_instance_id: Option<String>, 3+, nullable 3+;
        /// What kind of group it is; the broker checks it (KIP-559).
        protocol_type: Option<String>, 5+, nullable 5+, ignorable;
        /// The assignor chosen; the broker checks it (KIP-559).
        protocol_name: Option<String>, 5+, nullable 5+, ignorable;
        /// Everyone's assignment, from the leader; empty from the others.
        assignments: Vec<SyncGroupRequestAssignment>, 0+;
    }

    /// What one member is to read.
    request SyncGroupRequestAssignment {
        /// The member's id.
        member_id: String, 0+;
        /// Its assignment: see [`consumer_protocol`](crate::consumer_protocol).
        assignment: Bytes, 0+;
    }

    /// What this member is to read.
    response SyncGroupResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// `REBALANCE_IN_PROGRESS` asks the member to join again.
        error_code: ErrorCode, 0+;
        /// What kind of group it is (KIP-559).
        protocol_type: Option<String>, 5+, nullable 5+, ignorable;
        /// The assignor chosen (KIP-559).
        protocol_name: Option<String>, 5+, nullable 5+, ignorable;
        /// The member's assignment; empty when nothing was assigned to it.
        assignment: Bytes, 0+;
    }
}

api!(SyncGroupRequest => SyncGroupResponse, ApiKey::SYNC_GROUP, versions 0 - 5, flexible 4);
