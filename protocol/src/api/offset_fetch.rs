use crate::{ApiKey, ErrorCode, Uuid, message::{api, message}};

message! {
    /// `OffsetFetch`: what is asked.
    request OffsetFetchRequest {
        /// The GroupId.
        group_id: String, 0-7;
        /// The Topics.
        topics: Option<Vec<OffsetFetchRequestTopic>>, 0-7, nullable 2-7, default Some(Vec::new());
        /// The Groups.
        groups: Vec<OffsetFetchRequestGroup>, 8+;
        /// The RequireStable.
        require_stable: bool, 7+;
    }

    /// Part of [`OffsetFetchRequest`].
    request OffsetFetchRequestTopic {
        /// The Name.
        name: String, 0-7;
        /// The PartitionIndexes.
        partition_indexes: Vec<i32>, 0-7;
    }

    /// Part of [`OffsetFetchRequest`].
    request OffsetFetchRequestGroup {
        /// The GroupId.
        group_id: String, 8+;
        /// The MemberId.
        member_id: Option<String>, 9+, nullable 9+, ignorable;
        /// The MemberEpoch.
        member_epoch: i32, 9+, default -1, ignorable;
        /// The Topics.
        topics: Option<Vec<OffsetFetchRequestTopics>>, 8+, nullable 8+, default Some(Vec::new());
    }

    /// Part of [`OffsetFetchRequest`].
    request OffsetFetchRequestTopics {
        /// The Name.
        name: String, 8-9, ignorable;
        /// The TopicId.
        topic_id: Uuid, 10+, ignorable;
        /// The PartitionIndexes.
        partition_indexes: Vec<i32>, 8+;
    }

    /// `OffsetFetch`: what is answered.
    response OffsetFetchResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 3+, ignorable;
        /// The Topics.
        topics: Vec<OffsetFetchResponseTopic>, 0-7;
        /// The ErrorCode.
        error_code: ErrorCode, 2-7, ignorable;
        /// The Groups.
        groups: Vec<OffsetFetchResponseGroup>, 8+;
    }

    /// Part of [`OffsetFetchResponse`].
    response OffsetFetchResponseTopic {
        /// The Name.
        name: String, 0-7;
        /// The Partitions.
        partitions: Vec<OffsetFetchResponsePartition>, 0-7;
    }

    /// Part of [`OffsetFetchResponse`].
    response OffsetFetchResponsePartition {
        /// The PartitionIndex.
        partition_index: i32, 0-7;
        /// The CommittedOffset.
        committed_offset: i64, 0-7;
        /// The CommittedLeaderEpoch.
        committed_leader_epoch: i32, 5-7, default -1, ignorable;
        /// The Metadata.
        metadata: Option<String>, 0-7, nullable 0-7, default Some(String::new());
        /// The ErrorCode.
        error_code: ErrorCode, 0-7;
    }

    /// Part of [`OffsetFetchResponse`].
    response OffsetFetchResponseGroup {
        /// The GroupId.
        group_id: String, 8+;
        /// The Topics.
        topics: Vec<OffsetFetchResponseTopics>, 8+;
        /// The ErrorCode.
        error_code: ErrorCode, 8+;
    }

    /// Part of [`OffsetFetchResponse`].
    response OffsetFetchResponseTopics {
        /// The Name.
        name: String, 8-9, ignorable;
        /// The TopicId.
        topic_id: Uuid, 10+, ignorable;
        /// The Partitions.
        partitions: Vec<OffsetFetchResponsePartitions>, 8+;
    }

    /// Part of [`OffsetFetchResponse`].
    response OffsetFetchResponsePartitions {
        /// The PartitionIndex.
        partition_index: i32, 8+;
        /// The CommittedOffset.
        committed_offset: i64, 8+;
        /// The CommittedLeaderEpoch.
        committed_leader_epoch: i32, 8+, default -1, ignorable;
        /// The Metadata.
        metadata: Option<String>, 8+, nullable 8+, default Some(String::new());
        /// The ErrorCode.
        error_code: ErrorCode, 8+;
    }
}

api!(OffsetFetchRequest => OffsetFetchResponse, ApiKey::OFFSET_FETCH, versions 1 - 10, flexible 6);
