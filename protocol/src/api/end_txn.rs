//! The end of a transaction (KIP-98).
//!
//! From version 5 on the coordinator raises the producer's epoch with each transaction (KIP-890).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Commits or aborts a transaction.
    request EndTxnRequest {
        /// The transactional id.
        transactional_id: String, 0+;
        /// The producer's id.
        producer_id: i64, 0+;
        /// The producer's epoch.
        producer_epoch: i16, 0+;
        /// Whether to commit it; otherwise it is aborted.
        committed: bool, 0+;
    }

    /// Whether the end is decided; the markers may still be on their way.
    response EndTxnResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why it is not decided; none if it is.
        error_code: ErrorCode, 0+;
        /// The id to go on with, from version 5 on; -1 along with an error.
        producer_id: i64, 5+, default -1, ignorable;
        /// The epoch to go on with, from version 5 on; -1 along with an error.
        producer_epoch: i16, 5+, default -1, ignorable;
    }
}

api!(EndTxnRequest => EndTxnResponse, ApiKey::END_TXN, versions 0 - 5, flexible 3);
