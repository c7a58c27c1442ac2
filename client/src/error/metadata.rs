//! Why something is not known about the cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::ErrorCode;

use super::RequestError;

/// A topic's or the cluster's metadata could not be learnt.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The cluster refuses to say anything about the topic, and asking again will not help.
    #[error("topic {topic:?} cannot be used: {code}")]
    Topic {
        /// The topic's name.
        topic: String,
        /// Why: not authorized, or not a valid name.
        code: ErrorCode,
    },
    /// The cluster answers, but until the deadline the topic had no usable metadata: it does not
    /// exist or has no leader yet.
    #[error("topic {topic:?} was still not available after {after:?}: {code}")]
    Unavailable {
        /// The topic's name.
        topic: String,
        /// What the cluster said last.
        code: ErrorCode,
        /// How long it was waited for.
        after: Duration,
    },
    /// Until the deadline no broker gave an answer.
    #[error("no broker answered within {after:?}: {}", Attempts(attempts))]
    Unreachable {
        /// How long it was waited for.
        after: Duration,
        /// What happened to each broker that was asked in the last round.
        attempts: Arc<[RequestError]>,
    },
    /// The client has been closed.
    #[error("the client is closed")]
    Closed,
}

impl MetadataError {
    /// Whether asking again later may help.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unreachable { .. })
    }

    /// Whether the client is of no more use.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

/// Several failed attempts in one line.
pub(super) struct Attempts<'a>(pub(super) &'a [RequestError]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the first one asked has neither answered nor failed yet");
        }
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}
