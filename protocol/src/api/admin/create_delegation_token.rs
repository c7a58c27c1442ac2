//! Getting a delegation token: credentials of limited life to hand on (KIP-48).
//!
//! Version 3 makes one for another user (KIP-373).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
    wire::SecretBytes,
};

message! {
    /// Asks for a token.
    request CreateDelegationTokenRequest {
        /// The owner's type, such as `User`; null for the one who asks.
        owner_principal_type: Option<String>, 3+, nullable 3+, default Some(String::new());
        /// The owner's name; null for the one who asks.
        owner_principal_name: Option<String>, 3+, nullable 3+, default Some(String::new());
        /// Who may renew the token besides its owner.
        renewers: Vec<CreatableRenewers>, 0+;
        /// Milliseconds the token may live however often it is renewed; -1 for the broker's limit.
        max_lifetime_ms: i64, 0+;
    }

    /// Who may renew a token.
    request CreatableRenewers {
        /// The type, such as `User`.
        principal_type: String, 0+;
        /// The name.
        principal_name: String, 0+;
    }

    /// The token. Its code is as secret as a password.
    response CreateDelegationTokenResponse {
        /// Why there is none; none if there is.
        error_code: ErrorCode, 0+;
        /// The owner's type.
        principal_type: String, 0+;
        /// The owner's name.
        principal_name: String, 0+;
        /// The type of the one who asked.
        token_requester_principal_type: String, 3+;
        /// The name of the one who asked.
        token_requester_principal_name: String, 3+;
        /// When it was made, in milliseconds since 1970.
        issue_timestamp_ms: i64, 0+;
        /// When it ends unless renewed, in milliseconds since 1970.
        expiry_timestamp_ms: i64, 0+;
        /// When it ends in any case, in milliseconds since 1970.
        max_timestamp_ms: i64, 0+;
        /// The token's id, the user name in SCRAM.
        token_id: String, 0+;
        /// The token's code, the password in SCRAM once it is in base64.
        hmac: SecretBytes, 0+;
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
    }
}

api!(
    CreateDelegationTokenRequest => CreateDelegationTokenResponse, ApiKey::CREATE_DELEGATION_TOKEN,
    versions 1 - 3, flexible 2
);
