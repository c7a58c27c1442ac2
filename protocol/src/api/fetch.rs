//! Reading records: from a leader, or from a nearer replica since version 11 (KIP-392).
//!
//! Fetch sessions came with version 7 (KIP-227), zstd with 10 (KIP-110), topic ids instead of
//! names with 13 (KIP-516), the new leader in errors with 16 (KIP-951).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
    records::Records,
};

message! {
    /// Asks for records from given offsets on.
    request FetchRequest {
        /// The cluster a KRaft replica believes to be in; consumers leave it null.
        cluster_id: Option<String>, 12+, nullable 12+, tag 0 in 12+, ignorable;
        /// The following broker; -1 for a consumer. Moved into `replica_state` (KIP-903).
        replica_id: i32, 0-14, default -1;
        /// Who follows; consumers leave it as it is.
        replica_state: ReplicaState, 15+, tag 1 in 15+;
        /// Milliseconds the broker may wait for `min_bytes` to be there.
        max_wait_ms: i32, 0+;
        /// Bytes that end the wait; 0 to be answered at once.
        min_bytes: i32, 0+;
        /// Bytes wanted at most, in all; a first batch larger than this comes all the same
        /// (KIP-74).
        max_bytes: i32, 3+, default i32::MAX, ignorable;
        /// 0 to read everything, 1 to read only what is committed (KIP-98).
        isolation_level: i8, 4+, ignorable;
        /// The fetch session gone on with; 0 for none or a new one (KIP-227).
        session_id: i32, 7+, ignorable;
        /// 0 opens a session, then it counts up by one; -1 asks outside of any or closes
        /// `session_id`.
        session_epoch: i32, 7+, default -1, ignorable;
        /// What to read, in the order wanted; in a session only what has changed.
        topics: Vec<FetchTopic>, 0+;
        /// Partitions to take out of the session.
        forgotten_topics_data: Vec<ForgottenTopic>, 7+;
        /// The client's rack, for a nearer replica (KIP-392); empty if it has none.
        rack_id: String, 11+, ignorable;
    }

    /// The broker or controller that follows a partition.
    request ReplicaState {
        /// Its id; -1 for a consumer.
        replica_id: i32, 15+, default -1;
        /// Its epoch; -1 if there is none.
        replica_epoch: i64, 15+, default -1;
    }

    /// The partitions of one topic to read.
    request FetchTopic {
        /// The topic's name, before version 13.
        topic: String, 0-12, ignorable;
        /// The topic's id, from version 13 on.
        topic_id: Uuid, 13+, ignorable;
        /// The partitions to read.
        partitions: Vec<FetchPartition>, 0+;
    }

    /// Where to read one partition.
    request FetchPartition {
        /// The partition's number.
        partition: i32, 0+;
        /// The leader epoch the client knows, checked by the broker (KIP-320); -1 to skip that.
        current_leader_epoch: i32, 9+, default -1, ignorable;
        /// The first offset wanted; the batch that holds it comes whole.
        fetch_offset: i64, 0+;
        /// Epoch of the record before `fetch_offset`, to notice truncation (KIP-595); -1 if not
        /// known.
        last_fetched_epoch: i32, 12+, default -1;
        /// The follower's first offset; -1 for a consumer.
        log_start_offset: i64, 5+, default -1, ignorable;
        /// Bytes wanted at most of this partition; a larger first batch comes all the same
        /// (KIP-74).
        partition_max_bytes: i32, 0+;
        /// The follower's log directory (KIP-853); zero for a consumer.
        replica_directory_id: Uuid, 17+, tag 0 in 17+, ignorable;
        /// The high watermark the follower knows (KIP-1166); -1 if none, `i64::MAX` for a consumer.
        high_watermark: i64, 18+, tag 1 in 18+, default i64::MAX, ignorable;
    }

    /// Partitions of one topic to take out of the session.
    request ForgottenTopic {
        /// The topic's name, before version 13.
        topic: String, 7-12, ignorable;
        /// The topic's id, from version 13 on.
        topic_id: Uuid, 13+, ignorable;
        /// The partitions' numbers.
        partitions: Vec<i32>, 7+;
    }

    /// Records, partition by partition.
    response FetchResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// An error of the whole request, such as a session that is not known.
        error_code: ErrorCode, 7+, ignorable;
        /// The session to go on with; 0 if there is none.
        session_id: i32, 7+;
        /// What was read; in a session, partitions without news are missing.
        responses: Vec<FetchableTopicResponse>, 0+;
        /// Where the leaders named in `current_leader` are (KIP-951).
        node_endpoints: Vec<FetchNodeEndpoint>, 16+, tag 0 in 16+;
    }

    /// What was read of one topic.
    response FetchableTopicResponse {
        /// The topic's name, before version 13.
        topic: String, 0-12, ignorable;
        /// The topic's id, from version 13 on.
        topic_id: Uuid, 13+, ignorable;
        /// What was read of each partition.
        partitions: Vec<PartitionData>, 0+;
    }

    /// What was read of one partition.
    response PartitionData {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why nothing could be read; none if it could.
        error_code: ErrorCode, 0+;
        /// The offset behind the last record that all in-sync replicas have; -1 along with an
        /// error.
        high_watermark: i64, 0+;
        /// The offset below which every transaction is decided; -1 when not told.
        last_stable_offset: i64, 4+, default -1, ignorable;
        /// The first offset there is; -1 when not told.
        log_start_offset: i64, 5+, default -1, ignorable;
        /// Where the client's log and the leader's part, if they do (KIP-595).
        diverging_epoch: EpochEndOffset, 12+, tag 0 in 12+;
        /// The leader now, along with an error that says the client's is out of date (KIP-951).
        current_leader: FetchLeaderIdAndEpoch, 12+, tag 1 in 12+;
        /// For KRaft replicas: the snapshot to fetch instead.
        snapshot_id: SnapshotId, 12+, tag 2 in 12+;
        /// The aborted transactions that touch these records; null unless only committed ones were
        /// asked for.
        aborted_transactions: Option<Vec<AbortedTransaction>>, 4+, nullable 4+,
            default Some(Vec::new()), ignorable;
        /// The replica to read from instead (KIP-392), this answer holding no records; -1 to stay.
        preferred_read_replica: i32, 11+, default -1;
        /// The batches; the first may begin before the offset asked for, the last may be cut off.
        records: Option<Records>, 0+, nullable 0+;
    }

    /// The last point that two logs share.
    response EpochEndOffset {
        /// The largest epoch both have; -1 if the logs do not part.
        epoch: i32, 12+, default -1;
        /// Where that epoch ends; -1 if the logs do not part.
        end_offset: i64, 12+, default -1;
    }

    /// A partition's leader, as a hint in an error.
    response FetchLeaderIdAndEpoch {
        /// The leader; -1 if not told.
        leader_id: i32, 12+, default -1;
        /// Its epoch; -1 if not told.
        leader_epoch: i32, 12+, default -1;
    }

    /// A snapshot of a KRaft log.
    response SnapshotId {
        /// The offset behind it; -1 if there is none.
        end_offset: i64, 0+, default -1;
        /// Its epoch; -1 if there is none.
        epoch: i32, 0+, default -1;
    }

    /// A transaction whose records are to be skipped, up to its abort marker.
    response AbortedTransaction {
        /// The producer that aborted it.
        producer_id: i64, 4+;
        /// The offset of its first record.
        first_offset: i64, 4+;
    }

    /// Where a broker is.
    response FetchNodeEndpoint {
        /// The broker's id.
        node_id: i32, 16+;
        /// Its host name or address.
        host: String, 16+;
        /// Its port.
        port: i32, 16+;
        /// Its rack, if it has one.
        rack: Option<String>, 16+, nullable 16+;
    }
}

api!(FetchRequest => FetchResponse, ApiKey::FETCH, versions 4 - 18, flexible 12);
