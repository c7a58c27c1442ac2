//! A group whose offsets a transaction is about to commit (KIP-98, KIP-447).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Adds the offsets partition of a group to a transaction.
    request AddOffsetsToTxnRequest {
        /// The transactional id.
        transactional_id: String, 0+;
        /// The producer's id.
        producer_id: i64, 0+;
        /// The producer's epoch.
        producer_epoch: i16, 0+;
        /// The group whose offsets are to be committed.
        group_id: String, 0+;
    }

    /// Whether it was added.
    response AddOffsetsToTxnResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why it was not; none if it was.
        error_code: ErrorCode, 0+;
    }
}

api!(
    AddOffsetsToTxnRequest => AddOffsetsToTxnResponse, ApiKey::ADD_OFFSETS_TO_TXN,
    versions 0 - 4, flexible 3
);
