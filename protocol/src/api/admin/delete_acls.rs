//! Deleting access control entries, by filters (KIP-140). Their numbers are those of
//! [`DescribeAclsRequest`](crate::api::DescribeAclsRequest).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks to delete the entries that match any filter.
    request DeleteAclsRequest {
        /// The filters.
        filters: Vec<DeleteAclsFilter>, 0+;
    }

    /// What entries must look like to match.
    request DeleteAclsFilter {
        /// The type of resource, or 1 for any.
        resource_type_filter: i8, 0+;
        /// The resource's name; null for any.
        resource_name_filter: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// How the entry names resources, or 1 for any.
        pattern_type_filter: i8, 1+, default 3;
        /// The principal, such as `User:alice`; null for any.
        principal_filter: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The host; null for any.
        host_filter: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The operation, or 1 for any.
        operation: i8, 0+;
        /// The permission, or 1 for any.
        permission_type: i8, 0+;
    }

    /// What became of each filter.
    response DeleteAclsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each filter, in the same order.
        filter_results: Vec<DeleteAclsFilterResult>, 0+;
    }

    /// The entries that matched one filter.
    response DeleteAclsFilterResult {
        /// Why the filter failed; none if it did not.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The entries.
        matching_acls: Vec<DeleteAclsMatchingAcl>, 0+;
    }

    /// An entry that matched.
    response DeleteAclsMatchingAcl {
        /// Why it is still there; none if it is deleted.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The type of resource.
        resource_type: i8, 0+;
        /// The resource's name, its prefix, or `*`.
        resource_name: String, 0+;
        /// 3 if `resource_name` is literal, 4 if it is a prefix.
        pattern_type: i8, 1+, default 3;
        /// The principal, such as `User:alice`.
        principal: String, 0+;
        /// The host the client must come from, or `*`.
        host: String, 0+;
        /// The operation.
        operation: i8, 0+;
        /// 2 if it denies, 3 if it allows.
        permission_type: i8, 0+;
    }
}

api!(DeleteAclsRequest => DeleteAclsResponse, ApiKey::DELETE_ACLS, versions 1 - 3, flexible 2);
