//! What can go wrong, one type per operation.

mod connect;
mod coordinator;
mod metadata;
mod request;

pub use connect::{AddressFailure, ConnectError, ConnectFailure, HandshakeError};
pub use coordinator::CoordinatorError;
pub use metadata::MetadataError;
pub use request::{Disconnect, MalformedResponse, RequestError, UnsupportedApi};

/// Whether a request that failed may have had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// No byte of it left this process: it had no effect.
    NotWritten,
    /// The broker said that it took effect.
    Written,
    /// It may or may not have taken effect.
    Unknown,
}
