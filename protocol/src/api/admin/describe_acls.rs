//! Access control entries, by a filter (KIP-140).
//!
//! Resource types: 1 any, 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7
//! user. Pattern types (KIP-290): 1 any, 2 all that match the name, 3 literal, 4 prefixed.
//! Operations: 1 any, 2 all, 3 read, 4 write, 5 create, 6 delete, 7 alter, 8 describe, 9 cluster
//! action, 10 describe configs, 11 alter configs, 12 idempotent write, 13 create tokens, 14
//! describe tokens, 15 two-phase commit. Permission types: 1 any, 2 deny, 3 allow.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for the entries that match.
    request DescribeAclsRequest {
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

    /// The entries.
    response DescribeAclsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The entries, by resource.
        resources: Vec<DescribeAclsResource>, 0+;
    }

    /// The entries of one resource pattern.
    response DescribeAclsResource {
        /// The type of resource.
        resource_type: i8, 0+;
        /// The resource's name, its prefix, or `*`.
        resource_name: String, 0+;
        /// 3 if `resource_name` is literal, 4 if it is a prefix.
        pattern_type: i8, 1+, default 3;
        /// Its entries.
        acls: Vec<AclDescription>, 0+;
    }

    /// An entry.
    response AclDescription {
        /// The principal, such as `User:alice`.
        principal: String, 0+;
        /// The host the client must come from, or `*`.
        host: String, 0+;
        /// The operation.
        operation: i8, 0+;
        /// 2 if it is denied, 3 if it is allowed.
        permission_type: i8, 0+;
    }
}

api!(
    DescribeAclsRequest => DescribeAclsResponse, ApiKey::DESCRIBE_ACLS,
    versions 1 - 3, flexible 2
);
