//! Offsets of a partition by time: its beginning, its end, or the first record from a time on.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for offsets by time.
    request ListOffsetsRequest {
        /// -1 for a consumer; a broker's own id otherwise.
        replica_id: i32, 0+;
        /// 0 for the end of the log, 1 for the end of what is committed (KIP-98).
        isolation_level: i8, 2+;
        /// The partitions asked about, by topic.
        topics: Vec<ListOffsetsTopic>, 0+;
        /// Milliseconds the broker may take to look into tiered storage (KIP-1075).
        timeout_ms: i32, 10+, ignorable;
    }

    /// The partitions of one topic.
    request ListOffsetsTopic {
        /// The topic's name.
        name: String, 0+;
        /// The partitions asked about.
        partitions: Vec<ListOffsetsPartition>, 0+;
    }

    /// What is asked about one partition.
    request ListOffsetsPartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// The leader epoch the client knows, checked by the broker (KIP-320); -1 to skip that.
        current_leader_epoch: i32, 4+, default -1, ignorable;
        /// Milliseconds since 1970; -1 for the end, -2 for the beginning, -3 for the newest time
        /// (KIP-734), -4 for the first local offset (KIP-405), -5 for the last tiered one
        /// (KIP-1005), -6 for the first not yet tiered (KIP-1023).
        timestamp: i64, 0+;
    }

    /// The offsets found.
    response ListOffsetsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 2+, ignorable;
        /// One answer for each topic asked about.
        topics: Vec<ListOffsetsTopicResponse>, 0+;
    }

    /// The offsets of one topic.
    response ListOffsetsTopicResponse {
        /// The topic's name.
        name: String, 0+;
        /// One answer for each partition asked about.
        partitions: Vec<ListOffsetsPartitionResponse>, 0+;
    }

    /// The offset of one partition.
    response ListOffsetsPartitionResponse {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why there is no offset; none if there is.
        error_code: ErrorCode, 0+;
        /// The time of the record found; -1 if the offset is not that of a record asked for by
        /// time.
        timestamp: i64, 1+, default -1;
        /// The offset; -1 if no record is that young.
        offset: i64, 1+, default -1;
        /// The leader epoch of the record there; -1 if not known.
        leader_epoch: i32, 4+, default -1;
    }
}

api!(ListOffsetsRequest => ListOffsetsResponse, ApiKey::LIST_OFFSETS, versions 1 - 11, flexible 6);
