//! The voters and observers of KRaft's log (KIP-595, KIP-836, KIP-853).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks for the state of partitions that a quorum keeps.
    request DescribeQuorumRequest {
        /// The partitions, by topic: that of `__cluster_metadata`.
        topics: Vec<DescribeQuorumRequestTopicData>, 0+;
    }

    /// Partitions of one topic.
    request DescribeQuorumRequestTopicData {
        /// The topic's name.
        topic_name: String, 0+;
        /// The partitions.
        partitions: Vec<DescribeQuorumRequestPartitionData>, 0+;
    }

    /// A partition asked about.
    request DescribeQuorumRequestPartitionData {
        /// The partition's number.
        partition_index: i32, 0+;
    }

    /// The state of the quorum.
    response DescribeQuorumResponse {
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 2+, nullable 2+, default Some(String::new()), ignorable;
        /// One answer for each topic.
        topics: Vec<DescribeQuorumResponseTopicData>, 0+;
        /// Where the voters are, from version 2 on.
        nodes: Vec<DescribeQuorumNode>, 2+;
    }

    /// The state in one topic.
    response DescribeQuorumResponseTopicData {
        /// The topic's name.
        topic_name: String, 0+;
        /// One answer for each partition.
        partitions: Vec<DescribeQuorumResponsePartitionData>, 0+;
    }

    /// The state of one partition.
    response DescribeQuorumResponsePartitionData {
        /// The partition's number.
        partition_index: i32, 0+;
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 2+, nullable 2+, default Some(String::new()), ignorable;
        /// The leader; -1 if not known.
        leader_id: i32, 0+;
        /// Its epoch.
        leader_epoch: i32, 0+;
        /// The offset behind the last record that most voters have.
        high_watermark: i64, 0+;
        /// The voters.
        current_voters: Vec<DescribeQuorumReplicaState>, 0+;
        /// The nodes that follow without a vote.
        observers: Vec<DescribeQuorumReplicaState>, 0+;
    }

    /// A voter or an observer.
    response DescribeQuorumReplicaState {
        /// Its id.
        replica_id: i32, 0+;
        /// Its log directory (KIP-853).
        replica_directory_id: Uuid, 2+;
        /// The end of its log, as far as the leader knows; -1 if it does not.
        log_end_offset: i64, 0+;
        /// When it last fetched, in milliseconds since 1970; -1 if not known, and for the leader.
        last_fetch_timestamp: i64, 1+, default -1, ignorable;
        /// When it last had the whole log, in milliseconds since 1970; -1 if not known, and for the
        /// leader.
        last_caught_up_timestamp: i64, 1+, default -1, ignorable;
    }

    /// A node of the quorum.
    response DescribeQuorumNode {
        /// Its id.
        node_id: i32, 2+;
        /// Where it is.
        listeners: Vec<DescribeQuorumListener>, 2+;
    }

    /// Where a node is.
    response DescribeQuorumListener {
        /// The listener's name, such as `CONTROLLER`.
        name: String, 2+;
        /// Its host name or address.
        host: String, 2+;
        /// Its port.
        port: u16, 2+;
    }
}

api!(
    DescribeQuorumRequest => DescribeQuorumResponse, ApiKey::DESCRIBE_QUORUM,
    versions 0 - 2, flexible 0
);
