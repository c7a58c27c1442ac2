//! Topics and their partitions page by page, with the replicas that may lead (KIP-966).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks for topics, in the order of their names.
    request DescribeTopicPartitionsRequest {
        /// The topics; none for all of them.
        topics: Vec<DescribeTopicPartitionsTopicRequest>, 0+;
        /// Partitions wanted at most; the broker may send fewer.
        response_partition_limit: i32, 0+, default 2000;
        /// Where to begin; null for the beginning.
        cursor: Option<DescribeTopicPartitionsCursor>, 0+, nullable 0+;
    }

    /// A topic asked about.
    request DescribeTopicPartitionsTopicRequest {
        /// The topic's name.
        name: String, 0+;
    }

    /// The partition that a page begins with.
    shared DescribeTopicPartitionsCursor {
        /// The topic's name.
        topic_name: String, 0+;
        /// The partition's number.
        partition_index: i32, 0+;
    }

    /// One page of partitions.
    response DescribeTopicPartitionsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+, ignorable;
        /// The topics.
        topics: Vec<DescribeTopicPartitionsResponseTopic>, 0+;
        /// Where the next page begins; null if this is the last.
        next_cursor: Option<DescribeTopicPartitionsCursor>, 0+, nullable 0+;
    }

    /// A topic.
    response DescribeTopicPartitionsResponseTopic {
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The topic's name.
        name: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The topic's id.
        topic_id: Uuid, 0+, ignorable;
        /// Whether it is one of Kafka's own, such as `__consumer_offsets`.
        is_internal: bool, 0+, ignorable;
        /// Its partitions, as far as this page goes.
        partitions: Vec<DescribeTopicPartitionsResponsePartition>, 0+;
        /// A bit for each operation allowed.
        topic_authorized_operations: i32, 0+, default -2147483648;
    }

    /// A partition.
    response DescribeTopicPartitionsResponsePartition {
        /// `LEADER_NOT_AVAILABLE` and the like; the rest may hold good all the same.
        error_code: ErrorCode, 0+;
        /// The partition's number.
        partition_index: i32, 0+;
        /// The leader; -1 if there is none.
        leader_id: i32, 0+;
        /// Grows with each new leader (KIP-320); -1 if not told.
        leader_epoch: i32, 0+, default -1, ignorable;
        /// All brokers that hold a copy, the preferred leader first.
        replica_nodes: Vec<i32>, 0+;
        /// Those whose copy is in sync.
        isr_nodes: Vec<i32>, 0+;
        /// Those out of sync that may lead all the same, having all committed records.
        eligible_leader_replicas: Option<Vec<i32>>, 0+, nullable 0+;
        /// Those that were eligible before they were shut down uncleanly.
        last_known_elr: Option<Vec<i32>>, 0+, nullable 0+;
        /// Those whose copy is out of reach.
        offline_replicas: Vec<i32>, 0+, ignorable;
    }
}

api!(
    DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse,
    ApiKey::DESCRIBE_TOPIC_PARTITIONS, versions 0 - 0, flexible 0
);
