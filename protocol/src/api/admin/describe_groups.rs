//! Groups of the classic protocol in detail: their state and members.
//!
//! Version 6 answers a group that does not exist with `GROUP_ID_NOT_FOUND` (KIP-1043); before, it
//! is a dead one.

use bytes::Bytes;

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the coordinator about groups.
    request DescribeGroupsRequest {
        /// The groups' ids.
        groups: Vec<String>, 0+;
        /// Whether to tell what the client may do with each group (KIP-430).
        include_authorized_operations: bool, 3+;
    }

    /// The groups.
    response DescribeGroupsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// One answer for each group asked about.
        groups: Vec<DescribeGroupsDescribedGroup>, 0+;
    }

    /// A group.
    response DescribeGroupsDescribedGroup {
        /// Why nothing is told; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 6+, nullable 6+;
        /// The group's id.
        group_id: String, 0+;
        /// Such as `Stable`, `PreparingRebalance`, `Empty` or `Dead`; empty along with an error.
        group_state: String, 0+;
        /// What kind of group it is, such as `consumer`; empty along with an error.
        protocol_type: String, 0+;
        /// The protocol that all members share, such as an assignor's name; empty unless stable.
        protocol_data: String, 0+;
        /// Its members.
        members: Vec<DescribedGroupMember>, 0+;
        /// A bit for each operation allowed; `i32::MIN` if not asked for.
        authorized_operations: i32, 3+, default -2147483648;
    }

    /// A member.
    response DescribedGroupMember {
        /// The member's id.
        member_id: String, 0+;
        /// Its static id (KIP-345), if it has one.
        group_instance_id: Option<String>, 4+, nullable 4+, ignorable;
        /// What its client calls itself.
        client_id: String, 0+;
        /// The address it joined from.
        client_host: String, 0+;
        /// Its subscription, see [`consumer_protocol`](crate::consumer_protocol); empty unless the
        /// group is stable.
        member_metadata: Bytes, 0+;
        /// Its assignment, likewise.
        member_assignment: Bytes, 0+;
    }
}

api!(
    DescribeGroupsRequest => DescribeGroupsResponse, ApiKey::DESCRIBE_GROUPS,
    versions 0 - 6, flexible 5
);
