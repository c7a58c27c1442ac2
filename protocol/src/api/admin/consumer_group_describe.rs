//! Groups of the consumer protocol (KIP-848) in detail.

use crate::{
    ApiKey, ErrorCode, Uuid,
    message::{api, message},
};

message! {
    /// Asks the coordinator about groups.
    request ConsumerGroupDescribeRequest {
        /// The groups' ids.
        group_ids: Vec<String>, 0+;
        /// Whether to tell what the client may do with each group (KIP-430).
        include_authorized_operations: bool, 0+;
    }

    /// The groups.
    response ConsumerGroupDescribeResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each group asked about.
        groups: Vec<ConsumerGroupDescribeDescribedGroup>, 0+;
    }

    /// A group.
    response ConsumerGroupDescribeDescribedGroup {
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+;
        /// The group's id.
        group_id: String, 0+;
        /// Such as `Stable`, `Reconciling` or `Empty`; empty along with an error.
        group_state: String, 0+;
        /// Grows with each change of the members or what they want.
        group_epoch: i32, 0+;
        /// The group epoch that the target assignment was made for.
        assignment_epoch: i32, 0+;
        /// The assignor in use.
        assignor_name: String, 0+;
        /// Its members.
        members: Vec<ConsumerGroupDescribeMember>, 0+;
        /// A bit for each operation allowed; `i32::MIN` if not asked for.
        authorized_operations: i32, 0+, default -2147483648;
    }

    /// A member.
    response ConsumerGroupDescribeMember {
        /// The member's id.
        member_id: String, 0+;
        /// Its static id (KIP-345), if it has one.
        instance_id: Option<String>, 0+, nullable 0+;
        /// Its rack, if it has one.
        rack_id: Option<String>, 0+, nullable 0+;
        /// The epoch it has reached.
        member_epoch: i32, 0+;
        /// What its client calls itself.
        client_id: String, 0+;
        /// The address it comes from.
        client_host: String, 0+;
        /// The topics it wants.
        subscribed_topic_names: Vec<String>, 0+;
        /// The pattern of the topics it wants, if it has one.
        subscribed_topic_regex: Option<String>, 0+, nullable 0+;
        /// What it owns.
        assignment: ConsumerGroupDescribeAssignment, 0+;
        /// What it is to own.
        target_assignment: ConsumerGroupDescribeAssignment, 0+;
        /// 0 if it speaks the classic protocol, 1 the new one; -1 if not told (KIP-1099).
        member_type: i8, 1+, default -1, ignorable;
    }

    /// Partitions of a member.
    response ConsumerGroupDescribeAssignment {
        /// The partitions, by topic.
        topic_partitions: Vec<ConsumerGroupDescribeTopicPartitions>, 0+;
    }

    /// Partitions of one topic.
    response ConsumerGroupDescribeTopicPartitions {
        /// The topic's id.
        topic_id: Uuid, 0+;
        /// The topic's name.
        topic_name: String, 0+;
        /// The partitions' numbers.
        partitions: Vec<i32>, 0+;
    }
}

api!(
    ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse, ApiKey::CONSUMER_GROUP_DESCRIBE,
    versions 0 - 1, flexible 0
);
