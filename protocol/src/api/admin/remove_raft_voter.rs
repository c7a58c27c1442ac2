//! Removing a voter from KRaft's quorum (KIP-853).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the leader of the quorum to remove a voter.
    request RemoveRaftVoterRequest {
        /// The cluster it is meant for; null to have it not checked.
        cluster_id: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The node's id.
        voter_id: i32, 0+;
        /// The node's log directory.
        voter_directory_id: Uuid, 0+;
    }

    /// Whether it was removed.
    response RemoveRaftVoterResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why it was not; none if it was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new()), ignorable;
    }
}

api!(
    RemoveRaftVoterRequest => RemoveRaftVoterResponse, ApiKey::REMOVE_RAFT_VOTER,
    versions 0 - 0, flexible 0
);
