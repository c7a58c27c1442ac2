//! Transactions in detail (KIP-664).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the coordinator about transactions.
    request DescribeTransactionsRequest {
        /// Their transactional ids.
        transactional_ids: Vec<String>, 0+;
    }

    /// The transactions.
    response DescribeTransactionsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each id.
        transaction_states: Vec<DescribeTransactionsTransactionState>, 0+;
    }

    /// A transaction.
    response DescribeTransactionsTransactionState {
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The transactional id.
        transactional_id: String, 0+;
        /// Its state, such as `Ongoing` or `PrepareCommit`.
        transaction_state: String, 0+;
        /// Milliseconds after which the coordinator aborts it.
        transaction_timeout_ms: i32, 0+;
        /// When it began, in milliseconds since 1970; -1 if none is open.
        transaction_start_time_ms: i64, 0+;
        /// The producer's id.
        producer_id: i64, 0+;
        /// The producer's epoch.
        producer_epoch: i16, 0+;
        /// The partitions that belong to it, by topic; while it ends, those still to be marked.
        topics: Vec<DescribeTransactionsTopicData>, 0+;
    }

    /// Partitions of one topic.
    response DescribeTransactionsTopicData {
        /// The topic's name.
        topic: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }
}

api!(
    DescribeTransactionsRequest => DescribeTransactionsResponse, ApiKey::DESCRIBE_TRANSACTIONS,
    versions 0 - 0, flexible 0
);
