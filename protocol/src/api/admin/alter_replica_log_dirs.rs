//! Moving partitions to other folders of a broker (KIP-113).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks a broker to move its copies.
    request AlterReplicaLogDirsRequest {
        /// Where to, and what.
        dirs: Vec<AlterReplicaLogDir>, 0+;
    }

    /// A folder and what is to come there.
    request AlterReplicaLogDir {
        /// The folder's path on the broker.
        path: String, 0+;
        /// The partitions, by topic.
        topics: Vec<AlterReplicaLogDirTopic>, 0+;
    }

    /// Partitions of one topic.
    request AlterReplicaLogDirTopic {
        /// The topic's name.
        name: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }

    /// What became of each partition.
    response AlterReplicaLogDirsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each topic.
        results: Vec<AlterReplicaLogDirTopicResult>, 0+;
    }

    /// What became of one topic's partitions.
    response AlterReplicaLogDirTopicResult {
        /// The topic's name.
        topic_name: String, 0+;
        /// One answer for each partition.
        partitions: Vec<AlterReplicaLogDirPartitionResult>, 0+;
    }

    /// What became of one partition.
    response AlterReplicaLogDirPartitionResult {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why it does not move; none if it does.
        error_code: ErrorCode, 0+;
    }
}

api!(
    AlterReplicaLogDirsRequest => AlterReplicaLogDirsResponse, ApiKey::ALTER_REPLICA_LOG_DIRS,
    versions 1 - 2, flexible 2
);
