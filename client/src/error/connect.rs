//! Why a broker could not be reached.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::wire::{DecodeError, EncodeError};

use crate::broker::BrokerId;
use crate::connector::Address;

/// There is no connection to a broker.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The cluster's metadata knows no such broker.
    #[error("broker {broker} is not part of the cluster")]
    UnknownBroker {
        /// The broker asked for.
        broker: BrokerId,
    },
    /// Every address of the broker was tried, and each failed.
    #[error("broker {broker} at {named} cannot be reached: {}", Failures(failures))]
    Unreachable {
        /// The broker asked for.
        broker: BrokerId,
        /// Where it is said to listen.
        named: Address,
        /// Each address tried, in order, and why it failed.
        failures: Arc<[AddressFailure]>,
    },
    /// The client has been closed.
    #[error("the client is closed")]
    Closed,
}

impl ConnectError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        !self.is_fatal()
    }

    /// Whether the client is of no more use.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// One address that could not be connected to.
#[derive(Clone, Debug)]
pub struct AddressFailure {
    /// The address; without an IP address if the name could not be resolved.
    pub address: Address,
    /// Why.
    pub failure: ConnectFailure,
}

/// Why one address could not be connected to.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The host's name could not be resolved.
    #[error("the name cannot be resolved: {0}")]
    Resolve(Arc<io::Error>),
    /// The transport could not be opened.
    #[error("{0}")]
    Connect(Arc<io::Error>),
    /// Resolving, connecting and the handshake took longer than the connection setup timeout.
    #[error("not set up within {0:?}")]
    TimedOut(Duration),
    /// The peer does not talk like a Kafka broker that we can use.
    #[error("handshake failed: {0}")]
    Handshake(HandshakeError),
}

/// What went wrong between the transport and the first request.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// The peer closed the connection; what plain TCP does to a client that speaks TLS, and a TLS
    /// listener to one that does not.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer sent a frame of a length that no response has.
    #[error("the peer announced a response of {length} bytes, which is no Kafka response")]
    FrameLength {
        /// The length as sent.
        length: i32,
    },
    /// The peer answered a request that was not asked.
    #[error("the peer answered request {actual} instead of {expected}")]
    Correlation {
        /// The request that was asked.
        expected: i32,
        /// The request that was answered.
        actual: i32,
    },
    /// The peer sent more than the answer to what it was asked.
    #[error("the peer spoke without being asked")]
    Surplus,
    /// The configured client id does not fit into a request.
    #[error("{0}")]
    Encode(EncodeError),
    /// The answer cannot be read.
    #[error("the answer to ApiVersions cannot be read: {0}")]
    Malformed(DecodeError),
    /// The broker refused to say which APIs it has.
    #[error("the broker refused ApiVersions with {0}")]
    Refused(ErrorCode),
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(Arc::new(error)),
        }
    }
}

struct Failures<'a>(&'a [AddressFailure]);

impl fmt::Display for Failures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, AddressFailure { address, failure }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{address}: {failure}")?;
        }
        Ok(())
    }
}
