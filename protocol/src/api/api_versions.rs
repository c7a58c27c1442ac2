//! What a broker speaks: asked first on every connection (KIP-35, KIP-511, KIP-584).
//!
//! A broker that does not know the version asked at answers at version 0 with
//! `UNSUPPORTED_VERSION`, whatever was asked: read such an answer at version 0.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks which APIs and versions the broker has.
    request ApiVersionsRequest {
        /// The client library's name. Letters, digits, `-` and `.` only, or the broker refuses it.
        client_software_name: String, 3+, ignorable;
        /// The client library's version, of the same characters.
        client_software_version: String, 3+, ignorable;
    }

    /// The APIs, versions and features of a broker.
    response ApiVersionsResponse {
        /// `UNSUPPORTED_VERSION` if the broker does not know the request's version.
        error_code: ErrorCode, 0+;
        /// Every API of the broker; only `ApiVersions` itself along with an error.
        api_keys: Vec<ApiVersion>, 0+;
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 1+, ignorable;
        /// Features the broker can turn on (KIP-584). Below version 4 those that begin at 0 are
        /// missing.
        supported_features: Vec<SupportedFeatureKey>, 3+, tag 0 in 3+, ignorable;
        /// Grows with each change of the finalized features; -1 while they are not known.
        finalized_features_epoch: i64, 3+, tag 1 in 3+, default -1, ignorable;
        /// Features turned on in the whole cluster; to be ignored while their epoch is -1.
        finalized_features: Vec<FinalizedFeatureKey>, 3+, tag 2 in 3+, ignorable;
        /// Controllers only: set up for the migration from ZooKeeper (KIP-866).
        zk_migration_ready: bool, 3+, tag 3 in 3+, ignorable;
    }

    /// The versions of one API.
    response ApiVersion {
        /// The API's number; one this library does not know is no error.
        api_key: i16, 0+;
        /// The lowest version the broker takes.
        min_version: i16, 0+;
        /// The highest version the broker takes.
        max_version: i16, 0+;
    }

    /// A feature that the broker could turn on.
    response SupportedFeatureKey {
        /// The feature's name, such as `transaction.version`.
        name: String, 3+;
        /// The lowest level the broker can run.
        min_version: i16, 3+;
        /// The highest level the broker can run.
        max_version: i16, 3+;
    }

    /// A feature as it is turned on in the cluster.
    response FinalizedFeatureKey {
        /// The feature's name.
        name: String, 3+;
        /// The level in force.
        max_version_level: i16, 3+;
        /// The lowest level still allowed.
        min_version_level: i16, 3+;
    }
}

api!(ApiVersionsRequest => ApiVersionsResponse, ApiKey::API_VERSIONS, versions 0 - 4, flexible 3);
