//! Why a coordinator could not be found.

use std::sync::Arc;

use ottla_protocol::ErrorCode;

use super::RequestError;
use super::metadata::Attempts;
use crate::coordinator::CoordinatorKind;

/// The broker that coordinates a group or a transactional id could not be found.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoordinatorError {
    /// The cluster refuses, and asking again will not help.
    #[error("the {kind} coordinator of {key:?} was refused: {code}")]
    Refused {
        /// Of what the coordinator was asked for.
        kind: CoordinatorKind,
        /// The group's or the transactional id.
        key: String,
        /// Why.
        code: ErrorCode,
    },
    /// Until the deadline the cluster had no coordinator to name.
    #[error("there was no {kind} coordinator of {key:?} in time: {code}")]
    Unavailable {
        /// Of what the coordinator was asked for.
        kind: CoordinatorKind,
        /// The group's or the transactional id.
        key: String,
        /// What the cluster said last.
        code: ErrorCode,
    },
    /// Until the deadline no broker gave an answer.
    #[error("no broker named the {kind} coordinator of {key:?} in time: {}", Attempts(attempts))]
    Unreachable {
        /// Of what the coordinator was asked for.
        kind: CoordinatorKind,
        /// The group's or the transactional id.
        key: String,
        /// What happened to each broker that was asked in the last round.
        attempts: Arc<[RequestError]>,
    },
    /// The client has been closed.
    #[error("the client is closed")]
    Closed,
}

impl CoordinatorError {
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
