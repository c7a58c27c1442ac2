//! The producers that a partition's leader keeps in mind (KIP-664).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks leaders for the producers of partitions.
    request DescribeProducersRequest {
        /// The partitions, by topic.
        topics: Vec<DescribeProducersTopicRequest>, 0+;
    }

    /// Partitions of one topic.
    request DescribeProducersTopicRequest {
        /// The topic's name.
        name: String, 0+;
        /// The partitions' numbers.
        partition_indexes: Vec<i32>, 0+;
    }

    /// The producers.
    response DescribeProducersResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each topic.
        topics: Vec<DescribeProducersTopicResponse>, 0+;
    }

    /// The producers in one topic.
    response DescribeProducersTopicResponse {
        /// The topic's name.
        name: String, 0+;
        /// One answer for each partition.
        partitions: Vec<DescribeProducersPartitionResponse>, 0+;
    }

    /// The producers in one partition.
    response DescribeProducersPartitionResponse {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// The producers.
        active_producers: Vec<ProducerState>, 0+;
    }

    /// A producer.
    response ProducerState {
        /// The producer's id.
        producer_id: i64, 0+;
        /// Its epoch.
        producer_epoch: i32, 0+;
        /// The sequence number of its last record; -1 if there is none.
        last_sequence: i32, 0+, default -1;
        /// The time of its last batch, in milliseconds since 1970; -1 if not known.
        last_timestamp: i64, 0+, default -1;
        /// The epoch of the transaction coordinator that wrote its last marker.
        coordinator_epoch: i32, 0+;
        /// The first offset of its open transaction; -1 if none is open.
        current_txn_start_offset: i64, 0+, default -1;
    }
}

api!(
    DescribeProducersRequest => DescribeProducersResponse, ApiKey::DESCRIBE_PRODUCERS,
    versions 0 - 0, flexible 0
);
