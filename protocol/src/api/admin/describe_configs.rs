//! Settings of topics, brokers and groups.
//!
//! Version 1 tells where a value comes from (KIP-226), 3 its type and documentation (KIP-569).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for settings.
    request DescribeConfigsRequest {
        /// Whose settings are wanted.
        resources: Vec<DescribeConfigsResource>, 0+;
        /// Whether to tell all places that set each one.
        include_synonyms: bool, 1+;
        /// Whether to tell what each one is for.
        include_documentation: bool, 3+;
    }

    /// What has settings.
    request DescribeConfigsResource {
        /// 2 a topic, 4 a broker, 8 a broker's loggers, 16 a client's metrics, 32 a group.
        resource_type: i8, 0+;
        /// Its name; a broker's is its id, or empty for what all brokers share.
        resource_name: String, 0+;
        /// The settings wanted; null for all.
        configuration_keys: Option<Vec<String>>, 0+, nullable 0+, default Some(Vec::new());
    }

    /// The settings.
    response DescribeConfigsResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each resource.
        results: Vec<DescribeConfigsResult>, 0+;
    }

    /// The settings of one resource.
    response DescribeConfigsResult {
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// As asked.
        resource_type: i8, 0+;
        /// As asked.
        resource_name: String, 0+;
        /// The settings.
        configs: Vec<DescribeConfigsResourceResult>, 0+;
    }

    /// A setting.
    response DescribeConfigsResourceResult {
        /// Its name, such as `cleanup.policy`.
        name: String, 0+;
        /// Its value; null if it is secret or not set.
        value: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// Whether it can only be set in the broker's file.
        read_only: bool, 0+;
        /// Where the value comes from: 1 the topic, 2 the broker at run time, 3 all brokers at run
        /// time, 4 the broker's file, 5 a default, 6 a broker's loggers, 7 a client's metrics, 8 a
        /// group; -1 if not told.
        config_source: i8, 1+, default -1, ignorable;
        /// Whether it is secret.
        is_sensitive: bool, 0+;
        /// All places that set it, the one in force first.
        synonyms: Vec<DescribeConfigsSynonym>, 1+, ignorable;
        /// 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password; 0 if
        /// not known.
        config_type: i8, 3+, ignorable;
        /// What it is for, if asked.
        documentation: Option<String>, 3+, nullable 0+, default Some(String::new()), ignorable;
    }

    /// A place that sets it.
    response DescribeConfigsSynonym {
        /// The name there.
        name: String, 1+;
        /// The value there; null if it is secret or not set.
        value: Option<String>, 1+, nullable 0+, default Some(String::new());
        /// As `config_source`.
        source: i8, 1+;
    }
}

api!(
    DescribeConfigsRequest => DescribeConfigsResponse, ApiKey::DESCRIBE_CONFIGS,
    versions 1 - 4, flexible 4
);
