//! Replacing all settings of resources (KIP-133); `IncrementalAlterConfigs` does it one by one.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks to replace the settings of resources.
    request AlterConfigsRequest {
        /// What is to be changed.
        resources: Vec<AlterConfigsResource>, 0+;
        /// Only check whether it could be.
        validate_only: bool, 0+;
    }

    /// The new settings of one resource.
    request AlterConfigsResource {
        /// 2 a topic, 4 a broker.
        resource_type: i8, 0+;
        /// Its name; a broker's is its id, or empty for what all brokers share.
        resource_name: String, 0+;
        /// All settings that are not to have their default.
        configs: Vec<AlterConfigsAlterableConfig>, 0+;
    }

    /// A setting.
    request AlterConfigsAlterableConfig {
        /// Its name, such as `cleanup.policy`.
        name: String, 0+;
        /// Its value; null for the default.
        value: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// What became of each resource.
    response AlterConfigsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each resource.
        responses: Vec<AlterConfigsResourceResponse>, 0+;
    }

    /// What became of one resource.
    response AlterConfigsResourceResponse {
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
    AlterConfigsRequest => AlterConfigsResponse, ApiKey::ALTER_CONFIGS,
    versions 0 - 2, flexible 2
);
