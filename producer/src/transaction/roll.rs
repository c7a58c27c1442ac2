//! What belongs to the open transaction, as its partitions and its handle see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ottla_client::Lane;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::error::AbortCause;
use super::machine::Protocol;
use crate::{
    accumulator::PartitionQueue,
    error::{Reason, Refused, Unsure},
    idempotence::Identity,
    outcome::Why,
};

/// Partitions enter themselves with their first record; the coordinator's task takes it from there.
///
/// Its lock is the innermost one: partitions take it while they hold theirs.
#[derive(Debug)]
pub(crate) struct Roll {
    id: String,
    pub(super) timeout: Duration,
    pub(super) patience: Duration,
    /// The connection to the coordinators.
    pub(super) lane: Lane,
    open: Mutex<Open>,
    /// Counts the transactions, so that a partition knows whether it is in the present one.
    number: AtomicU64,
    /// Whether partitions have to be added before anything is written to them.
    first: AtomicBool,
    /// The handle has dropped a transaction that was neither committed nor aborted.
    dropped: AtomicBool,
    /// Wakes the coordinator's task.
    pub(super) wake: Notify,
    /// The coordinator's task has left nothing open.
    pub(crate) finished: CancellationToken,
}

#[derive(Debug, Default)]
struct Open {
    /// Whom partitions write as at once, without being added first.
    identity: Option<Identity>,
    members: Vec<Arc<PartitionQueue>>,
    /// Members that have to be added.
    wanted: Vec<Arc<PartitionQueue>>,
    failure: Option<AbortCause>,
    /// The failure has been taken note of.
    noted: bool,
}

/// From the next version on a Produce request adds its partitions to the transaction (KIP-890).
const NEWEST_PRODUCE_OF_FIRST: i16 = 11;

impl Roll {
    pub(super) fn new(id: String, timeout: Duration, patience: Duration, lane: Lane) -> Self {
        Self {
            id,
            timeout,
            patience,
            lane,
            open: Mutex::default(),
            number: AtomicU64::new(0),
            first: AtomicBool::new(false),
            dropped: AtomicBool::new(false),
            wake: Notify::new(),
            finished: CancellationToken::new(),
        }
    }

    /// The transactional id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The number of the open transaction.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// The newest version of Produce that means what the open transaction's protocol says.
    pub(crate) fn newest_produce(&self) -> Option<i16> {
        self.first.load(Ordering::Acquire).then_some(NEWEST_PRODUCE_OF_FIRST)
    }

    /// Why no further record is accepted, if that is so.
    pub(crate) fn refusal(&self) -> Option<Refused> {
        let cause = self.open.lock().failure.clone()?;
        Some(Refused::TransactionAborted { cause })
    }

    /// A partition has its first record of this transaction. Whom it may write as at once; else it
    /// has to wait until it is added.
    pub(crate) fn enter(&self, partition: &Arc<PartitionQueue>) -> Option<Identity> {
        let mut open = self.open.lock();
        let first = open.members.is_empty();
        open.members.push(Arc::clone(partition));
        let identity = open.identity;
        if identity.is_none() {
            open.wanted.push(Arc::clone(partition));
        }
        drop(open);
        if first || identity.is_none() {
            self.wake.notify_one();
        }
        identity
    }

    /// A record is not known to be written: the transaction must not be committed.
    pub(crate) fn record_failed(&self, why: &Why) {
        let cause = match why {
            // That is what comes of an abort, and no reason for one.
            Why::NotWritten(Reason::TransactionAborted)
            | Why::Unknown(Unsure::TransactionAborted) => return,
            Why::NotWritten(reason) => AbortCause::NotWritten { reason: reason.clone() },
            Why::Unknown(reason) => AbortCause::Unknown { reason: reason.clone() },
        };
        self.open.lock().failure.get_or_insert(cause);
        self.wake.notify_one();
    }

    /// Nobody holds the open transaction any more.
    pub(crate) fn set_dropped(&self) {
        self.dropped.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(super) fn take_dropped(&self) -> bool {
        self.dropped.swap(false, Ordering::AcqRel)
    }

    /// Another transaction begins.
    pub(super) fn open(&self, identity: Identity, protocol: Protocol) {
        let mut open = self.open.lock();
        *open = Open::default();
        open.identity = (protocol == Protocol::Second).then_some(identity);
        self.first.store(protocol == Protocol::First, Ordering::Release);
        self.number.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes no further record.
    pub(super) fn refuse(&self, cause: AbortCause) {
        let mut open = self.open.lock();
        open.failure.get_or_insert(cause);
        open.noted = true;
        open.wanted.clear();
    }

    /// The members; those of the next transaction will be others.
    pub(super) fn close(&self) -> Vec<Arc<PartitionQueue>> {
        let mut open = self.open.lock();
        open.failure.get_or_insert(AbortCause::GivenUp);
        open.noted = true;
        open.wanted.clear();
        std::mem::take(&mut open.members)
    }

    /// Whether anything may have been written.
    pub(super) fn has_members(&self) -> bool {
        !self.open.lock().members.is_empty()
    }

    /// Partitions that have to be added.
    pub(super) fn take_wanted(&self) -> Vec<Arc<PartitionQueue>> {
        std::mem::take(&mut self.open.lock().wanted)
    }

    /// The first failure, once.
    pub(super) fn take_failure(&self) -> Option<AbortCause> {
        let mut open = self.open.lock();
        if std::mem::replace(&mut open.noted, true) {
            return None;
        }
        let failure = open.failure.clone();
        open.noted = failure.is_some();
        failure
    }
}
