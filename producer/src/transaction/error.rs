//! Why a transaction did not begin, end, or take something in.

use std::time::Duration;

use ottla_client::Outcome;
use ottla_protocol::{ApiKey, ErrorCode};
use thiserror::Error;

use crate::error::{Reason, Unsure};

/// What was asked of a transaction or its producer did not happen.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The transaction cannot be committed any more. It can be aborted, which the next
    /// [`begin`](crate::TransactionalProducer::begin) does if nobody did before; then the producer
    /// goes on.
    #[error("the transaction can only be aborted: {cause}")]
    Abortable {
        /// What went wrong first.
        cause: AbortCause,
    },
    /// The producer is of no more use; what it had open is not committed. A new one with the same
    /// transactional id takes up where it stood.
    #[error("the transactional producer cannot go on: {cause}")]
    Fatal {
        /// Why.
        cause: FatalCause,
    },
    /// The coordinator did not decide in time. It is asked on in the background: the next
    /// [`begin`](crate::TransactionalProducer::begin) waits for what comes of it.
    #[error("not done within {after:?}{}", last.as_deref().map(|text| format!(", last because {text}")).unwrap_or_default())]
    TimedOut {
        /// `completion_timeout`
        after: Duration,
        /// What went wrong last, if anything did.
        last: Option<String>,
    },
}

impl TransactionError {
    /// Whether the same may succeed later: the same call after a time-out, the same work in a new
    /// transaction after an abort.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        !self.is_fatal()
    }

    /// Whether the producer cannot go on.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Fatal { .. })
    }

    /// Nothing of the transaction is committed.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        Outcome::NotWritten
    }
}

/// A transaction is not known to be committed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// It is not committed and never will be. The producer goes on: the next
    /// [`begin`](crate::TransactionalProducer::begin) aborts it.
    #[error("not committed, only to be aborted: {cause}")]
    Abortable {
        /// What went wrong first.
        cause: AbortCause,
    },
    /// It is not committed and never will be, and the producer cannot go on.
    #[error("not committed, and the producer cannot go on: {cause}")]
    Fatal {
        /// Why.
        cause: FatalCause,
    },
    /// It may or may not be committed, as a whole. Once the next
    /// [`begin`](crate::TransactionalProducer::begin) has returned it is settled: what was not
    /// committed by then is aborted.
    #[error("it is not known whether it is committed: {cause}")]
    Unknown {
        /// Why nobody knows.
        cause: Doubt,
    },
}

impl CommitError {
    /// Whether the work may be done again in a new transaction of the same producer. Where nobody
    /// knows, it could be done twice.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Abortable { .. })
    }

    /// Whether the producer cannot go on.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Fatal { .. } | Self::Unknown { cause: Doubt::Fatal { .. } })
    }

    /// What is known of the transaction as a whole.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Abortable { .. } | Self::Fatal { .. } => Outcome::NotWritten,
            Self::Unknown { .. } => Outcome::Unknown,
        }
    }
}

/// Why a transaction can only be aborted.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AbortCause {
    /// A record of it is not in the log.
    #[error("a record was not written: {reason}")]
    NotWritten {
        /// Why.
        reason: Reason,
    },
    /// Nobody knows whether a record of it is in the log.
    #[error("a record may or may not be written: {reason}")]
    Unknown {
        /// Why nobody knows.
        reason: Unsure,
    },
    /// A broker refused something that belongs to it. Codes of the group (`ILLEGAL_GENERATION`,
    /// `UNKNOWN_MEMBER_ID`, `FENCED_INSTANCE_ID`, `STALE_MEMBER_EPOCH`) say that the offsets are no
    /// longer this member's to commit (KIP-447).
    #[error("{api} was refused: {code}")]
    Broker {
        /// What was asked.
        api: ApiKey,
        /// Kafka's code.
        code: ErrorCode,
    },
    /// The brokers are too old for something that it asked for.
    #[error("the brokers cannot do it: {cause}")]
    Unsupported {
        /// What they cannot do.
        cause: String,
    },
    /// The coordinator ended it on its own: it had taken longer than its timeout (KIP-588).
    #[error("the coordinator has aborted it: it took too long")]
    TimedOut,
    /// No coordinator was found to commit it within `completion_timeout`.
    #[error("there was no coordinator to end it within {after:?}{}", last.as_deref().map(|text| format!(", last because {text}")).unwrap_or_default())]
    NoCoordinator {
        /// `completion_timeout`
        after: Duration,
        /// What went wrong last, if anything did.
        last: Option<String>,
    },
    /// It was given up: dropped, or aborted.
    #[error("it was given up")]
    GivenUp,
}

/// Why a transactional producer is of no more use.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum FatalCause {
    /// Another producer has taken over the transactional id; or, where the brokers cannot tell
    /// the two apart (before `transaction.version` 2), the transaction took longer than
    /// [`transaction_timeout`](crate::TransactionalBuilder::transaction_timeout).
    #[error("another producer has the transactional id, or the transaction took too long: {code}")]
    Fenced {
        /// Kafka's code.
        code: ErrorCode,
    },
    /// A broker refuses for good.
    #[error("{api} was refused: {code}")]
    Broker {
        /// What was asked.
        api: ApiKey,
        /// Kafka's code.
        code: ErrorCode,
    },
    /// The brokers are too old (before 2.5 they raise no epoch, KIP-360, without which a producer
    /// whose records failed cannot go on).
    #[error("the brokers cannot do it: {cause}")]
    Unsupported {
        /// What they cannot do.
        cause: String,
    },
    /// The producer or its client was closed, or its runtime ended.
    #[error("the producer has ended")]
    Ended,
}

/// Why nobody knows whether a transaction is committed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Doubt {
    /// The commit was asked for, and `completion_timeout` passed without a clear answer.
    #[error("no clear answer within {after:?}{}", last.as_deref().map(|text| format!(", last because {text}")).unwrap_or_default())]
    TimedOut {
        /// `completion_timeout`
        after: Duration,
        /// What went wrong last, if anything did.
        last: Option<String>,
    },
    /// The commit was asked for without a clear answer, and then the producer came to its end.
    #[error("no clear answer, then an end: {cause}")]
    Fatal {
        /// Why the producer cannot go on.
        cause: FatalCause,
    },
}
