//! Committing the offsets a group has processed.
//!
//! From version 9 with the new group protocol too (KIP-848); topic ids instead of names from 10.

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Commits offsets of a group.
    request OffsetCommitRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The member's generation, or epoch (KIP-848); -1 to commit from outside the group.
        generation_id_or_member_epoch: i32, 1+, default -1, ignorable;
        /// The member's id; empty from outside the group.
        member_id: String, 1+, ignorable;
        /// The member's static name, which outlives a restart (KIP-345); null if it has none.
        group_instance_id: Option<String>, 7+, nullable 7+;
        /// Milliseconds to keep the offsets; -1 for the broker's setting.
        retention_time_ms: i64, 2-4, default -1, ignorable;
        /// The offsets, by topic.
        topics: Vec<OffsetCommitRequestTopic>, 0+;
    }

    /// Offsets of one topic.
    request OffsetCommitRequestTopic {
        /// The topic's name, before version 10.
        name: String, 0-9, ignorable;
        /// The topic's id, from version 10 on.
        topic_id: Uuid, 10+, ignorable;
        /// The offset of each partition.
        partitions: Vec<OffsetCommitRequestPartition>, 0+;
    }

    /// The offset of one partition.
    request OffsetCommitRequestPartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// The next offset to read, one behind the last processed.
        committed_offset: i64, 0+;
        /// The epoch of the last record processed (KIP-320); -1 if not known.
        committed_leader_epoch: i32, 6+, default -1, ignorable;
        /// Whatever the client wants to keep next to the offset.
        committed_metadata: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// What became of each commit.
    response OffsetCommitResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 3+, ignorable;
        /// One answer for each topic.
        topics: Vec<OffsetCommitResponseTopic>, 0+;
    }

    /// What became of one topic's commits.
    response OffsetCommitResponseTopic {
        /// The topic's name, before version 10.
        name: String, 0-9, ignorable;
        /// The topic's id, from version 10 on.
        topic_id: Uuid, 10+, ignorable;
        /// One answer for each partition.
        partitions: Vec<OffsetCommitResponsePartition>, 0+;
    }

    /// What became of one partition's commit.
    response OffsetCommitResponsePartition {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why the offset was not committed; none if it was. Group errors stand here, in each
        /// partition.
        error_code: ErrorCode, 0+;
    }
}

api!(
    OffsetCommitRequest => OffsetCommitResponse, ApiKey::OFFSET_COMMIT,
    versions 2 - 10, flexible 8
);
