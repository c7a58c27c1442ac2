//! Deleting the oldest records of partitions (KIP-107).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks leaders to delete all records before an offset.
    request DeleteRecordsRequest {
        /// The partitions, by topic.
        topics: Vec<DeleteRecordsTopic>, 0+;
        /// Milliseconds the leader may wait for the other replicas.
        timeout_ms: i32, 0+;
    }

    /// Partitions of one topic.
    request DeleteRecordsTopic {
        /// The topic's name.
        name: String, 0+;
        /// The partitions and offsets.
        partitions: Vec<DeleteRecordsPartition>, 0+;
    }

    /// Where one partition is to begin.
    request DeleteRecordsPartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// The first offset to keep; -1 for the high watermark.
        offset: i64, 0+;
    }

    /// What became of each partition.
    response DeleteRecordsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each topic.
        topics: Vec<DeleteRecordsTopicResult>, 0+;
    }

    /// What became of one topic's partitions.
    response DeleteRecordsTopicResult {
        /// The topic's name.
        name: String, 0+;
        /// One answer for each partition.
        partitions: Vec<DeleteRecordsPartitionResult>, 0+;
    }

    /// What became of one partition.
    response DeleteRecordsPartitionResult {
        /// The partition's number.
        partition_index: i32, 0+;
        /// The first offset that some replica still has; -1 along with an error.
        low_watermark: i64, 0+;
        /// Why nothing was deleted; none if it was.
        error_code: ErrorCode, 0+;
    }
}

api!(
    DeleteRecordsRequest => DeleteRecordsResponse, ApiKey::DELETE_RECORDS,
    versions 0 - 2, flexible 2
);
