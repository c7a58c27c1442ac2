use crate::{ApiKey, ErrorCode, Uuid, records::Records, message::{api, message}};

message! {
    /// `Fetch`: what is asked.
    request FetchRequest {
        /// The ClusterId.
        cluster_id: Option<String>, 12+, nullable 12+, tag 0 in 12+, ignorable;
        /// The ReplicaId.
        replica_id: i32, 0-14, default -1;
        /// The ReplicaState.
        replica_state: ReplicaState, 15+, tag 1 in 15+;
        /// The MaxWaitMs.
        max_wait_ms: i32, 0+;
        /// The MinBytes.
        min_bytes: i32, 0+;
        /// The MaxBytes.
        max_bytes: i32, 3+, default i32::MAX, ignorable;
        /// The IsolationLevel.
        isolation_level: i8, 4+, ignorable;
        /// The SessionId.
        session_id: i32, 7+, ignorable;
        /// The SessionEpoch.
        session_epoch: i32, 7+, default -1, ignorable;
        /// The Topics.
        topics: Vec<FetchTopic>, 0+;
        /// The ForgottenTopicsData.
        forgotten_topics_data: Vec<ForgottenTopic>, 7+;
        /// The RackId.
        rack_id: String, 11+, ignorable;
    }

    /// Part of [`FetchRequest`].
    request ReplicaState {
        /// The ReplicaId.
        replica_id: i32, 15+, default -1;
        /// The ReplicaEpoch.
        replica_epoch: i64, 15+, default -1;
    }

    /// Part of [`FetchRequest`].
    request FetchTopic {
        /// The Topic.
        topic: String, 0-12, ignorable;
        /// The TopicId.
        topic_id: Uuid, 13+, ignorable;
        /// The Partitions.
        partitions: Vec<FetchPartition>, 0+;
    }

    /// Part of [`FetchRequest`].
    request FetchPartition {
        /// The Partition.
        partition: i32, 0+;
        /// The CurrentLeaderEpoch.
        current_leader_epoch: i32, 9+, default -1, ignorable;
        /// The FetchOffset.
        fetch_offset: i64, 0+;
        /// The LastFetchedEpoch.
        last_fetched_epoch: i32, 12+, default -1;
        /// The LogStartOffset.
        log_start_offset: i64, 5+, default -1, ignorable;
        /// The PartitionMaxBytes.
        partition_max_bytes: i32, 0+;
        /// The ReplicaDirectoryId.
        replica_directory_id: Uuid, 17+, tag 0 in 17+, ignorable;
        /// The HighWatermark.
        high_watermark: i64, 18+, tag 1 in 18+, default i64::MAX, ignorable;
    }

    /// Part of [`FetchRequest`].
    request ForgottenTopic {
        /// The Topic.
        topic: String, 7-12, ignorable;
        /// The TopicId.
        topic_id: Uuid, 13+, ignorable;
        /// The Partitions.
        partitions: Vec<i32>, 7+;
    }

    /// `Fetch`: what is answered.
    response FetchResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The ErrorCode.
        error_code: ErrorCode, 7+, ignorable;
        /// The SessionId.
        session_id: i32, 7+;
        /// The Responses.
        responses: Vec<FetchableTopicResponse>, 0+;
        /// The NodeEndpoints.
        node_endpoints: Vec<FetchNodeEndpoint>, 16+, tag 0 in 16+;
    }

    /// Part of [`FetchResponse`].
    response FetchableTopicResponse {
        /// The Topic.
        topic: String, 0-12, ignorable;
        /// The TopicId.
        topic_id: Uuid, 13+, ignorable;
        /// The Partitions.
        partitions: Vec<PartitionData>, 0+;
    }

    /// Part of [`FetchResponse`].
    response PartitionData {
        /// The PartitionIndex.
        partition_index: i32, 0+;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The HighWatermark.
        high_watermark: i64, 0+;
        /// The LastStableOffset.
        last_stable_offset: i64, 4+, default -1, ignorable;
        /// The LogStartOffset.
        log_start_offset: i64, 5+, default -1, ignorable;
        /// The DivergingEpoch.
        diverging_epoch: EpochEndOffset, 12+, tag 0 in 12+;
        /// The CurrentLeader.
        current_leader: FetchLeaderIdAndEpoch, 12+, tag 1 in 12+;
        /// The SnapshotId.
        snapshot_id: SnapshotId, 12+, tag 2 in 12+;
        /// The AbortedTransactions.
        aborted_transactions: Option<Vec<AbortedTransaction>>, 4+, nullable 4+, default Some(Vec::new()), ignorable;
        /// The PreferredReadReplica.
        preferred_read_replica: i32, 11+, default -1;
        /// The Records.
        records: Option<Records>, 0+, nullable 0+;
    }

    /// Part of [`FetchResponse`].
    response EpochEndOffset {
        /// The Epoch.
        epoch: i32, 12+, default -1;
        /// The EndOffset.
        end_offset: i64, 12+, default -1;
    }

    /// Part of [`FetchResponse`].
    response FetchLeaderIdAndEpoch {
        /// The LeaderId.
        leader_id: i32, 12+, default -1;
        /// The LeaderEpoch.
        leader_epoch: i32, 12+, default -1;
    }

    /// Part of [`FetchResponse`].
    response SnapshotId {
        /// The EndOffset.
        end_offset: i64, 0+, default -1;
        /// The Epoch.
        epoch: i32, 0+, default -1;
    }

    /// Part of [`FetchResponse`].
    response AbortedTransaction {
        /// The ProducerId.
        producer_id: i64, 4+;
        /// The FirstOffset.
        first_offset: i64, 4+;
    }

    /// Part of [`FetchResponse`].
    response FetchNodeEndpoint {
        /// The NodeId.
        node_id: i32, 16+;
        /// The Host.
        host: String, 16+;
        /// The Port.
        port: i32, 16+;
        /// The Rack.
        rack: Option<String>, 16+, nullable 16+;
    }
}

api!(FetchRequest => FetchResponse, ApiKey::FETCH, versions 4 - 18, flexible 12);
