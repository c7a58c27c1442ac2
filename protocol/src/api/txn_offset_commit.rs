//! Offsets that a group commits as part of a transaction (KIP-98).
//!
//! The member and its generation are checked since version 3 (KIP-447); from 5 on the coordinator
//! adds the group to the transaction by itself (KIP-890).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Commits offsets that count once the transaction is committed.
    request TxnOffsetCommitRequest {
        /// The transactional id.
        transactional_id: String, 0+;
        /// The group whose offsets these are.
        group_id: String, 0+;
        /// The producer's id.
        producer_id: i64, 0+;
        /// The producer's epoch.
        producer_epoch: i16, 0+;
        /// The generation (classic) or epoch (KIP-848) of the member; -1 to have it not checked.
        generation_id: i32, 3+, default -1;
        /// The member's id; empty from outside the group.
        member_id: String, 3+;
        /// The member's static id (KIP-345), if it has one.
        group_instance_id: Option<String>, 3+, nullable 3+;
        /// The offsets, by topic.
        topics: Vec<TxnOffsetCommitRequestTopic>, 0+;
    }

    /// Offsets of one topic.
    request TxnOffsetCommitRequestTopic {
        /// The topic's name.
        name: String, 0+;
        /// The offset of each partition.
        partitions: Vec<TxnOffsetCommitRequestPartition>, 0+;
    }

    /// The offset of one partition.
    request TxnOffsetCommitRequestPartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// The next offset to read.
        committed_offset: i64, 0+;
        /// The leader epoch of the last record read (KIP-320); -1 if not known.
        committed_leader_epoch: i32, 2+, default -1, ignorable;
        /// Whatever the client keeps next to the offset.
        committed_metadata: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// What became of each offset.
    response TxnOffsetCommitResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each topic.
        topics: Vec<TxnOffsetCommitResponseTopic>, 0+;
    }

    /// What became of one topic's offsets.
    response TxnOffsetCommitResponseTopic {
        /// The topic's name.
        name: String, 0+;
        /// One answer for each partition.
        partitions: Vec<TxnOffsetCommitResponsePartition>, 0+;
    }

    /// What became of one offset.
    response TxnOffsetCommitResponsePartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why it was not kept; none if it was.
        error_code: ErrorCode, 0+;
    }
}

api!(
    TxnOffsetCommitRequest => TxnOffsetCommitResponse, ApiKey::TXN_OFFSET_COMMIT,
    versions 0 - 5, flexible 3
);
