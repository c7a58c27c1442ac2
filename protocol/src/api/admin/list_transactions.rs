//! The transactions that a broker coordinates (KIP-664).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for a broker's transactions.
    request ListTransactionsRequest {
        /// Only those in one of these states, such as `Ongoing`; empty for all.
        state_filters: Vec<String>, 0+;
        /// Only those of these producers; empty for all.
        producer_id_filters: Vec<i64>, 0+;
        /// Only those older than so many milliseconds (KIP-994); -1 for all.
        duration_filter: i64, 1+, default -1;
        /// Only those whose id matches this pattern of RE2/J (KIP-1152); null for all.
        transactional_id_pattern: Option<String>, 2+, nullable 2+;
    }

    /// The transactions.
    response ListTransactionsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The states asked for that the broker does not know.
        unknown_state_filters: Vec<String>, 0+;
        /// The transactions.
        transaction_states: Vec<ListTransactionsTransactionState>, 0+;
    }

    /// A transaction.
    response ListTransactionsTransactionState {
        /// The transactional id.
        transactional_id: String, 0+;
        /// The producer's id.
        producer_id: i64, 0+;
        /// Its state, such as `Ongoing` or `PrepareCommit`.
        transaction_state: String, 0+;
    }
}

api!(
    ListTransactionsRequest => ListTransactionsResponse, ApiKey::LIST_TRANSACTIONS,
    versions 0 - 2, flexible 0
);
