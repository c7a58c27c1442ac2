use std::fmt;
use std::time::Duration;

use ottla_client::Outcome;
use thiserror::Error;

use crate::error::{Refused, SendError};

/// Why an object has no bytes.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct EncodeError(Box<dyn std::error::Error + Send + Sync>);

impl EncodeError {
    /// For any error, or a text.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// What of a record could not be serialized.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// Why a record made of objects was not accepted. Nothing was done with it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TypedRefused {
    /// It has no bytes.
    #[error("the {part} cannot be serialized: {source}")]
    Encode {
        /// What of it.
        part: Part,
        /// Why.
        source: EncodeError,
    },
    /// A serializer of a [`LateProducer`](super::LateProducer) panicked; with others the panic is the
    /// caller's.
    #[error("a serializer panicked")]
    Panicked,
    /// The producer did not accept it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl TypedRefused {
    /// Whether the same record may be accepted later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Encode { .. } | Self::Panicked => false,
            Self::Refused(refused) => refused.is_retriable(),
        }
    }

    /// Whether no record will ever be accepted again.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::Encode { .. } | Self::Panicked => false,
            Self::Refused(refused) => refused.is_fatal(),
        }
    }

    /// A refused record is not written.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        Outcome::NotWritten
    }
}

/// Objects that were not accepted, given back.
#[derive(Error)]
#[error("{refused}")]
#[non_exhaustive]
pub struct NotSent<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// Why.
    #[source]
    pub refused: TypedRefused,
}

/// Objects that were accepted and are not known to be written, given back.
#[derive(Error)]
#[error("{why}")]
#[non_exhaustive]
pub struct Returned<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// Why.
    #[source]
    pub why: NotDelivered,
}

/// Why objects came back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotDelivered {
    /// They waited for room too long, and were never serialized.
    #[error("no room in the producer's buffer within {after:?}")]
    Expired {
        /// How long they waited.
        after: Duration,
    },
    /// When it was their turn, they could not be serialized, or were refused.
    #[error(transparent)]
    Refused(#[from] TypedRefused),
    /// The record was sent off, and is not known to be written.
    #[error(transparent)]
    Failed(#[from] SendError),
}

impl NotDelivered {
    /// What is known of the write.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Expired { .. } | Self::Refused(_) => Outcome::NotWritten,
            Self::Failed(error) => error.outcome(),
        }
    }

    /// Whether the same record may be written if it is sent again later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Expired { .. } => true,
            Self::Refused(refused) => refused.is_retriable(),
            Self::Failed(error) => error.is_retriable(),
        }
    }

    /// Whether the producer cannot go on.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::Expired { .. } => false,
            Self::Refused(refused) => refused.is_fatal(),
            Self::Failed(error) => error.is_fatal(),
        }
    }
}

impl<K, V> fmt::Debug for NotSent<K, V> {
    /// Without the objects, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotSent").field("refused", &self.refused).finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for Returned<K, V> {
    /// Without the objects, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").field("why", &self.why).finish_non_exhaustive()
    }
}
