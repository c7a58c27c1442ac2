//! Ending a delegation token (KIP-48).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
    wire::SecretBytes,
};

message! {
    /// Asks to end a token.
    request ExpireDelegationTokenRequest {
        /// The token's code.
        hmac: SecretBytes, 0+;
        /// Milliseconds it may live on; a negative number ends it at once.
        expiry_time_period_ms: i64, 0+;
    }

    /// When it ends now.
    response ExpireDelegationTokenResponse {
        /// Why that was not changed; none if it was.
        error_code: ErrorCode, 0+;
        /// When it ends, in milliseconds since 1970.
        expiry_timestamp_ms: i64, 0+;
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
    }
}

api!(
    ExpireDelegationTokenRequest => ExpireDelegationTokenResponse, ApiKey::EXPIRE_DELEGATION_TOKEN,
    versions 1 - 2, flexible 2
);
