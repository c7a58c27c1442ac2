//! Messages that are wrong on purpose, for tests of the tests that compare with Kafka.

use super::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use crate::{ErrorCode, message::message};

message! {
    /// `HeartbeatRequest` with its first two fields in the wrong order.
    shared SwappedFields {
        /// Belongs behind `group_id`.
        generation_id: i32, 0+;
        /// Belongs first.
        group_id: String, 0+;
        /// As it is.
        member_id: String, 0+;
        /// As it is.
        group_instance_id: Option<String>, 3+, nullable 3+;
    }

    /// `HeartbeatRequest` with a member id that may be null.
    shared NullAllowed {
        /// As it is.
        group_id: String, 0+;
        /// As it is.
        generation_id: i32, 0+;
        /// Is never null.
        member_id: Option<String>, 0+, nullable 0+;
        /// As it is.
        group_instance_id: Option<String>, 3+, nullable 3+;
    }

    /// `HeartbeatRequest` whose last field is dropped by versions that do not have it.
    shared WronglyIgnorable {
        /// As it is.
        group_id: String, 0+;
        /// As it is.
        generation_id: i32, 0+;
        /// As it is.
        member_id: String, 0+;
        /// Is not ignorable.
        group_instance_id: Option<String>, 3+, nullable 3+, ignorable;
    }

    /// `ApiVersionsResponse` without its second tagged field.
    shared MissingTag {
        /// As it is.
        error_code: ErrorCode, 0+;
        /// As it is.
        api_keys: Vec<ApiVersion>, 0+;
        /// As it is.
        throttle_time_ms: i32, 1+, ignorable;
        /// As it is.
        supported_features: Vec<SupportedFeatureKey>, 3+, tag 0 in 3+, ignorable;
        /// As it is.
        finalized_features: Vec<FinalizedFeatureKey>, 3+, tag 2 in 3+, ignorable;
        /// As it is.
        zk_migration_ready: bool, 3+, tag 3 in 3+, ignorable;
    }

    /// `ApiVersionsResponse` with a wrong tag.
    shared AnotherTag {
        /// As it is.
        error_code: ErrorCode, 0+;
        /// As it is.
        api_keys: Vec<ApiVersion>, 0+;
        /// As it is.
        throttle_time_ms: i32, 1+, ignorable;
        /// As it is.
        supported_features: Vec<SupportedFeatureKey>, 3+, tag 0 in 3+, ignorable;
        /// As it is.
        finalized_features_epoch: i64, 3+, tag 1 in 3+, default -1, ignorable;
        /// As it is.
        finalized_features: Vec<FinalizedFeatureKey>, 3+, tag 2 in 3+, ignorable;
        /// Has tag 3.
        zk_migration_ready: bool, 3+, tag 4 in 3+, ignorable;
    }

    /// `ApiVersionsResponse` with a wrong default.
    shared AnotherDefault {
        /// As it is.
        error_code: ErrorCode, 0+;
        /// As it is.
        api_keys: Vec<ApiVersion>, 0+;
        /// As it is.
        throttle_time_ms: i32, 1+, ignorable;
        /// As it is.
        supported_features: Vec<SupportedFeatureKey>, 3+, tag 0 in 3+, ignorable;
        /// Is -1 if it is missing.
        finalized_features_epoch: i64, 3+, tag 1 in 3+, ignorable;
        /// As it is.
        finalized_features: Vec<FinalizedFeatureKey>, 3+, tag 2 in 3+, ignorable;
        /// As it is.
        zk_migration_ready: bool, 3+, tag 3 in 3+, ignorable;
    }
}
