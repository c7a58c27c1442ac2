//! One cell for the records of a batch: ranges of indexes, each pending, settled or forwarded.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use ottla_client::Topic;
use ottla_protocol::{
    compression::Codecs,
    records::{RawBatch, SealedBatch},
};
use parking_lot::Mutex;

use super::delivery::{Delivery, Written};
use super::ranges::{Ranges, Shift};
use super::waiting::{Waiting, Woken};
use crate::{
    error::{Reason, SendError, Unsure},
    record::OwnedRecord,
};

/// Where the records of one batch have their outcomes.
///
/// The cell outlives its batch and never holds the batch's payload, unless records failed: then it
/// keeps the batch until the last delivery is gone, so that each can give its record back.
#[derive(Debug)]
pub(super) struct OutcomeCell {
    /// Set with the state, once all records are written in one piece: what nearly every delivery is
    /// told, without a lock.
    written: OnceLock<WrittenBatch>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ranges: Ranges<RangeState>,
    waiting: Waiting,
}

#[derive(Clone, Debug)]
enum RangeState {
    Pending,
    Settled(Verdict),
    /// The records went on in another batch: the range's first has index `to` there.
    Forwarded {
        cell: Arc<OutcomeCell>,
        to: u32,
    },
}

/// What became of a range of records.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// They are in the log, at ascending offsets.
    Written(WrittenBatch),
    /// They are not known to be in the log.
    Failed(Arc<Failure>),
}

/// Where records went that follow each other in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrittenBatch {
    pub(crate) partition: i32,
    /// `None` if the broker did not say: acks=0, or a duplicate it no longer knows.
    pub(crate) base_offset: Option<i64>,
    /// The broker's time, for topics that use it.
    pub(crate) timestamp: Option<i64>,
}

/// Records that are not known to be in the log, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) why: Why,
    /// Where they were to go, if that had been decided.
    pub(crate) partition: Option<i32>,
    /// The batch they are in, at the indexes of their deliveries.
    batch: Option<SealedBatch>,
    codecs: Codecs,
    /// The same, readable; inflated at most once.
    raw: OnceLock<Option<RawBatch>>,
}

/// Records of a failed batch, by their indexes.
#[derive(Clone, Debug)]
pub(crate) struct Collected {
    pub(crate) topic: Topic,
    pub(crate) failure: Arc<Failure>,
    pub(crate) records: std::ops::Range<u32>,
}

#[derive(Clone, Debug)]
pub(crate) enum Why {
    NotWritten(Reason),
    Unknown(Unsure),
}

impl Failure {
    pub(crate) const fn new(
        why: Why,
        partition: Option<i32>,
        batch: Option<SealedBatch>,
        codecs: Codecs,
    ) -> Self {
        Self { why, partition, batch, codecs, raw: OnceLock::new() }
    }

    /// The batch's records; `None` if it is gone.
    pub(crate) fn records(&self) -> Option<&RawBatch> {
        let reopen = || self.batch.as_ref().and_then(|batch| batch.to_raw(&self.codecs).ok());
        self.raw.get_or_init(reopen).as_ref()
    }

    /// Bytes that the batch keeps.
    pub(crate) fn held(&self) -> usize {
        self.batch.as_ref().map_or(0, SealedBatch::capacity)
    }

    /// How many records the batch has.
    pub(crate) fn count(&self) -> u32 {
        self.batch.as_ref().map_or(0, SealedBatch::count)
    }

    fn record(&self, index: u32) -> OwnedRecord {
        let view = self.records().and_then(|raw| raw.record(index));
        view.map(|view| OwnedRecord::detach(&view, self.partition)).unwrap_or_default()
    }
}

impl Collected {
    /// The records' share of the bytes that their batch keeps.
    pub(super) fn held(&self) -> usize {
        let whole = (self.failure.count() as usize).max(1);
        let share = self.failure.held().saturating_mul(self.records.len());
        share.checked_div(whole).unwrap_or(0)
    }

    /// The same without the records.
    pub(crate) fn bare(self) -> Self {
        let Failure { why, partition, codecs, .. } = &*self.failure;
        let failure = Failure::new(why.clone(), *partition, None, codecs.clone());
        Self { failure: Arc::new(failure), ..self }
    }

    /// The records, given back.
    pub(crate) fn owned(&self) -> impl Iterator<Item = OwnedRecord> {
        let from = self.records.start;
        let batch = self.failure.records().into_iter();
        batch
            .flat_map(move |batch| batch.records_from(from))
            .take(self.records.len())
            .map(|view| OwnedRecord::detach(&view, self.failure.partition))
    }
}

impl OutcomeCell {
    fn new() -> Arc<Self> {
        let ranges = Ranges::new(RangeState::Pending);
        let state = State { ranges, waiting: Waiting::default() };
        Arc::new(Self { written: OnceLock::new(), state: Mutex::new(state) })
    }

    /// The outcome of the record `index`, if all are written in one piece.
    #[inline]
    pub(super) fn written(&self, index: u32) -> Option<Written> {
        self.written.get().map(|batch| batch.record(index))
    }

    /// The outcome of the record `index`, or where it went; `waker` is kept in `place` otherwise.
    pub(super) fn poll(&self, index: u32, place: &mut u32, waker: &Waker) -> Polled {
        let mut state = self.state.lock();
        match state.ranges.get(index) {
            (from, RangeState::Settled(verdict)) => {
                let (verdict, nth) = (verdict.clone(), index.saturating_sub(from));
                drop(state);
                // A record that comes back is copied, and its batch inflated: not under the lock.
                Polled::Ready(verdict.of(index, nth))
            }
            (from, RangeState::Forwarded { cell, to }) => {
                let index = to.saturating_add(index.saturating_sub(from));
                Polled::Forwarded(Arc::clone(cell), index)
            }
            (_, RangeState::Pending) => {
                let replaced = state.waiting.wait(index, place, waker);
                drop(state);
                drop(replaced);
                Polled::Pending
            }
        }
    }

    /// Forgets the waker kept in `place`.
    pub(super) fn forget(&self, index: u32, place: u32) {
        let forgotten = self.state.lock().waiting.forget(index, place);
        // Whatever a waker drops with it may come back here: not under the lock.
        drop(forgotten);
    }

    /// Settles what is still pending of `from..until` and wakes who waits for it.
    fn settle(&self, from: u32, until: u32, outcome: &RangeState) {
        let mut state = self.state.lock();
        state.set(from, until, outcome);
        if let Some(RangeState::Settled(Verdict::Written(batch))) = state.ranges.only() {
            let _ = self.written.set(*batch);
        }
        // One at a time, not under the lock: a waker may poll at once, and drop its delivery.
        let mut woken = Woken::new();
        state.waiting.take(from, until, &mut woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Wakes who waits for any record.
    fn wake_all(&self) {
        let mut woken = Woken::new();
        self.state.lock().waiting.take(0, u32::MAX, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }

    fn has_pending(&self) -> bool {
        self.state.lock().ranges.all().any(|range| matches!(range, RangeState::Pending))
    }
}

impl State {
    /// Gives what is still pending of `from..until` its outcome.
    fn set(&mut self, from: u32, until: u32, outcome: &RangeState) {
        for (begins, range) in self.ranges.between(from, until) {
            if let RangeState::Pending = range {
                *range = outcome.clone().shifted(begins.saturating_sub(from));
            }
        }
    }
}

impl Shift for RangeState {
    fn shifted(self, by: u32) -> Self {
        match self {
            Self::Settled(Verdict::Written(batch)) => {
                Self::Settled(Verdict::Written(batch.shifted(by)))
            }
            Self::Forwarded { cell, to } => Self::Forwarded { cell, to: to.saturating_add(by) },
            other => other,
        }
    }
}

impl WrittenBatch {
    /// The part that begins `by` records later.
    fn shifted(self, by: u32) -> Self {
        let base_offset = self.base_offset.map(|offset| offset.saturating_add(i64::from(by)));
        Self { base_offset, ..self }
    }

    /// The place of the record number `nth`.
    #[inline]
    fn record(&self, nth: u32) -> Written {
        let Self { partition, base_offset, timestamp } = *self;
        let offset = base_offset.map(|base| base.saturating_add(i64::from(nth)));
        Written { partition, offset, timestamp }
    }
}

impl Verdict {
    /// The outcome of the record at `index`, which is the range's record number `nth`.
    fn of(&self, index: u32, nth: u32) -> Result<Written, SendError> {
        match self {
            Self::Written(batch) => Ok(batch.record(nth)),
            Self::Failed(failure) => {
                let record = Box::new(failure.record(index));
                Err(match &failure.why {
                    Why::NotWritten(reason) => {
                        SendError::NotWritten { reason: reason.clone(), record }
                    }
                    Why::Unknown(reason) => SendError::Unknown { reason: reason.clone(), record },
                })
            }
        }
    }
}

pub(super) enum Polled {
    Pending,
    Ready(Result<Written, SendError>),
    Forwarded(Arc<OutcomeCell>, u32),
}

/// The side that settles a cell: every batch owns one, and passes it on until it is settled.
///
/// Dropped before that, it settles what is left as abandoned: no delivery waits for ever.
#[derive(Debug)]
pub(crate) struct Promise {
    cell: Arc<OutcomeCell>,
    /// Whether some of the batch may have reached a broker.
    possibly_written: bool,
}

impl Promise {
    pub(crate) fn new() -> Self {
        Self { cell: OutcomeCell::new(), possibly_written: false }
    }

    /// The delivery of the record `index`.
    #[inline]
    pub(crate) fn delivery(&self, index: u32) -> Delivery {
        Delivery::new(Arc::clone(&self.cell), index)
    }

    /// What an abandoned batch's records are told from now on.
    pub(crate) fn set_possibly_written(&mut self) {
        self.possibly_written = true;
    }

    /// Settles all records.
    pub(crate) fn settle(self, verdict: Verdict) {
        self.cell.settle(0, u32::MAX, &RangeState::Settled(verdict));
    }

    /// Settles `from..until` only.
    pub(crate) fn settle_range(&self, from: u32, until: u32, verdict: Verdict) {
        self.cell.settle(from, until, &RangeState::Settled(verdict));
    }

    /// Sends `from..until` on to another batch, where the first has index `to`. Nobody is woken by
    /// it: [`wake_all`](Self::wake_all) does that once for all that went on.
    pub(crate) fn forward(&self, from: u32, until: u32, other: &Self, to: u32) {
        let forwarded = RangeState::Forwarded { cell: Arc::clone(&other.cell), to };
        self.cell.state.lock().set(from, until, &forwarded);
    }

    /// Sends the records of these ranges on to another batch, where they have the indexes from zero
    /// on; returns those who wait for them.
    #[must_use = "they wait for what has gone elsewhere"]
    pub(crate) fn part(&self, ranges: &[Range<u32>], other: &Self) -> Woken {
        let mut woken = Woken::new();
        let mut state = self.cell.state.lock();
        let mut to = 0u32;
        for range in ranges {
            let forwarded = RangeState::Forwarded { cell: Arc::clone(&other.cell), to };
            state.set(range.start, range.end, &forwarded);
            state.waiting.take(range.start, range.end, &mut woken);
            to = to.saturating_add(range.end.saturating_sub(range.start));
        }
        woken
    }

    /// Lets all who wait look again: after [`forward`](Self::forward).
    pub(crate) fn wake_all(&self) {
        self.cell.wake_all();
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.cell.has_pending() {
            let why = if self.possibly_written {
                Why::Unknown(Unsure::Abandoned)
            } else {
                Why::NotWritten(Reason::Abandoned)
            };
            let failure = Failure::new(why, None, None, Codecs::default());
            let verdict = Verdict::Failed(Arc::new(failure));
            self.cell.settle(0, u32::MAX, &RangeState::Settled(verdict));
        }
    }
}
