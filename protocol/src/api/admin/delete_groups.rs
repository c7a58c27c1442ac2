//! Deleting groups and their offsets (KIP-229).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the coordinator to delete groups without members.
    request DeleteGroupsRequest {
        /// The groups' ids.
        groups_names: Vec<String>, 0+;
    }

    /// What became of each group.
    response DeleteGroupsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each group.
        results: Vec<DeletableGroupResult>, 0+;
    }

    /// What became of one group.
    response DeletableGroupResult {
        /// The group's id.
        group_id: String, 0+;
        /// Why it is still there; none if it is deleted.
        error_code: ErrorCode, 0+;
    }
}

api!(
    DeleteGroupsRequest => DeleteGroupsResponse, ApiKey::DELETE_GROUPS,
    versions 0 - 2, flexible 2
);
