//! Changing single settings (KIP-339).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks to change settings of resources.
    request IncrementalAlterConfigsRequest {
        /// What is to be changed.
        resources: Vec<IncrementalAlterConfigsAlterConfigsResource>, 0+;
        /// Only check whether it could be.
        validate_only: bool, 0+;
    }

    /// Changes to one resource.
    request IncrementalAlterConfigsAlterConfigsResource {
        /// 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group.
        resource_type: i8, 0+;
        /// Its name; a broker's is its id, or empty for what all brokers share.
        resource_name: String, 0+;
        /// The changes.
        configs: Vec<IncrementalAlterConfigsAlterableConfig>, 0+;
    }

    /// A change to one setting.
    request IncrementalAlterConfigsAlterableConfig {
        /// The setting's name, such as `cleanup.policy`.
        name: String, 0+;
        /// 0 sets it, 1 returns it to its default, 2 adds elements to a list, 3 takes some away.
        config_operation: i8, 0+;
        /// The value or the elements; null with operation 1.
        value: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// What became of each resource.
    response IncrementalAlterConfigsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each resource.
        responses: Vec<IncrementalAlterConfigsAlterConfigsResourceResponse>, 0+;
    }

    /// What became of one resource.
    response IncrementalAlterConfigsAlterConfigsResourceResponse {
        /// Why nothing was changed; none if all was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// As asked.
        resource_type: i8, 0+;
        /// As asked.
        resource_name: String, 0+;
    }
}

api!(
    IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse,
    ApiKey::INCREMENTAL_ALTER_CONFIGS, versions 0 - 1, flexible 1
);
