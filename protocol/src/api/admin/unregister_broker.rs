//! Forgetting a broker that will not come back.

use crate::{
    ApiKey, ErrorCode,
    message::{api, message},
};

message! {
    /// Asks the controller to forget a broker.
    request UnregisterBrokerRequest {
        /// The broker's id.
        broker_id: i32, 0+;
    }

    /// Whether it is forgotten.
    response UnregisterBrokerResponse {
        /// Milliseconds the client is to stay quiet on this connection, for it is over a quota
        /// (KIP-219).
        throttle_time_ms: i32, 0+;
        /// Why it is not; none if it is.
        error_code: ErrorCode, 0+;
        /// The error in words, if the broker has any.
        error_message: Option<String>, 0+, nullable 0+, default Some(String::new());
    }
}

api!(
    UnregisterBrokerRequest => UnregisterBrokerResponse, ApiKey::UNREGISTER_BROKER,
    versions 0 - 0, flexible 0
);
