//! Where leader epochs end, to notice that a log was truncated (KIP-101, KIP-320).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks where the records of given epochs end.
    request OffsetForLeaderEpochRequest {
        /// -1 for a consumer, -2 for a client without a say; a broker's own id otherwise.
        replica_id: i32, 3+, default -2, ignorable;
        /// The partitions asked about, by topic.
        topics: Vec<OffsetForLeaderTopic>, 0+;
    }

    /// The partitions of one topic.
    request OffsetForLeaderTopic {
        /// The topic's name.
        topic: String, 0+;
        /// The partitions asked about.
        partitions: Vec<OffsetForLeaderPartition>, 0+;
    }

    /// What is asked about one partition.
    request OffsetForLeaderPartition {
        /// The partition's number.
        partition: i32, 0+;
        /// The leader epoch the client knows, checked by the broker (KIP-320); -1 to skip that.
        current_leader_epoch: i32, 2+, default -1, ignorable;
        /// The epoch whose end is wanted.
        leader_epoch: i32, 0+;
    }

    /// The ends of the epochs.
    response OffsetForLeaderEpochResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 2+, ignorable;
        /// One answer for each topic.
        topics: Vec<OffsetForLeaderTopicResult>, 0+;
    }

    /// The ends of epochs in one topic.
    response OffsetForLeaderTopicResult {
        /// The topic's name.
        topic: String, 0+;
        /// One answer for each partition.
        partitions: Vec<OffsetForLeaderEpochEndOffset>, 0+;
    }

    /// The end of an epoch in one partition.
    response OffsetForLeaderEpochEndOffset {
        /// Why it is not told; none if it is.
        error_code: ErrorCode, 0+;
        /// The partition's number.
        partition: i32, 0+;
        /// The largest epoch not above the one asked about; -1 if there is none.
        leader_epoch: i32, 1+, default -1, ignorable;
        /// The offset behind its last record; -1 if there is none.
        end_offset: i64, 0+, default -1;
    }
}

api!(
    OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse, ApiKey::OFFSET_FOR_LEADER_EPOCH,
    versions 2 - 4, flexible 4
);
