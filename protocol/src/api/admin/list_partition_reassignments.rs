//! The partitions that are moving to other brokers (KIP-455).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the controller which partitions move.
    request ListPartitionReassignmentsRequest {
        /// Milliseconds the broker may take.
        timeout_ms: i32, 0+, default 60000;
        /// The partitions asked about, by topic; null for all.
        topics: Option<Vec<ListPartitionReassignmentsTopics>>, 0+, nullable 0+;
    }

    /// Partitions of one topic.
    request ListPartitionReassignmentsTopics {
        /// The topic's name.
        name: String, 0+;
        /// The partitions' numbers.
        partition_indexes: Vec<i32>, 0+;
    }

    /// The partitions that move.
    response ListPartitionReassignmentsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The partitions, by topic; those at rest are missing.
        topics: Vec<OngoingTopicReassignment>, 0+;
    }

    /// Partitions of one topic.
    response OngoingTopicReassignment {
        /// The topic's name.
        name: String, 0+;
        /// The partitions.
        partitions: Vec<OngoingPartitionReassignment>, 0+;
    }

    /// A partition that moves.
    response OngoingPartitionReassignment {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Its brokers now, those that come and go included.
        replicas: Vec<i32>, 0+;
        /// Those that come.
        adding_replicas: Vec<i32>, 0+;
        /// Those that go.
        removing_replicas: Vec<i32>, 0+;
    }
}

api!(
    ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse,
    ApiKey::LIST_PARTITION_REASSIGNMENTS, versions 0 - 0, flexible 0
);
