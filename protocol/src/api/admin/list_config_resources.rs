//! What has settings of its own (KIP-714, KIP-1142).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for resources. Version 0 asks for the subscriptions to clients' metrics only.
    request ListConfigResourcesRequest {
        /// The types wanted, as in `DescribeConfigs`; none for all.
        resource_types: Vec<i8>, 1+;
    }

    /// The resources.
    response ListConfigResourcesResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The resources.
        config_resources: Vec<ConfigResource>, 0+;
    }

    /// A resource.
    response ConfigResource {
        /// Its name.
        resource_name: String, 0+;
        /// Its type, as in `DescribeConfigs`.
        resource_type: i8, 1+, default 16, ignorable;
    }
}

api!(
    ListConfigResourcesRequest => ListConfigResourcesResponse, ApiKey::LIST_CONFIG_RESOURCES,
    versions 0 - 1, flexible 0
);
