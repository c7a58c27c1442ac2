//! A transaction as its coordinator sees it: a state machine without I/O or clock.
//!
//! It follows Kafka's `TransactionCoordinator` and `TransactionMetadata`, with both ways of ending
//! a transaction: that of KIP-98 ([`TransactionVersion::V1`]) and that of KIP-890
//! ([`TransactionVersion::V2`]), where each end raises the producer's epoch. What Kafka keeps in
//! `pendingState` while it writes its own log does not exist here: that log is always written.
//!
//! ```text
//!              init            first participant            end: commit
//!   (nothing) ─────► Empty ───────────────────► Ongoing ───────────────► PrepareCommit
//!                      ▲                         │    ▲                        │ markers written
//!                      │                         │    │ next participant       ▼
//!                      │              end: abort,│    └───────────────── CompleteCommit ──┐
//!                      │         init or timeout │    ▲                                   │ init
//!                      │                         ▼    │                                   │
//!                      │              PrepareAbort ───┴───────────────► CompleteAbort ──┐ │
//!                      │                              markers written                   │ │
//!                      └────────────────────────────────────────────────────────────────┴─┘
//! ```

mod end;
mod init;
mod participants;
mod registry;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use end::End;
pub(crate) use registry::{TransactionPolicy, Transactions};

/// No producer id (`RecordBatch.NO_PRODUCER_ID`).
const NO_PRODUCER_ID: i64 = -1;
/// No epoch (`RecordBatch.NO_PRODUCER_EPOCH`).
const NO_EPOCH: i16 = -1;
/// The last epoch that a producer is given; one more is left to fence it
/// (`TransactionMetadata.isEpochExhausted`).
const LAST_EPOCH: i16 = i16::MAX - 1;

/// Which protocol of transactions a cluster has turned on (its feature `transaction.version`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TransactionVersion {
    /// Partitions are added by a request of their own, and an epoch lasts until the producer
    /// starts anew (KIP-98).
    V1,
    /// Partitions are added by the first write to them, and every end raises the epoch (KIP-890):
    /// what Kafka 4 does.
    #[default]
    V2,
}

impl TransactionVersion {
    /// The level of the feature.
    pub(crate) fn level(self) -> i16 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    fn raises_epoch(self) -> bool {
        self == Self::V2
    }
}

/// Where a transaction is in its life; see the diagram of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionPhase {
    /// The producer has its epoch, and has never ended a transaction under it.
    Empty,
    /// Something belongs to it.
    Ongoing,
    /// To be committed; markers are on their way.
    PrepareCommit,
    /// To be aborted; markers are on their way.
    PrepareAbort,
    /// Committed everywhere.
    CompleteCommit,
    /// Aborted everywhere.
    CompleteAbort,
}

impl TransactionPhase {
    /// Its name in Kafka's answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

/// What takes part in a transaction, and gets a marker at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Participant {
    Partition(Arc<str>, i32),
    /// The offsets of a group. In Kafka it is the partition of the offsets topic they are in.
    Group(String),
}

/// What a producer may write with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

/// A marker that is to be written for each participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) identity: Identity,
    pub(crate) commit: bool,
    pub(crate) participants: Vec<Participant>,
}

/// One transactional id.
#[derive(Debug)]
pub(crate) struct Transaction {
    phase: TransactionPhase,
    identity: Identity,
    /// The producer id before this one, whose epochs ran out.
    previous_producer_id: i64,
    /// The producer id to go on with once the markers are written, this one's epochs having run
    /// out (KIP-890).
    next_producer_id: Option<i64>,
    /// The epoch before the last raise, by which a repeated request is recognised.
    last_epoch: i16,
    timeout: Duration,
    participants: BTreeSet<Participant>,
    /// When an ongoing transaction began.
    started: Option<Instant>,
    /// When the markers of an ended one are to be written.
    markers_due: Option<Instant>,
    /// By which protocol the producer last acted.
    version: TransactionVersion,
}

impl Transaction {
    /// A transactional id that was never used before; [`Transaction::init`] has to follow.
    pub(crate) fn new(producer_id: i64) -> Self {
        Self {
            phase: TransactionPhase::Empty,
            identity: Identity { producer_id, epoch: NO_EPOCH },
            previous_producer_id: NO_PRODUCER_ID,
            next_producer_id: None,
            last_epoch: NO_EPOCH,
            timeout: Duration::ZERO,
            participants: BTreeSet::new(),
            started: None,
            markers_due: None,
            version: TransactionVersion::V1,
        }
    }

    pub(crate) fn phase(&self) -> TransactionPhase {
        self.phase
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When it began, while it is open.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.started
    }

    pub(crate) fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter()
    }

    /// When the coordinator has something to do: to abort it, or to write its markers.
    pub(crate) fn poll_deadline(&self) -> Option<Instant> {
        match self.phase {
            TransactionPhase::Ongoing => Some(self.started? + self.timeout),
            _ => self.markers_due,
        }
    }

    fn is_exhausted(&self) -> bool {
        self.identity.epoch >= LAST_EPOCH
    }
}
