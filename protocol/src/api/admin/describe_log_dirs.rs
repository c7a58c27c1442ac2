//! A broker's folders and what is in them (KIP-113).
//!
//! Version 4 tells how large their volumes are (KIP-827), 5 which take nothing new (KIP-1066).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for a broker's folders.
    request DescribeLogDirsRequest {
        /// The partitions asked about, by topic; null for all.
        topics: Option<Vec<DescribableLogDirTopic>>, 0+, nullable 0+, default Some(Vec::new());
    }

    /// Partitions of one topic.
    request DescribableLogDirTopic {
        /// The topic's name.
        topic: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }

    /// The folders.
    response DescribeLogDirsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 3+, ignorable;
        /// The folders.
        results: Vec<DescribeLogDirsResult>, 0+;
    }

    /// A folder.
    response DescribeLogDirsResult {
        /// `KAFKA_STORAGE_ERROR` if it is out of order; none if it is not.
        error_code: ErrorCode, 0+;
        /// Its path on the broker.
        log_dir: String, 0+;
        /// The partitions in it, by topic.
        topics: Vec<DescribeLogDirsTopic>, 0+;
        /// Bytes of its volume; -1 if not told.
        total_bytes: i64, 4+, default -1, ignorable;
        /// Bytes of its volume that are free; -1 if not told.
        usable_bytes: i64, 4+, default -1, ignorable;
        /// Whether no new partitions are put there.
        is_cordoned: bool, 5+, ignorable;
    }

    /// Partitions of one topic.
    response DescribeLogDirsTopic {
        /// The topic's name.
        name: String, 0+;
        /// The partitions.
        partitions: Vec<DescribeLogDirsPartition>, 0+;
    }

    /// A partition in a folder.
    response DescribeLogDirsPartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Bytes of its records and indexes.
        partition_size: i64, 0+;
        /// How many offsets it is behind: behind the high watermark, or, if it is to replace
        /// another, behind that one.
        offset_lag: i64, 0+;
        /// Whether it is to replace the one in another folder.
        is_future_key: bool, 0+;
    }
}

api!(
    DescribeLogDirsRequest => DescribeLogDirsResponse, ApiKey::DESCRIBE_LOG_DIRS,
    versions 1 - 5, flexible 2
);
