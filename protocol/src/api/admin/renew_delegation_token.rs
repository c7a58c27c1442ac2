//! Prolonging a delegation token (KIP-48).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
    wire::SecretBytes,
};

message! {
    /// Asks to prolong a token.
    request RenewDelegationTokenRequest {
        /// The token's code.
        hmac: SecretBytes, 0+;
        /// Milliseconds it is to live from now on; -1 for the broker's default.
        renew_period_ms: i64, 0+;
    }

    /// When it ends now.
    response RenewDelegationTokenResponse {
        /// Why it was not prolonged; none if it was.
        error_code: ErrorCode, 0+;
        /// When it ends unless renewed, in milliseconds since 1970.
        expiry_timestamp_ms: i64, 0+;
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
    }
}

api!(
    RenewDelegationTokenRequest => RenewDelegationTokenResponse, ApiKey::RENEW_DELEGATION_TOKEN,
    versions 1 - 2, flexible 2
);
