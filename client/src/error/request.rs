//! Why a request has no response.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::wire::{DecodeError, EncodeError, VersionRange};
use ottla_protocol::{ApiKey, ErrorCode};

use super::{ConnectError, Outcome};
use crate::broker::BrokerId;

/// A request did not get a response that could be used.
///
/// What the broker says in a response, an error code for instance, is no error here.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The broker and this library have no version of the API in common.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedApi),
    /// No response came in time.
    #[error("{api} to broker {broker} was not answered within {after:?}")]
    TimedOut {
        /// The API.
        api: ApiKey,
        /// The broker asked.
        broker: BrokerId,
        /// The request's timeout.
        after: Duration,
        /// Whether any byte of the request may have reached the broker.
        sent: bool,
    },
    /// The connection ended before the response came.
    #[error("{api} to broker {broker} lost its connection: {cause}")]
    Disconnected {
        /// The API.
        api: ApiKey,
        /// The broker asked.
        broker: BrokerId,
        /// Whether any byte of the request may have reached the broker.
        sent: bool,
        /// Why the connection ended.
        cause: Disconnect,
    },
    /// The broker refused the request as a whole.
    #[error("{api} was refused by broker {broker}: {code}")]
    Refused {
        /// The API.
        api: ApiKey,
        /// The broker asked.
        broker: BrokerId,
        /// Why.
        code: ErrorCode,
    },
    /// What came in the place of the response is not one. The connection has been closed.
    #[error("{api} was answered with garbage by broker {broker}: {source}")]
    Malformed {
        /// The API.
        api: ApiKey,
        /// The broker asked.
        broker: BrokerId,
        /// What is wrong with it.
        source: MalformedResponse,
    },
    /// The request holds what the protocol cannot say. Nothing was sent.
    #[error("{api} cannot be written: {source}")]
    Encode {
        /// The API.
        api: ApiKey,
        /// What cannot be written.
        source: EncodeError,
    },
    /// There is no connection to the broker.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The client has been closed.
    #[error("the client is closed")]
    Closed,
}

impl RequestError {
    /// Whether the same request may succeed later. What a broker that cannot be understood answers
    /// is not asked for again.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Disconnected { cause, .. } => !matches!(cause, Disconnect::ClientClosed),
            Self::Refused { code, .. } => code.is_retriable(),
            Self::Connect(error) => error.is_retriable(),
            Self::Unsupported(_) | Self::Malformed { .. } | Self::Encode { .. } | Self::Closed => {
                false
            }
        }
    }

    /// Whether the client is of no more use.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Closed => true,
            Self::Connect(error) => error.is_fatal(),
            Self::Disconnected { cause, .. } => matches!(cause, Disconnect::ClientClosed),
            _ => false,
        }
    }

    /// Whether the request may have had its effect.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::TimedOut { sent: true, .. }
            | Self::Disconnected { sent: true, .. }
            | Self::Malformed { .. } => Outcome::Unknown,
            _ => Outcome::NotWritten,
        }
    }
}

/// A broker and this library have no version of an API in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "broker {broker} has no version of {api} that this client has: it offers {}, we have {ours}",
    theirs.unwrap_or(VersionRange::NONE)
)]
pub struct UnsupportedApi {
    /// The API.
    pub api: ApiKey,
    /// The broker.
    pub broker: BrokerId,
    /// The versions this library has.
    pub ours: VersionRange,
    /// The versions the broker offers; `None` if it does not have the API at all.
    pub theirs: Option<VersionRange>,
}

/// Why a connection ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// The broker closed it.
    #[error("the broker closed the connection")]
    ByBroker,
    /// The broker closed it in the middle of a response.
    #[error("the broker closed the connection in the middle of a response")]
    MidFrame,
    /// Reading or writing failed.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// It had not been used for the longest idle time.
    #[error("the connection was idle for too long")]
    Idle,
    /// A response did not arrive in full in time.
    #[error("a response was still incomplete {after:?} after it began")]
    Stalled {
        /// How long the response took already.
        after: Duration,
    },
    /// The broker took no bytes for too long.
    #[error("the broker has not taken a request for {after:?}")]
    Blocked {
        /// How long the request has been waiting.
        after: Duration,
    },
    /// An earlier request on the connection was not answered in time.
    #[error("an earlier request, {api}, was not answered in time")]
    TimedOut {
        /// The API of the earlier request.
        api: ApiKey,
    },
    /// The broker sent what no broker sends.
    #[error("the broker sent garbage: {0}")]
    Garbage(MalformedResponse),
    /// Nobody needed the connection any more.
    #[error("the connection is no longer needed")]
    Released,
    /// The client was closed or dropped.
    #[error("the client was closed")]
    ClientClosed,
}

impl Disconnect {
    /// Whether nothing went wrong: nobody needs to hear of it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(self, Self::Idle | Self::Released | Self::ClientClosed | Self::ByBroker)
    }
}

/// Bytes that are not the response they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedResponse {
    /// A frame whose length is negative, too short for a response, or above the limit.
    #[error("a response of {length} bytes, where 4 to {max} are allowed")]
    FrameLength {
        /// The length as sent.
        length: i32,
        /// The longest response allowed.
        max: usize,
    },
    /// A response to another request than the one whose turn it was.
    #[error("a response to request {actual} instead of {expected}")]
    Correlation {
        /// The request whose turn it was.
        expected: i32,
        /// The request that was answered.
        actual: i32,
    },
    /// A response although no request was waiting for one.
    #[error("a response to request {actual}, but none was waiting for one")]
    Unasked {
        /// The request that was answered.
        actual: i32,
    },
    /// A response that does not follow its schema.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}
