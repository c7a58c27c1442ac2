//! Electing leaders of partitions (KIP-183, KIP-460).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the controller for elections.
    request ElectLeadersRequest {
        /// 0 for the preferred leader, 1 for any replica, if the leader is lost, even one out of
        /// sync.
        election_type: i8, 1+;
        /// The partitions, by topic; null for all.
        topic_partitions: Option<Vec<ElectLeadersTopicPartitions>>, 0+, nullable 0+,
            default Some(Vec::new());
        /// Milliseconds the broker may take.
        timeout_ms: i32, 0+, default 60000;
    }

    /// Partitions of one topic.
    request ElectLeadersTopicPartitions {
        /// The topic's name.
        topic: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }

    /// What became of each partition.
    response ElectLeadersResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// An error of the whole request.
        error_code: ErrorCode, 1+;
        /// One answer for each topic; if all were asked for, without those that needed no election.
        replica_election_results: Vec<ReplicaElectionResult>, 0+;
    }

    /// What became of one topic's partitions.
    response ReplicaElectionResult {
        /// The topic's name.
        topic: String, 0+;
        /// One answer for each partition.
        partition_result: Vec<ElectLeadersPartitionResult>, 0+;
    }

    /// What became of one partition.
    response ElectLeadersPartitionResult {
        /// The partition's number.
        partition_id: i32, 0+;
        /// Why there was no election; none if there was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
    }
}

api!(
    ElectLeadersRequest => ElectLeadersResponse, ApiKey::ELECT_LEADERS,
    versions 0 - 2, flexible 2
);
