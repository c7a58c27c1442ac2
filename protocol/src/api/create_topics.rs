use crate::{ApiKey, ErrorCode, Uuid, message::{api, message}};

message! {
    /// `CreateTopics`: what is asked.
    request CreateTopicsRequest {
        /// The Topics.
        topics: Vec<CreatableTopic>, 0+;
        /// The timeoutMs.
        timeout_ms: i32, 0+, default 60000;
        /// The validateOnly.
        validate_only: bool, 1+;
    }

    /// Part of [`CreateTopicsRequest`].
    request CreatableTopic {
        /// The Name.
        name: String, 0+;
        /// The NumPartitions.
        num_partitions: i32, 0+;
        /// The ReplicationFactor.
        replication_factor: i16, 0+;
        /// The Assignments.
        assignments: Vec<CreatableReplicaAssignment>, 0+;
        /// The Configs.
        configs: Vec<CreatableTopicConfig>, 0+;
    }

    /// Part of [`CreateTopicsRequest`].
    request CreatableReplicaAssignment {
        /// The PartitionIndex.
        partition_index: i32, 0+;
        /// The BrokerIds.
        broker_ids: Vec<i32>, 0+;
    }

    /// Part of [`CreateTopicsRequest`].
    request CreatableTopicConfig {
        /// The Name.
        name: String, 0+;
        /// The Value.
        value: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// `CreateTopics`: what is answered.
    response CreateTopicsResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 2+, ignorable;
        /// The Topics.
        topics: Vec<CreatableTopicResult>, 0+;
    }

    /// Part of [`CreateTopicsResponse`].
    response CreatableTopicResult {
        /// The Name.
        name: String, 0+;
        /// The TopicId.
        topic_id: Uuid, 7+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The ErrorMessage.
        error_message: Option<String>, 1+, nullable 0+, default Some(String::new()), ignorable;
        /// The TopicConfigErrorCode.
        topic_config_error_code: ErrorCode, 5+, tag 0 in 5+, ignorable;
        /// The NumPartitions.
        num_partitions: i32, 5+, default -1, ignorable;
        /// The ReplicationFactor.
        replication_factor: i16, 5+, default -1, ignorable;
        /// The Configs.
        configs: Option<Vec<CreatableTopicConfigs>>, 5+, nullable 5+, default Some(Vec::new()), ignorable;
    }

    /// Part of [`CreateTopicsResponse`].
    response CreatableTopicConfigs {
        /// The Name.
        name: String, 5+;
        /// The Value.
        value: Option<String>, 5+, nullable 5+, default Some(String::new());
        /// The ReadOnly.
        read_only: bool, 5+;
        /// The ConfigSource.
        config_source: i8, 5+, default -1, ignorable;
        /// The IsSensitive.
        is_sensitive: bool, 5+;
    }
}

api!(CreateTopicsRequest => CreateTopicsResponse, ApiKey::CREATE_TOPICS, versions 2 - 7, flexible 5);
