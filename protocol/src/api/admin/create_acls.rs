//! Adding access control entries (KIP-140). Their numbers are those of
//! [`DescribeAclsRequest`](crate::api::DescribeAclsRequest).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks to add entries.
    request CreateAclsRequest {
        /// The entries.
        creations: Vec<AclCreation>, 0+;
    }

    /// An entry to add.
    request AclCreation {
        /// The type of resource.
        resource_type: i8, 0+;
        /// The resource's name, its prefix, or `*`.
        resource_name: String, 0+;
        /// 3 if `resource_name` is literal, 4 if it is a prefix.
        resource_pattern_type: i8, 1+, default 3;
        /// The principal, such as `User:alice`.
        principal: String, 0+;
        /// The host the client must come from, or `*`.
        host: String, 0+;
        /// The operation.
        operation: i8, 0+;
        /// 2 to deny it, 3 to allow it.
        permission_type: i8, 0+;
    }

    /// What became of each entry.
    response CreateAclsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each entry, in the same order.
        results: Vec<AclCreationResult>, 0+;
    }

    /// What became of one entry.
    response AclCreationResult {
        /// Why it was not added; none if it was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
    }
}

api!(CreateAclsRequest => CreateAclsResponse, ApiKey::CREATE_ACLS, versions 1 - 3, flexible 2);
