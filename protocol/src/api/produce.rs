//! Writing records.
//!
//! zstd came with version 7 (KIP-110), errors by record with 8 (KIP-467), the new leader in errors
//! with 10 (KIP-951), topic ids instead of names with 13 (KIP-516).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
    records::Records,
};

message! {
    /// Appends batches to partitions.
    request ProduceRequest {
        /// The transactional id; null outside of transactions.
        transactional_id: Option<String>, 3+, nullable 3+;
        /// Who must have the records before the answer: -1 all in-sync replicas, 1 the leader; 0
        /// for no answer at all.
        acks: i16, 0+;
        /// Milliseconds the leader may wait for the other replicas.
        timeout_ms: i32, 0+;
        /// The batches, by topic.
        topic_data: Vec<TopicProduceData>, 0+;
    }

    /// Batches for one topic.
    request TopicProduceData {
        /// The topic's name, before version 13.
        name: String, 0-12, ignorable;
        /// The topic's id, from version 13 on.
        topic_id: Uuid, 13+, ignorable;
        /// The batches for each partition.
        partition_data: Vec<PartitionProduceData>, 0+;
    }

    /// The batch for one partition.
    request PartitionProduceData {
        /// The partition's number.
        index: i32, 0+;
        /// Exactly one batch of magic 2; the broker takes neither null nor more.
        records: Option<Records>, 0+, nullable 0+;
    }

    /// What became of each batch.
    response ProduceResponse {
        /// One answer for each topic.
        responses: Vec<TopicProduceResponse>, 0+;
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// Where the leaders named in `current_leader` are (KIP-951).
        node_endpoints: Vec<ProduceNodeEndpoint>, 10+, tag 0 in 10+;
    }

    /// What became of one topic's batches.
    response TopicProduceResponse {
        /// The topic's name, before version 13.
        name: String, 0-12, ignorable;
        /// The topic's id, from version 13 on.
        topic_id: Uuid, 13+, ignorable;
        /// One answer for each partition.
        partition_responses: Vec<PartitionProduceResponse>, 0+;
    }

    /// What became of one batch.
    response PartitionProduceResponse {
        /// The partition's number.
        index: i32, 0+;
        /// Why the batch was not appended; none if it was.
        error_code: ErrorCode, 0+;
        /// The offset of its first record; -1 along with an error.
        base_offset: i64, 0+;
        /// The broker's time, in milliseconds since 1970, if it stamps records; -1 if it keeps the
        /// client's.
        log_append_time_ms: i64, 2+, default -1, ignorable;
        /// The first offset there is; -1 when not told.
        log_start_offset: i64, 5+, default -1, ignorable;
        /// The records at fault, if the broker can tell (KIP-467).
        record_errors: Vec<BatchIndexAndErrorMessage>, 8+, ignorable;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 8+, nullable 8+, ignorable;
        /// The leader now, along with `NOT_LEADER_OR_FOLLOWER` (KIP-951).
        current_leader: ProduceLeaderIdAndEpoch, 10+, tag 0 in 10+;
    }

    /// A record at fault.
    response BatchIndexAndErrorMessage {
        /// Its place in the batch, from 0.
        batch_index: i32, 8+;
        /// What is wrong with it; null if `error_message` says it.
        batch_index_error_message: Option<String>, 8+, nullable 8+;
    }

    /// A partition's leader, as a hint in an error.
    response ProduceLeaderIdAndEpoch {
        /// The leader; -1 if not told.
        leader_id: i32, 10+, default -1;
        /// Its epoch; -1 if not told.
        leader_epoch: i32, 10+, default -1;
    }

    /// Where a broker is.
    response ProduceNodeEndpoint {
        /// The broker's id.
        node_id: i32, 10+;
        /// Its host name or address.
        host: String, 10+;
        /// Its port.
        port: i32, 10+;
        /// Its rack, if it has one.
        rack: Option<String>, 10+, nullable 10+;
    }
}

api!(ProduceRequest => ProduceResponse, ApiKey::PRODUCE, versions 3 - 13, flexible 9);
