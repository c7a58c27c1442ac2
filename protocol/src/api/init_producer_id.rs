use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `InitProducerId`: what is asked.
    request InitProducerIdRequest {
        /// The TransactionalId.
        transactional_id: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The TransactionTimeoutMs.
        transaction_timeout_ms: i32, 0+;
        /// The ProducerId.
        producer_id: i64, 3+, default -1;
        /// The ProducerEpoch.
        producer_epoch: i16, 3+, default -1;
    }

    /// `InitProducerId`: what is answered.
    response InitProducerIdResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 0+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The ProducerId.
        producer_id: i64, 0+, default -1;
        /// The ProducerEpoch.
        producer_epoch: i16, 0+;
    }
}

api!(InitProducerIdRequest => InitProducerIdResponse, ApiKey::INIT_PRODUCER_ID, versions 0 - 5, flexible 2);
