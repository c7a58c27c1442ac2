//! A batch through its life: open, queued, drained, resolved.

use std::sync::Arc;
use std::task::Waker;

use ottla_client::{Topic, TopicPartition};
use ottla_protocol::records::{BatchBuilder, RawBatch, SealedBatch};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{begun::Mark, budget::Budget, ledger::Entry, lives::Lives, sizing::Sizing};
use crate::{
    core::Core,
    error::Reason,
    outcome::{Acknowledged, Collected, Failure, Promise, Verdict, Why, WrittenBatch},
    record::Record,
    statistics::Tally,
};

/// What a batch carries from its first record to its outcome, whatever form its records take.
#[derive(Debug)]
pub(crate) struct Burden {
    pub(crate) promise: Promise,
    pub(crate) deadline: Instant,
    /// Where its records are counted.
    pub(super) tally: Arc<Tally>,
    begun: Instant,
    /// Whether it was sent, and is counted so.
    sent: bool,
    pub(super) lives: Lives,
    /// Held until the batch is taken to be sent, if its records may be dropped before.
    pub(super) undrained: Option<Arc<Mark>>,
    /// A record of it belongs to its partition: by its key, or because somebody said so.
    bound: bool,
    /// Tries that failed.
    tries: u32,
    charge: Charge,
    entry: Entry,
}

impl Burden {
    pub(super) fn new(core: &Core, tally: &Arc<Tally>, begun: Instant, deadline: Instant) -> Self {
        Self {
            promise: Promise::new(),
            deadline,
            tally: Arc::clone(tally),
            begun,
            sent: false,
            lives: Lives::default(),
            undrained: None,
            bound: false,
            tries: 0,
            charge: Charge::of(&core.budget),
            entry: core.ledger.enter(),
        }
    }

    /// For another batch that takes over records of this one, with its deadline and in its
    /// generation.
    pub(super) fn heir(&self, core: &Core, tally: &Arc<Tally>) -> Self {
        let mut heir = Self {
            promise: Promise::new(),
            deadline: self.deadline,
            tally: Arc::clone(tally),
            begun: self.begun,
            sent: self.sent,
            lives: Lives::default(),
            undrained: None,
            bound: self.bound,
            tries: self.tries,
            charge: Charge::of(&core.budget),
            entry: self.entry.sibling(),
        };
        heir.charge_to(self.charge.others.iter());
        heir
    }

    /// Charges these budgets beside the producer's; before anything is charged.
    pub(super) fn charge_to<'a>(&mut self, others: impl Iterator<Item = &'a Arc<Budget>>) {
        let charge = &mut self.charge;
        charge.others = others.cloned().collect();
        let budgets = std::iter::once(&charge.producers).chain(&charge.others);
        charge.count = budgets.into_iter().any(|budget| budget.counts_records());
    }

    /// Charges what is counted by records for one more.
    #[inline]
    pub(super) fn count(&mut self) {
        if self.charge.count {
            self.charge.add(0, 1);
        }
    }

    /// A try failed; returns how many have by now.
    pub(super) fn tried(&mut self) -> u32 {
        self.tries = self.tries.saturating_add(1);
        self.tries
    }

    /// A record of it belongs to its partition.
    pub(super) fn bind(&mut self) {
        self.bound = true;
    }

    /// Whether it has to stay in its partition.
    pub(super) const fn is_bound(&self) -> bool {
        self.bound
    }

    /// Its records are another partition's from now on.
    pub(super) fn moved_to(&mut self, tally: &Arc<Tally>, records: u32) {
        self.tally.moved(records.into());
        tally.closed(records);
        self.tally = Arc::clone(tally);
    }

    /// Charges the budget for what the batch now holds.
    pub(crate) fn holds(&mut self, bytes: usize) {
        self.charge.set(bytes);
    }

    /// Takes off what is charged beyond `bytes`, and so many records; to be dropped when no lock is
    /// held, since senders who wait are told of it.
    pub(super) fn sheds(&mut self, bytes: usize, records: usize) -> Charge {
        self.charge.split(bytes, records)
    }

    /// What the budget is charged for it.
    pub(crate) const fn held(&self) -> usize {
        self.charge.bytes
    }

    /// Lays it down: its records have all gone on in other batches.
    pub(crate) fn lay_down(self) {
        self.promise.wake_all();
    }

    /// Tells all records that they are not known to be written, and gives them back.
    pub(crate) fn failed(
        self,
        core: &Core,
        why: Why,
        topic: &Topic,
        partition: Option<i32>,
        batch: SealedBatch,
    ) {
        let records = u64::from(batch.count());
        match why {
            Why::NotWritten(_) => core.ledger.count_not_written(records),
            Why::Unknown(_) => core.ledger.count_unknown(records),
        }
        let failure =
            Arc::new(Failure::new(why, partition, Some(batch), core.client.codecs().clone()));
        let records = 0..failure.count();
        core.failed(Collected { topic: topic.clone(), failure: Arc::clone(&failure), records });
        self.promise.settle(Verdict::Failed(failure));
    }
}

/// What a batch has taken of budgets; given back when it has its outcome or is gone.
#[derive(Debug)]
pub(super) struct Charge {
    producers: Arc<Budget>,
    /// Those of its topic that are limited.
    others: SmallVec<[Arc<Budget>; 2]>,
    bytes: usize,
    records: usize,
    /// Whether any of them is charged for records one by one.
    count: bool,
}

impl Charge {
    fn of(producers: &Arc<Budget>) -> Self {
        let count = producers.counts_records();
        let producers = Arc::clone(producers);
        Self { producers, others: SmallVec::new(), bytes: 0, records: 0, count }
    }

    fn set(&mut self, bytes: usize) {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.add(more, 0),
            None => drop(self.split(bytes, 0)),
        }
    }

    fn add(&mut self, bytes: usize, records: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.records = self.records.saturating_add(records);
        self.producers.charge(bytes, records);
        self.others.iter().for_each(|budget| budget.charge(bytes, records));
    }

    /// Keeps at most `bytes`, and all but so many records; returns the rest.
    fn split(&mut self, bytes: usize, records: usize) -> Self {
        let rest = Self {
            producers: Arc::clone(&self.producers),
            others: self.others.clone(),
            bytes: self.bytes.saturating_sub(bytes),
            records: self.records.min(records),
            count: self.count,
        };
        self.bytes = self.bytes.saturating_sub(rest.bytes);
        self.records = self.records.saturating_sub(rest.records);
        rest
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let (bytes, records) = (self.bytes, self.records);
        self.producers.release(bytes, records);
        self.others.iter().for_each(|budget| budget.release(bytes, records));
    }
}

/// A batch that takes records.
#[derive(Debug)]
pub(super) struct OpenBatch {
    pub(super) builder: BatchBuilder,
    pub(super) burden: Burden,
    /// The most bytes of it, its header included.
    limit: usize,
    /// What its sink has been told of it: bytes on the wire.
    counted: usize,
    /// The sink is told again when it has so many bytes.
    count_at: usize,
}

impl OpenBatch {
    pub(super) const fn new(burden: Burden, limit: usize) -> Self {
        Self { builder: BatchBuilder::new(), burden, limit, counted: 0, count_at: 0 }
    }

    /// Encodes a record, if the batch has room for it; returns its index.
    pub(super) fn append(
        &mut self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Option<u32> {
        let before = self.builder.capacity();
        let index =
            self.builder.append_within(self.limit, timestamp, &record.parts(), &core.pool)?;
        let capacity = self.builder.capacity();
        if capacity != before {
            self.burden.holds(capacity);
        }
        self.burden.count();
        Some(index)
    }

    /// Whether there is something new to hear of it: much that has not been counted, or as many
    /// records as it may have.
    #[inline]
    pub(super) const fn has_news(&self, most_records: u32) -> bool {
        self.builder.encoded_len() >= self.count_at || self.builder.count() >= most_records
    }

    /// Counts what has come since it was counted last.
    pub(super) fn count(&mut self, sizing: &Sizing) -> usize {
        let bytes = self.builder.encoded_len();
        self.count_at = bytes.saturating_add(bytes.clamp(COUNT_FROM, COUNT_EVERY));
        // More is known by now than when it was begun.
        self.limit = sizing.raw_limit().max(bytes);
        let wire = sizing.on_the_wire(bytes).max(self.counted);
        wire.saturating_sub(std::mem::replace(&mut self.counted, wire))
    }

    /// What its sink has been told of it.
    pub(super) const fn counted(&self) -> usize {
        self.counted
    }

    pub(super) fn seal(self) -> QueuedBatch {
        self.burden.tally.closed(self.builder.count());
        QueuedBatch { raw: self.builder.seal(), burden: self.burden, counted: self.counted }
    }
}

/// A batch tells its sink of its growth when it has doubled, but for the smallest and the largest:
/// seldom enough to cost nothing, often enough that the sink knows when a request is full.
const COUNT_FROM: usize = 1 << 10;
const COUNT_EVERY: usize = 16 << 10;

/// A batch that takes no more records and has not been numbered.
#[derive(Debug)]
pub(crate) struct QueuedBatch {
    pub(crate) raw: RawBatch,
    pub(crate) burden: Burden,
    /// What its sink has been told of it: bytes on the wire.
    pub(super) counted: usize,
}

impl QueuedBatch {
    /// The batch without the records that are gone: their offsets must not be missing in the log.
    pub(crate) fn compacted(self, core: &Core) -> Self {
        let Self { raw, mut burden, counted } = self;
        if burden.lives.gone() == 0 {
            return Self { raw, burden, counted };
        }
        // Records that are gone from the front are not counted any longer.
        let end = raw.count().saturating_add(raw.first_index());
        let living = burden.lives.living(end);
        let kept = raw.retain(|index| !burden.lives.is_gone(index), &core.pool);
        let mut heir = burden.heir(core, &burden.tally);
        std::mem::swap(&mut heir.charge, &mut burden.charge);
        heir.holds(kept.capacity());
        let woken = burden.promise.part(&living, &heir.promise);
        heir.lives = std::mem::take(&mut burden.lives).compacted(&living);
        woken.into_iter().for_each(Waker::wake);
        Self { raw: kept, burden: heir, counted }
    }
}

/// A batch in its final form, numbered by its partition's sequencer.
#[derive(Debug)]
pub(crate) struct DrainedBatch {
    pub(crate) sealed: SealedBatch,
    pub(crate) burden: Burden,
}

impl DrainedBatch {
    /// Counts that it is sent, or sent again.
    pub(super) fn count_sent(&mut self, core: &Core) {
        let (records, raw) = (self.sealed.count(), self.sealed.raw_len());
        if std::mem::replace(&mut self.burden.sent, true) {
            self.burden.tally.retried(records);
        } else {
            let bytes = self.sealed.encoded_len();
            self.burden.tally.sent(raw, bytes);
            core.meter.sent(self.burden.begun.elapsed(), records, raw, bytes);
        }
    }

    /// Tells all records that they are written.
    pub(crate) fn written(
        self,
        core: &Core,
        at: &TopicPartition,
        base_offset: Option<i64>,
        timestamp: Option<i64>,
    ) {
        let (partition, count) = (at.partition, self.sealed.count());
        self.burden.tally.written(count);
        core.outbox.acknowledged(|| {
            let topic = at.topic.clone();
            Acknowledged { topic, partition, count, base_offset, timestamp }
        });
        let written = WrittenBatch { partition, base_offset, timestamp };
        self.burden.promise.settle(Verdict::Written(written));
    }

    /// Whether records of it have expired since it was put into its final form.
    pub(crate) fn is_worn(&self) -> bool {
        self.burden.lives.gone() > 0
    }

    /// Gives a batch that was never possibly written the form it had before it was drained.
    pub(crate) fn reopened(mut self, core: &Core, at: &TopicPartition) -> Option<QueuedBatch> {
        match self.sealed.to_raw(core.client.codecs()) {
            Ok(raw) => {
                self.burden.holds(raw.capacity());
                Some(QueuedBatch { raw, burden: self.burden, counted: 0 })
            }
            Err(error) => {
                let why = Why::NotWritten(Reason::Compression { cause: error.to_string() });
                self.fail(core, why, at);
                None
            }
        }
    }

    /// Batches in the place of one that is too large, each with its share of the records, whose
    /// deliveries go on there. The old one's burden has to be kept until the pieces cannot get
    /// lost any more, and then laid down.
    pub(crate) fn pieces(core: &Core, whole: &Burden, pieces: Vec<SealedBatch>) -> Vec<Self> {
        let (lives, mut from) = (whole.lives.by_index(), 0u32);
        let piece = |sealed: SealedBatch| {
            let mut burden = whole.heir(core, &whole.tally);
            burden.holds(sealed.capacity());
            burden.charge.add(0, sealed.count() as usize);
            let until = from.saturating_add(sealed.count());
            whole.promise.forward(from, until, &burden.promise, 0);
            let first = lives.partition_point(|(index, _)| *index < from);
            let own = lives.iter().skip(first).take_while(|(index, _)| *index < until);
            for (index, life) in own {
                burden.lives.add(index.saturating_sub(from), *life);
            }
            from = until;
            Self { sealed, burden }
        };
        pieces.into_iter().map(piece).collect()
    }

    /// Gives all records back.
    pub(crate) fn fail(mut self, core: &Core, why: Why, at: &TopicPartition) {
        if self.is_worn() {
            // What is gone has its outcome.
            if let Ok(raw) = self.sealed.to_raw(core.client.codecs()) {
                let QueuedBatch { raw, burden, .. } =
                    QueuedBatch { raw, burden: self.burden, counted: 0 }.compacted(core);
                self = Self { sealed: raw.into(), burden };
            }
        }
        self.burden.failed(core, why, &at.topic, Some(at.partition), self.sealed);
    }
}
