//! Moving partitions to other brokers (KIP-455).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the controller to move partitions, or to stop moving them.
    request AlterPartitionReassignmentsRequest {
        /// Milliseconds the broker may take to begin; the moves go on by themselves.
        timeout_ms: i32, 0+, default 60000;
        /// Whether a partition may get more or fewer copies than it has (KIP-860).
        allow_replication_factor_change: bool, 1+, default true;
        /// The partitions, by topic.
        topics: Vec<ReassignableTopic>, 0+;
    }

    /// Partitions of one topic.
    request ReassignableTopic {
        /// The topic's name.
        name: String, 0+;
        /// The partitions.
        partitions: Vec<ReassignablePartition>, 0+;
    }

    /// Where one partition is to be.
    request ReassignablePartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Its brokers, the preferred leader first; null to stop a move.
        replicas: Option<Vec<i32>>, 0+, nullable 0+;
    }

    /// What became of each partition.
    response AlterPartitionReassignmentsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// As asked.
        allow_replication_factor_change: bool, 1+, default true, ignorable;
        /// An error of the whole request.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// One answer for each topic.
        responses: Vec<ReassignableTopicResponse>, 0+;
    }

    /// What became of one topic's partitions.
    response ReassignableTopicResponse {
        /// The topic's name.
        name: String, 0+;
        /// One answer for each partition.
        partitions: Vec<ReassignablePartitionResponse>, 0+;
    }

    /// What became of one partition.
    response ReassignablePartitionResponse {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why it does not move; none if it does.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
    }
}

api!(
    AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse,
    ApiKey::ALTER_PARTITION_REASSIGNMENTS, versions 0 - 1, flexible 0
);
