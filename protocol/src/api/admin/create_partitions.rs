//! Adding partitions to topics (KIP-195).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the controller to add partitions.
    request CreatePartitionsRequest {
        /// The topics that are to grow.
        topics: Vec<CreatePartitionsTopic>, 0+;
        /// Milliseconds the broker may take; beyond them partitions may still come to be.
        timeout_ms: i32, 0+;
        /// Only check whether they could be added.
        validate_only: bool, 0+;
    }

    /// A topic that is to grow.
    request CreatePartitionsTopic {
        /// The topic's name.
        name: String, 0+;
        /// How many partitions it is to have in all.
        count: i32, 0+;
        /// The brokers of each new partition; null to let the controller place them.
        assignments: Option<Vec<CreatePartitionsAssignment>>, 0+, nullable 0+,
            default Some(Vec::new());
    }

    /// The brokers of one new partition.
    request CreatePartitionsAssignment {
        /// The brokers, the preferred leader first.
        broker_ids: Vec<i32>, 0+;
    }

    /// What became of each topic.
    response CreatePartitionsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each topic.
        results: Vec<CreatePartitionsTopicResult>, 0+;
    }

    /// What became of one topic.
    response CreatePartitionsTopicResult {
        /// The topic's name.
        name: String, 0+;
        /// Why it has not grown; none if it has.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
    }
}

api!(
    CreatePartitionsRequest => CreatePartitionsResponse, ApiKey::CREATE_PARTITIONS,
    versions 0 - 3, flexible 2
);
