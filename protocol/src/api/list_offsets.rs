use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `ListOffsets`: what is asked.
    request ListOffsetsRequest {
        /// The ReplicaId.
        replica_id: i32, 0+;
        /// The IsolationLevel.
        isolation_level: i8, 2+;
        /// The Topics.
        topics: Vec<ListOffsetsTopic>, 0+;
        /// The TimeoutMs.
        timeout_ms: i32, 10+, ignorable;
    }

    /// Part of [`ListOffsetsRequest`].
    request ListOffsetsTopic {
        /// The Name.
        name: String, 0+;
        /// The Partitions.
        partitions: Vec<ListOffsetsPartition>, 0+;
    }

    /// Part of [`ListOffsetsRequest`].
    request ListOffsetsPartition {
        /// The PartitionIndex.
        partition_index: i32, 0+;
        /// The CurrentLeaderEpoch.
        current_leader_epoch: i32, 4+, default -1, ignorable;
        /// The Timestamp.
        timestamp: i64, 0+;
    }

    /// `ListOffsets`: what is answered.
    response ListOffsetsResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 2+, ignorable;
        /// The Topics.
        topics: Vec<ListOffsetsTopicResponse>, 0+;
    }

    /// Part of [`ListOffsetsResponse`].
    response ListOffsetsTopicResponse {
        /// The Name.
        name: String, 0+;
        /// The Partitions.
        partitions: Vec<ListOffsetsPartitionResponse>, 0+;
    }

    /// Part of [`ListOffsetsResponse`].
    response ListOffsetsPartitionResponse {
        /// The PartitionIndex.
        partition_index: i32, 0+;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The Timestamp.
        timestamp: i64, 1+, default -1;
        /// The Offset.
        offset: i64, 1+, default -1;
        /// The LeaderEpoch.
        leader_epoch: i32, 4+, default -1;
    }
}

api!(ListOffsetsRequest => ListOffsetsResponse, ApiKey::LIST_OFFSETS, versions 1 - 11, flexible 6);
