use crate::{ApiKey, ErrorCode, message::{api, message}};

message! {
    /// `ApiVersions`: what is asked.
    request ApiVersionsRequest {
        /// The ClientSoftwareName.
        client_software_name: String, 3+, ignorable;
        /// The ClientSoftwareVersion.
        client_software_version: String, 3+, ignorable;
    }

    /// `ApiVersions`: what is answered.
    response ApiVersionsResponse {
        /// The ErrorCode.
        error_code: ErrorCode, 0+;
        /// The ApiKeys.
        api_keys: Vec<ApiVersion>, 0+;
        /// The ThrottleTimeMs.
        throttle_time_ms: i32, 1+, ignorable;
        /// The SupportedFeatures.
        supported_features: Vec<SupportedFeatureKey>, 3+, tag 0 in 3+, ignorable;
        /// The FinalizedFeaturesEpoch.
        finalized_features_epoch: i64, 3+, tag 1 in 3+, default -1, ignorable;
        /// The FinalizedFeatures.
        finalized_features: Vec<FinalizedFeatureKey>, 3+, tag 2 in 3+, ignorable;
        /// The ZkMigrationReady.
        zk_migration_ready: bool, 3+, tag 3 in 3+, ignorable;
    }

    /// Part of [`ApiVersionsResponse`].
    response ApiVersion {
        /// The ApiKey.
        api_key: i16, 0+;
        /// The MinVersion.
        min_version: i16, 0+;
        /// The MaxVersion.
        max_version: i16, 0+;
    }

    /// Part of [`ApiVersionsResponse`].
    response SupportedFeatureKey {
        /// The Name.
        name: String, 3+;
        /// The MinVersion.
        min_version: i16, 3+;
        /// The MaxVersion.
        max_version: i16, 3+;
    }

    /// Part of [`ApiVersionsResponse`].
    response FinalizedFeatureKey {
        /// The Name.
        name: String, 3+;
        /// The MaxVersionLevel.
        max_version_level: i16, 3+;
        /// The MinVersionLevel.
        min_version_level: i16, 3+;
    }
}

api!(ApiVersionsRequest => ApiVersionsResponse, ApiKey::API_VERSIONS, versions 0 - 4, flexible 3);
