//! The offsets a group has committed.
//!
//! Several groups at once from version 8 (KIP-709); topic ids instead of names from 10 (KIP-848).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks for committed offsets.
    request OffsetFetchRequest {
        /// The group, before version 8.
        group_id: String, 0-7;
        /// The partitions, before version 8; null for all that the group has committed.
        topics: Option<Vec<OffsetFetchRequestTopic>>, 0-7, nullable 2-7, default Some(Vec::new());
        /// The groups and their partitions, from version 8 on.
        groups: Vec<OffsetFetchRequestGroup>, 8+;
        /// Answer `UNSTABLE_OFFSET_COMMIT` while a transaction has commits pending (KIP-447).
        require_stable: bool, 7+;
    }

    /// Partitions of one topic, before version 8.
    request OffsetFetchRequestTopic {
        /// The topic's name.
        name: String, 0-7;
        /// The partitions' numbers.
        partition_indexes: Vec<i32>, 0-7;
    }

    /// A group and the partitions asked about.
    request OffsetFetchRequestGroup {
        /// The group's id.
        group_id: String, 8+;
        /// The member's id (KIP-848); null from outside the group and in a classic one.
        member_id: Option<String>, 9+, nullable 9+, ignorable;
        /// The member's epoch (KIP-848); -1 from outside the group and in a classic one.
        member_epoch: i32, 9+, default -1, ignorable;
        /// The partitions; null for all that the group has committed.
        topics: Option<Vec<OffsetFetchRequestTopics>>, 8+, nullable 8+, default Some(Vec::new());
    }

    /// Partitions of one topic.
    request OffsetFetchRequestTopics {
        /// The topic's name, before version 10.
        name: String, 8-9, ignorable;
        /// The topic's id, from version 10 on.
        topic_id: Uuid, 10+, ignorable;
        /// The partitions' numbers.
        partition_indexes: Vec<i32>, 8+;
    }

    /// The offsets committed.
    response OffsetFetchResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 3+, ignorable;
        /// The offsets, before version 8.
        topics: Vec<OffsetFetchResponseTopic>, 0-7;
        /// An error of the whole group, before version 8.
        error_code: ErrorCode, 2-7, ignorable;
        /// The offsets of each group, from version 8 on.
        groups: Vec<OffsetFetchResponseGroup>, 8+;
    }

    /// Offsets of one topic, before version 8.
    response OffsetFetchResponseTopic {
        /// The topic's name.
        name: String, 0-7;
        /// The offset of each partition.
        partitions: Vec<OffsetFetchResponsePartition>, 0-7;
    }

    /// The offset of one partition, before version 8.
    response OffsetFetchResponsePartition {
        /// The partition's number.
        partition_index: i32, 0-7;
        /// The next offset to read; -1 if nothing is committed.
        committed_offset: i64, 0-7;
        /// The epoch committed with it (KIP-320); -1 if none was.
        committed_leader_epoch: i32, 5-7, default -1, ignorable;
        /// What the client kept next to the offset.
        metadata: Option<String>, 0-7, nullable 0-7, default Some(String::new());
        /// Why there is no offset; none if there is, or nothing is committed.
        error_code: ErrorCode, 0-7;
    }

    /// The offsets of one group.
    response OffsetFetchResponseGroup {
        /// The group's id.
        group_id: String, 8+;
        /// The offsets, by topic.
        topics: Vec<OffsetFetchResponseTopics>, 8+;
        /// An error of the whole group.
        error_code: ErrorCode, 8+;
    }

    /// Offsets of one topic.
    response OffsetFetchResponseTopics {
        /// The topic's name, before version 10.
        name: String, 8-9, ignorable;
        /// The topic's id, from version 10 on.
        topic_id: Uuid, 10+, ignorable;
        /// The offset of each partition.
        partitions: Vec<OffsetFetchResponsePartitions>, 8+;
    }

    /// The offset of one partition.
    response OffsetFetchResponsePartitions {
        /// The partition's number.
        partition_index: i32, 8+;
        /// The next offset to read; -1 if nothing is committed.
        committed_offset: i64, 8+;
        /// The epoch committed with it (KIP-320); -1 if none was.
        committed_leader_epoch: i32, 8+, default -1, ignorable;
        /// What the client kept next to the offset.
        metadata: Option<String>, 8+, nullable 8+, default Some(String::new());
        /// Why there is no offset; none if there is, or nothing is committed.
        error_code: ErrorCode, 8+;
    }
}

api!(OffsetFetchRequest => OffsetFetchResponse, ApiKey::OFFSET_FETCH, versions 1 - 10, flexible 6);
