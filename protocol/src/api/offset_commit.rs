use crate::{ApiKey, ErrorCode, Uuid, message::{api, message}};

message! {
    /// `OffsetCommit`: what is asked.
    request OffsetCommitRequest {
        /// The GroupId.
        group_id: String, 0+;
        /// The GenerationIdOrMemberEpoch.
        generation_id_or_member_epoch: i32, 1+, default -1, ignorable;
        /// The MemberId.
        member_id: String, 1+, ignorable;
        /// The GroupInstanceId.
        group_instance_id: Option<String>, 7+, nullable 7+;
        /// The RetentionTimeMs.
        retention_time_ms: i64, 2-4, default -1, ignorable;
        /// The Topics.
        topics: Vec<OffsetCommitRequestTopic>, 0+;
    }

    /// Part of [`OffsetCommitRequest`].
    request OffsetCommitRequestTopic {
        /// The Name.
        name: String, 0-9, ignorable;
        /// The TopicId.
        topic_id: Uuid, 10+, ignorable;
        /// The Partitions.
        partitions: Vec<OffsetCommitRequestPartition>, 0+;
    }

    /// Part of [`OffsetCommitRequest`].
    request OffsetCommitRequestPartition {
        /// The PartitionIndex.
        partition_index: i32, 0+;
        /// The CommittedOffset.
        committed_offset: i64, 0+;
        /// The CommittedLeaderEpoch.
        committed_leader_epoch: i32, 6+, default -1, ignorable;
        /// The CommittedMetadata.
        committed_metadata: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// `OffsetCommit`: what is answered.
    response OffsetCommitResponse {
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 3+, ignorable;
        /// The Topics.
        topics: Vec<OffsetCommitResponseTopic>, 0+;
    }

    /// Part of [`OffsetCommitResponse`].
    response OffsetCommitResponseTopic {
        /// The Name.
        name: String, 0-9, ignorable;
        /// The TopicId.
        topic_id: Uuid, 10+, ignorable;
        /// The Partitions.
        partitions: Vec<OffsetCommitResponsePartition>, 0+;
    }

    /// Part of [`OffsetCommitResponse`].
    response OffsetCommitResponsePartition {
        /// The PartitionIndex.
        partition_index: i32, 0+;
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
    }
}

api!(OffsetCommitRequest => OffsetCommitResponse, ApiKey::OFFSET_COMMIT, versions 2 - 10, flexible 8);
