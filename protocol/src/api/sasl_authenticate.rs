//! One step of a SASL exchange (KIP-152), whether at the beginning or again (KIP-368).

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
    wire::SecretBytes,
};

message! {
    /// What the client says in this step. Its bytes may hold a password.
    request SaslAuthenticateRequest {
        /// As the mechanism defines.
        auth_bytes: SecretBytes, 0+;
    }

    /// What the broker says in this step.
    response SaslAuthenticateResponse {
        /// Why the client is turned away; none if it is not.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
        /// As the mechanism defines.
        auth_bytes: SecretBytes, 0+;
        /// Milliseconds until the client must authenticate again (KIP-368); 0 for never.
        session_lifetime_ms: i64, 1+, ignorable;
    }
}

api!(
    SaslAuthenticateRequest => SaslAuthenticateResponse, ApiKey::SASL_AUTHENTICATE,
    versions 0 - 2, flexible 2
);
