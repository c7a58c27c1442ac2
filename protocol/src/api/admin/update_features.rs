//! Changing the versions of the features that a cluster has agreed on (KIP-584, KIP-778).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the controller to change features.
    request UpdateFeaturesRequest {
        /// Milliseconds the broker may take.
        timeout_ms: i32, 0+, default 60000;
        /// The changes.
        feature_updates: Vec<FeatureUpdateKey>, 0+;
        /// Only check whether they could be made.
        validate_only: bool, 1+;
    }

    /// A change to one feature.
    request FeatureUpdateKey {
        /// The feature's name, such as `metadata.version`.
        feature: String, 0+;
        /// The version it is to have; 0 to give it up.
        max_version_level: i16, 0+;
        /// Whether the version may be lower than it is, in version 0.
        allow_downgrade: bool, 0-0;
        /// 1 only upward, 2 downward if nothing is lost, 3 downward in any case.
        upgrade_type: i8, 1+, default 1;
    }

    /// What became of the changes.
    response UpdateFeaturesResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// An error of the whole request.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// One answer for each feature, before version 2; from there on all or none are changed.
        results: Vec<UpdatableFeatureResult>, 0-1, ignorable;
    }

    /// What became of one feature.
    response UpdatableFeatureResult {
        /// The feature's name.
        feature: String, 0+;
        /// Why it was not changed; none if it was.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
    }
}

api!(
    UpdateFeaturesRequest => UpdateFeaturesResponse, ApiKey::UPDATE_FEATURES,
    versions 0 - 2, flexible 0
);
