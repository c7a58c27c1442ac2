//! Creating topics.
//!
//! The topics' configuration comes back from version 5 (KIP-525), their ids from 7 (KIP-516).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the controller to create topics.
    request CreateTopicsRequest {
        /// The topics wanted; a name that comes twice is an error for that topic.
        topics: Vec<CreatableTopic>, 0+;
        /// Milliseconds the broker may take; beyond them topics may still come to be.
        timeout_ms: i32, 0+, default 60000;
        /// Only check whether the topics could be created.
        validate_only: bool, 1+;
    }

    /// A topic wanted.
    request CreatableTopic {
        /// The topic's name.
        name: String, 0+;
        /// How many partitions; -1 with `assignments`, or from version 4 for the broker's default
        /// (KIP-464).
        num_partitions: i32, 0+;
        /// Copies of each partition; -1 as for `num_partitions`.
        replication_factor: i16, 0+;
        /// Which brokers hold each partition; empty to let the controller place them.
        assignments: Vec<CreatableReplicaAssignment>, 0+;
        /// Settings that differ from the broker's defaults.
        configs: Vec<CreatableTopicConfig>, 0+;
    }

    /// The brokers of one partition.
    request CreatableReplicaAssignment {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Its brokers, the preferred leader first.
        broker_ids: Vec<i32>, 0+;
    }

    /// One setting of a topic.
    request CreatableTopicConfig {
        /// The setting's name, such as `cleanup.policy`.
        name: String, 0+;
        /// Its value; null for the default.
        value: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// What became of each topic.
    response CreateTopicsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 2+, ignorable;
        /// One result for each topic asked for.
        topics: Vec<CreatableTopicResult>, 0+;
    }

    /// What became of one topic.
    response CreatableTopicResult {
        /// The topic's name.
        name: String, 0+;
        /// The new topic's id; zero if it was not created.
        topic_id: Uuid, 7+, ignorable;
        /// Why the topic was not created; none if it was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 1+, nullable 0+, default Some(String::new()), ignorable;
        /// Why `configs` is missing: mostly that the client may not see them.
        topic_config_error_code: ErrorCode, 5+, tag 0 in 5+, ignorable;
        /// Partitions the topic has; -1 when not told.
        num_partitions: i32, 5+, default -1, ignorable;
        /// Copies of each partition; -1 when not told.
        replication_factor: i16, 5+, default -1, ignorable;
        /// The topic's settings; null when not told.
        configs: Option<Vec<CreatableTopicConfigs>>, 5+, nullable 5+,
            default Some(Vec::new()), ignorable;
    }

    /// One setting as the new topic has it.
    response CreatableTopicConfigs {
        /// The setting's name.
        name: String, 5+;
        /// Its value; null if it is secret.
        value: Option<String>, 5+, nullable 5+, default Some(String::new());
        /// Whether it cannot be changed.
        read_only: bool, 5+;
        /// Where the value comes from, by the numbers of `DescribeConfigs`; -1 when not told.
        config_source: i8, 5+, default -1, ignorable;
        /// Whether the value is secret.
        is_sensitive: bool, 5+;
    }
}

api!(
    CreateTopicsRequest => CreateTopicsResponse, ApiKey::CREATE_TOPICS,
    versions 2 - 7, flexible 5
);
