//! The id and epoch of an idempotent or transactional producer (KIP-98, KIP-360).
//!
//! Version 6, for two-phase commit (KIP-939), is not yet stable in Kafka and left out.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for a producer id, or for a new epoch of one.
    request InitProducerIdRequest {
        /// The transactional id; null for a producer that is only idempotent.
        transactional_id: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// Milliseconds until the coordinator aborts a transaction left open.
        transaction_timeout_ms: i32, 0+;
        /// The id whose epoch is to be raised (KIP-360); -1 for a new one.
        producer_id: i64, 3+, default -1;
        /// The epoch held so far; -1 for a new id.
        producer_epoch: i16, 3+, default -1;
    }

    /// The producer id granted.
    response InitProducerIdResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+, ignorable;
        /// Why none was granted; none if one was.
        error_code: ErrorCode, 0+;
        /// The id; -1 along with an error.
        producer_id: i64, 0+, default -1;
        /// The epoch to write with.
        producer_epoch: i16, 0+;
    }
}

api!(
    InitProducerIdRequest => InitProducerIdResponse, ApiKey::INIT_PRODUCER_ID,
    versions 0 - 5, flexible 2
);
