//! Which broker coordinates a group or a transaction; several at once from version 4 (KIP-699).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks who coordinates something.
    request FindCoordinatorRequest {
        /// The group's or the transaction's id, before version 4.
        key: String, 0-3;
        /// 0 for a group, 1 for a transaction, 2 for a share group (version 6, KIP-932).
        key_type: i8, 1+;
        /// The ids, from version 4 on.
        coordinator_keys: Vec<String>, 4+;
    }

    /// Who coordinates it.
    response FindCoordinatorResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// Why it is not known, before version 4.
        error_code: ErrorCode, 0-3;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 1-3, nullable 1-3, default Some(String::new()), ignorable;
        /// The coordinator, before version 4; -1 along with an error.
        node_id: i32, 0-3;
        /// Its host name or address.
        host: String, 0-3;
        /// Its port.
        port: i32, 0-3;
        /// One answer for each key, from version 4 on.
        coordinators: Vec<Coordinator>, 4+;
    }

    /// Who coordinates one key.
    response Coordinator {
        /// The group's or the transaction's id.
        key: String, 4+;
        /// The coordinator; -1 along with an error.
        node_id: i32, 4+;
        /// Its host name or address.
        host: String, 4+;
        /// Its port.
        port: i32, 4+;
        /// Why the coordinator is not known; none if it is.
        error_code: ErrorCode, 4+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 4+, nullable 4+, default Some(String::new()), ignorable;
    }
}

api!(
    FindCoordinatorRequest => FindCoordinatorResponse, ApiKey::FIND_COORDINATOR,
    versions 0 - 6, flexible 3
);
