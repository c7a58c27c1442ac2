//! The choice of a SASL mechanism (KIP-43).
//!
//! After version 1 the exchange goes on in `SaslAuthenticate` (KIP-152); after version 0 in frames
//! without a header.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Names the mechanism with which the client will authenticate.
    request SaslHandshakeRequest {
        /// Its name, such as `SCRAM-SHA-512`.
        mechanism: String, 0+;
    }

    /// Whether the broker has it.
    response SaslHandshakeResponse {
        /// `UNSUPPORTED_SASL_MECHANISM` or `ILLEGAL_SASL_STATE`; none if all is well.
        error_code: ErrorCode, 0+;
        /// The mechanisms that the broker has.
        mechanisms: Vec<String>, 0+;
    }
}

api!(
    SaslHandshakeRequest => SaslHandshakeResponse, ApiKey::SASL_HANDSHAKE,
    versions 0 - 1, flexible i16::MAX
);
