//! Deleting offsets that a group has committed (KIP-496).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the coordinator to forget offsets.
    request OffsetDeleteRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The partitions, by topic.
        topics: Vec<OffsetDeleteRequestTopic>, 0+;
    }

    /// Partitions of one topic.
    request OffsetDeleteRequestTopic {
        /// The topic's name.
        name: String, 0+;
        /// The partitions whose offsets go.
        partitions: Vec<OffsetDeleteRequestPartition>, 0+;
    }

    /// A partition.
    request OffsetDeleteRequestPartition {
        /// The partition's number.
        partition_index: i32, 0+;
    }

    /// What became of each offset.
    response OffsetDeleteResponse {
        /// An error of the whole group.
        error_code: ErrorCode, 0+;
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+, ignorable;
        /// One answer for each topic.
        topics: Vec<OffsetDeleteResponseTopic>, 0+;
    }

    /// What became of one topic's offsets.
    response OffsetDeleteResponseTopic {
        /// The topic's name.
        name: String, 0+;
        /// One answer for each partition.
        partitions: Vec<OffsetDeleteResponsePartition>, 0+;
    }

    /// What became of one offset.
    response OffsetDeleteResponsePartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why it is still there; none if it is deleted.
        error_code: ErrorCode, 0+;
    }
}

api!(
    OffsetDeleteRequest => OffsetDeleteResponse, ApiKey::OFFSET_DELETE,
    versions 0 - 0, flexible i16::MAX
);
