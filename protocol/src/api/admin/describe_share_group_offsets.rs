//! Where share groups have come to (KIP-932).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the coordinator for start offsets.
    request DescribeShareGroupOffsetsRequest {
        /// The groups and their partitions.
        groups: Vec<DescribeShareGroupOffsetsRequestGroup>, 0+;
    }

    /// A group and the partitions asked about.
    request DescribeShareGroupOffsetsRequestGroup {
        /// The group's id.
        group_id: String, 0+;
        /// The partitions, by topic; null for all.
        topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>>, 0+, nullable 0+,
            default Some(Vec::new());
    }

    /// Partitions of one topic.
    request DescribeShareGroupOffsetsRequestTopic {
        /// The topic's name.
        topic_name: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }

    /// The start offsets.
    response DescribeShareGroupOffsetsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each group.
        groups: Vec<DescribeShareGroupOffsetsResponseGroup>, 0+;
    }

    /// The start offsets of one group.
    response DescribeShareGroupOffsetsResponseGroup {
        /// The group's id.
        group_id: String, 0+;
        /// The offsets, by topic.
        topics: Vec<DescribeShareGroupOffsetsResponseTopic>, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
    }

    /// The start offsets in one topic.
    response DescribeShareGroupOffsetsResponseTopic {
        /// The topic's name.
        topic_name: String, 0+;
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// The offset of each partition.
        partitions: Vec<DescribeShareGroupOffsetsResponsePartition>, 0+;
    }

    /// The start offset of one partition.
    response DescribeShareGroupOffsetsResponsePartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// The first offset not yet done with; -1 if there is none.
        start_offset: i64, 0+;
        /// The leader epoch kept with it.
        leader_epoch: i32, 0+;
        /// Records from there to the end that are not yet done with (KIP-1226); -1 if not told.
        lag: i64, 1+, default -1, ignorable;
        /// Why it is not told; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
    }
}

api!(
    DescribeShareGroupOffsetsRequest => DescribeShareGroupOffsetsResponse,
    ApiKey::DESCRIBE_SHARE_GROUP_OFFSETS, versions 0 - 1, flexible 0
);
