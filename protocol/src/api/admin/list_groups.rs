//! The groups that a broker coordinates.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for a broker's groups.
    request ListGroupsRequest {
        /// Only groups in one of these states (KIP-518); empty for all.
        states_filter: Vec<String>, 4+;
        /// Only groups of one of these types, such as `classic` or `consumer` (KIP-848); empty for
        /// all.
        types_filter: Vec<String>, 5+;
    }

    /// The broker's groups that the client may see.
    response ListGroupsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// Why they are not told, or not all; none if they are.
        error_code: ErrorCode, 0+;
        /// The groups.
        groups: Vec<ListedGroup>, 0+;
    }

    /// A group.
    response ListedGroup {
        /// The group's id.
        group_id: String, 0+;
        /// What kind of group it is, such as `consumer`; empty if it only has offsets.
        protocol_type: String, 0+;
        /// Its state, such as `Stable` (KIP-518).
        group_state: String, 4+, ignorable;
        /// Its type, such as `classic` or `consumer` (KIP-848).
        group_type: String, 5+, ignorable;
    }
}

api!(ListGroupsRequest => ListGroupsResponse, ApiKey::LIST_GROUPS, versions 0 - 5, flexible 3);
