//! A member's membership in a group whose coordinator assigns the partitions (KIP-848).
//!
//! From version 1 on members choose their id and may subscribe by a pattern (KIP-1082).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Joins, stays in or leaves a group. What has not changed since the last one is null or -1.
    request ConsumerGroupHeartbeatRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The member's id, a UUID that it keeps until it ends; in version 0 empty to be given one.
        member_id: String, 0+;
        /// The epoch last told; 0 to join, -1 to leave, -2 to leave for a while with a static id.
        member_epoch: i32, 0+;
        /// The member's static id (KIP-345), if it has one.
        instance_id: Option<String>, 0+, nullable 0+;
        /// The rack the member runs in, if it has one.
        rack_id: Option<String>, 0+, nullable 0+;
        /// Milliseconds the member may take to give up partitions.
        rebalance_timeout_ms: i32, 0+, default -1;
        /// The topics the member wants.
        subscribed_topic_names: Option<Vec<String>>, 0+, nullable 0+;
        /// The pattern of the topics that the member wants, in the syntax of RE2/J.
        subscribed_topic_regex: Option<String>, 1+, nullable 1+;
        /// The assignor the member would like the coordinator to use.
        server_assignor: Option<String>, 0+, nullable 0+;
        /// The partitions the member owns.
        topic_partitions: Option<Vec<ConsumerGroupHeartbeatTopicPartitions>>, 0+, nullable 0+;
    }

    /// Partitions of one topic.
    shared ConsumerGroupHeartbeatTopicPartitions {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }

    /// The member's place in the group.
    response ConsumerGroupHeartbeatResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why the member has no place; none if it has.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// The member's id; null if it is out of the group.
        member_id: Option<String>, 0+, nullable 0+;
        /// The epoch to send with the next heartbeat, and with commits.
        member_epoch: i32, 0+;
        /// Milliseconds until the next heartbeat is due.
        heartbeat_interval_ms: i32, 0+;
        /// The partitions to read; null if that has not changed.
        assignment: Option<ConsumerGroupHeartbeatAssignment>, 0+, nullable 0+;
    }

    /// What a member is to read.
    response ConsumerGroupHeartbeatAssignment {
        /// The partitions free to be read now, by topic.
        topic_partitions: Vec<ConsumerGroupHeartbeatTopicPartitions>, 0+;
    }
}

api!(
    ConsumerGroupHeartbeatRequest => ConsumerGroupHeartbeatResponse,
    ApiKey::CONSUMER_GROUP_HEARTBEAT, versions 0 - 1, flexible 0
);
