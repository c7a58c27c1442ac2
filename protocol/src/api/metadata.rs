use crate::{ApiKey, ErrorCode, Uuid, message::{api, message}};

message! {
    /// `Metadata`: what is asked.
    request MetadataRequest {
        /// The Topics.
        topics: Option<Vec<MetadataRequestTopic>>, 0+, nullable 1+, default Some(Vec::new());
        /// The AllowAutoTopicCreation.
        allow_auto_topic_creation: bool, 4+, default true;
        /// The IncludeClusterAuthorizedOperations.
        include_cluster_authorized_operations: bool, 8-10;
        /// The IncludeTopicAuthorizedOperations.
        include_topic_authorized_operations: bool, 8+;
    }

    /// Part of [`MetadataRequest`].
    request MetadataRequestTopic {
        /// The TopicId.
        topic_id: Uuid, 10+, ignorable;
        /// The Name.
        name: Option<String>, 0+, nullable 10+, default Some(String::new());
    }

    /// `Metadata`: what is answered.
    response MetadataResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 3+, ignorable;
        /// The Brokers.
        brokers: Vec<MetadataResponseBroker>, 0+;
        /// The ClusterId.
        cluster_id: Option<String>, 2+, nullable 2+, ignorable;
        /// The ControllerId.
        controller_id: i32, 1+, default -1, ignorable;
        /// The Topics.
        topics: Vec<MetadataResponseTopic>, 0+;
        /// The ClusterAuthorizedOperations.
        cluster_authorized_operations: i32, 8-10, default -2147483648;
        /// The ErrorCode.
        error_code: ErrorCode, 13+, ignorable;
    }

    /// Part of [`MetadataResponse`].
    response MetadataResponseBroker {
        /// The NodeId.
        node_id: i32, 0+;
        /// The Host.
        host: String, 0+;
        /// The Port.
        port: i32, 0+;
        /// The Rack.
        rack: Option<String>, 1+, nullable 1+, ignorable;
    }

    /// Part of [`MetadataResponse`].
    response MetadataResponseTopic {
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The Name.
        name: Option<String>, 0+, nullable 12+, default Some(String::new());
        /// The TopicId.
        topic_id: Uuid, 10+, ignorable;
        /// The IsInternal.
        is_internal: bool, 1+, ignorable;
        /// The Partitions.
        partitions: Vec<MetadataResponsePartition>, 0+;
        /// The TopicAuthorizedOperations.
        topic_authorized_operations: i32, 8+, default -2147483648;
    }

    /// Part of [`MetadataResponse`].
    response MetadataResponsePartition {
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The PartitionIndex.
        partition_index: i32, 0+;
        /// The LeaderId.
        leader_id: i32, 0+;
        /// The LeaderEpoch.
        leader_epoch: i32, 7+, default -1, ignorable;
        /// The ReplicaNodes.
        replica_nodes: Vec<i32>, 0+;
        /// The IsrNodes.
        isr_nodes: Vec<i32>, 0+;
        /// The OfflineReplicas.
        offline_replicas: Vec<i32>, 5+, ignorable;
    }
}

api!(MetadataRequest => MetadataResponse, ApiKey::METADATA, versions 0 - 13, flexible 9);
