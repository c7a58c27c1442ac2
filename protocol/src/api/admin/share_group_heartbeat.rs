//! A member's membership in a share group (KIP-932).

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Joins, stays in or leaves a share group. What has not changed since the last one is null.
    request ShareGroupHeartbeatRequest {
        /// The group's id.
        group_id: String, 0+;
        /// The member's id, a UUID that it keeps until it ends.
        member_id: String, 0+;
        /// The epoch last told; 0 to join, -1 to leave.
        member_epoch: i32, 0+;
        /// The rack the member runs in, if it has one.
        rack_id: Option<String>, 0+, nullable 0+;
        /// The topics the member wants.
        subscribed_topic_names: Option<Vec<String>>, 0+, nullable 0+;
    }

    /// The member's place in the group.
    response ShareGroupHeartbeatResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why the member has no place; none if it has.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// The member's id.
        member_id: Option<String>, 0+, nullable 0+;
        /// The epoch to send with the next heartbeat.
        member_epoch: i32, 0+;
        /// Milliseconds until the next heartbeat is due.
        heartbeat_interval_ms: i32, 0+;
        /// The partitions to read; null if that has not changed.
        assignment: Option<ShareGroupHeartbeatAssignment>, 0+, nullable 0+;
    }

    /// What a member is to read, along with others.
    response ShareGroupHeartbeatAssignment {
        /// The partitions, by topic.
        topic_partitions: Vec<ShareGroupHeartbeatTopicPartitions>, 0+;
    }

    /// Partitions of one topic.
    response ShareGroupHeartbeatTopicPartitions {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }
}

api!(
    ShareGroupHeartbeatRequest => ShareGroupHeartbeatResponse, ApiKey::SHARE_GROUP_HEARTBEAT,
    versions 1 - 1, flexible 0
);
