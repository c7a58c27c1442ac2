//! Adding a voter to KRaft's quorum (KIP-853).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the leader of the quorum to add a voter.
    request AddRaftVoterRequest {
        /// The cluster it is meant for; null to have it not checked.
        cluster_id: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// Milliseconds the leader may take.
        timeout_ms: i32, 0+;
        /// The node's id.
        voter_id: i32, 0+;
        /// The node's log directory.
        voter_directory_id: Uuid, 0+;
        /// Where the node is.
        listeners: Vec<AddRaftVoterListener>, 0+;
        /// Whether to answer once the change is committed; otherwise once it is written (KIP-1186).
        ack_when_committed: bool, 1+, default true;
    }

    /// Where a node is.
    request AddRaftVoterListener {
        /// The listener's name, such as `CONTROLLER`.
        name: String, 0+;
        /// Its host name or address.
        host: String, 0+;
        /// Its port.
        port: u16, 0+;
    }

    /// Whether it was added.
    response AddRaftVoterResponse {
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
    AddRaftVoterRequest => AddRaftVoterResponse, ApiKey::ADD_RAFT_VOTER,
    versions 0 - 1, flexible 0
);
