//! The quotas of users, clients and addresses (KIP-546).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks for the quotas of entities that match every component.
    request DescribeClientQuotasRequest {
        /// What an entity must have.
        components: Vec<DescribeClientQuotasComponentData>, 0+;
        /// Whether entities that have something besides are left out.
        strict: bool, 0+;
    }

    /// What an entity must have.
    request DescribeClientQuotasComponentData {
        /// `user`, `client-id` or `ip`.
        entity_type: String, 0+;
        /// 0 for the name `match`, 1 for the default entity, 2 for any name.
        match_type: i8, 0+;
        /// The name, with type 0; otherwise null.
        r#match: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// The quotas.
    response DescribeClientQuotasResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why they are not told; none if they are.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// The entities with quotas; null along with an error.
        entries: Option<Vec<DescribeClientQuotasEntryData>>, 0+, nullable 0+,
            default Some(Vec::new());
    }

    /// The quotas of one entity.
    response DescribeClientQuotasEntryData {
        /// What the entity is.
        entity: Vec<DescribeClientQuotasEntityData>, 0+;
        /// Its quotas.
        values: Vec<DescribeClientQuotasValueData>, 0+;
    }

    /// A part of what an entity is.
    response DescribeClientQuotasEntityData {
        /// `user`, `client-id` or `ip`.
        entity_type: String, 0+;
        /// Its name; null for the default entity.
        entity_name: Option<String>, 0+, nullable 0+, default Some(String::new());
    }

    /// A quota.
    response DescribeClientQuotasValueData {
        /// Its name, such as `producer_byte_rate`.
        key: String, 0+;
        /// Its value, in the unit that its name tells.
        value: f64, 0+;
    }
}

api!(
    DescribeClientQuotasRequest => DescribeClientQuotasResponse, ApiKey::DESCRIBE_CLIENT_QUOTAS,
    versions 0 - 1, flexible 1
);
