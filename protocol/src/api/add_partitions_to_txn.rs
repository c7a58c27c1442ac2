//! Partitions that a transaction is about to write to (KIP-98).
//!
//! Clients end at version 3: from 4 on the request holds the transactions of several producers, and
//! is sent by brokers that ask the coordinator whether a partition belongs to one (KIP-890).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Adds partitions to transactions.
    request AddPartitionsToTxnRequest {
        /// The transactions, from version 4 on.
        transactions: Vec<AddPartitionsToTxnTransaction>, 4+;
        /// The transactional id, before version 4.
        v3_and_below_transactional_id: String, 0-3;
        /// The producer's id, before version 4.
        v3_and_below_producer_id: i64, 0-3;
        /// The producer's epoch, before version 4.
        v3_and_below_producer_epoch: i16, 0-3;
        /// The partitions, before version 4.
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic>, 0-3;
    }

    /// A transaction and the partitions that come to it.
    request AddPartitionsToTxnTransaction {
        /// The transactional id.
        transactional_id: String, 4+;
        /// The producer's id.
        producer_id: i64, 4+;
        /// The producer's epoch.
        producer_epoch: i16, 4+;
        /// Only check that the partitions belong to the transaction already.
        verify_only: bool, 4+;
        /// The partitions, by topic.
        topics: Vec<AddPartitionsToTxnTopic>, 4+;
    }

    /// Partitions of one topic.
    request AddPartitionsToTxnTopic {
        /// The topic's name.
        name: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }

    /// What became of each partition.
    response AddPartitionsToTxnResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// An error of the whole request, from version 4 on.
        error_code: ErrorCode, 4+, ignorable;
        /// One answer for each transaction, from version 4 on.
        results_by_transaction: Vec<AddPartitionsToTxnResult>, 4+;
        /// One answer for each topic, before version 4.
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>, 0-3;
    }

    /// What became of one transaction's partitions.
    response AddPartitionsToTxnResult {
        /// The transactional id.
        transactional_id: String, 4+;
        /// One answer for each topic.
        topic_results: Vec<AddPartitionsToTxnTopicResult>, 4+;
    }

    /// What became of one topic's partitions.
    response AddPartitionsToTxnTopicResult {
        /// The topic's name.
        name: String, 0+;
        /// One answer for each partition.
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>, 0+;
    }

    /// What became of one partition.
    response AddPartitionsToTxnPartitionResult {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why it was not added; if one fails, the others are `OPERATION_NOT_ATTEMPTED`.
        partition_error_code: ErrorCode, 0+;
    }
}

api!(
    AddPartitionsToTxnRequest => AddPartitionsToTxnResponse, ApiKey::ADD_PARTITIONS_TO_TXN,
    versions 0 - 5, flexible 3
);
