//! Changing the quotas of users, clients and addresses (KIP-546).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks to change quotas.
    request AlterClientQuotasRequest {
        /// The changes, by entity.
        entries: Vec<AlterClientQuotasRequestEntryData>, 0+;
        /// Only check whether they could be made.
        validate_only: bool, 0+;
    }

    /// Changes to one entity.
    request AlterClientQuotasRequestEntryData {
        /// What the entity is.
        entity: Vec<AlterClientQuotasEntityData>, 0+;
        /// The changes.
        ops: Vec<AlterClientQuotasOpData>, 0+;
    }

    /// A part of what an entity is.
    shared AlterClientQuotasEntityData {
        /// `user`, `client-id` or `ip`.
        entity_type: String, 0+;
        /// Its name; null for the default entity.
        entity_name: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// A change to one quota.
    request AlterClientQuotasOpData {
        /// Its name, such as `producer_byte_rate`.
        key: String, 0+;
        /// Its new value, in the unit that its name tells.
        value: f64, 0+;
        /// Whether it is removed instead.
        remove: bool, 0+;
    }

    /// What became of each entity.
    response AlterClientQuotasResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// One answer for each entity.
        entries: Vec<AlterClientQuotasResponseEntryData>, 0+;
    }

    /// What became of one entity.
    response AlterClientQuotasResponseEntryData {
        /// Why its quotas were not changed; none if they were.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// What the entity is.
        entity: Vec<AlterClientQuotasEntityData>, 0+;
    }
}

api!(
    AlterClientQuotasRequest => AlterClientQuotasResponse, ApiKey::ALTER_CLIENT_QUOTAS,
    versions 0 - 1, flexible 1
);
