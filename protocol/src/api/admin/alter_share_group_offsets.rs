//! Setting where a share group is to go on (KIP-932).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the coordinator to set start offsets of a group without members.
    request AlterShareGroupOffsetsRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The offsets, by topic.
        topics: Vec<AlterShareGroupOffsetsRequestTopic>, 0+;
    }

    /// Start offsets in one topic.
    request AlterShareGroupOffsetsRequestTopic {
        /// The topic's name.
        topic_name: String, 0+;
        /// The offset of each partition.
        partitions: Vec<AlterShareGroupOffsetsRequestPartition>, 0+;
    }

    /// The start offset of one partition.
    request AlterShareGroupOffsetsRequestPartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// The first offset to read.
        start_offset: i64, 0+;
    }

    /// What became of each partition.
    response AlterShareGroupOffsetsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// An error of the whole group.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// One answer for each topic.
        responses: Vec<AlterShareGroupOffsetsResponseTopic>, 0+;
    }

    /// What became of one topic's partitions.
    response AlterShareGroupOffsetsResponseTopic {
        /// The topic's name.
        topic_name: String, 0+;
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// One answer for each partition.
        partitions: Vec<AlterShareGroupOffsetsResponsePartition>, 0+;
    }

    /// What became of one partition.
    response AlterShareGroupOffsetsResponsePartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why it was not set; none if it was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
    }
}

api!(
    AlterShareGroupOffsetsRequest => AlterShareGroupOffsetsResponse,
    ApiKey::ALTER_SHARE_GROUP_OFFSETS, versions 0 - 0, flexible 0
);
