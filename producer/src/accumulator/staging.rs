//! Records of a topic that is not known yet: encoded, in order, waiting for its partitions.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use ottla_client::Topic;
use ottla_protocol::records::{BATCH_HEADER_LEN, BatchBuilder, Header, RawBatch, RecordView};
use tokio::time::Instant;

use super::{
    batch::{Burden, OpenBatch, QueuedBatch},
    begun::{Entry, Mark, Place},
    budget::Budget,
    lives::Life,
    removal::Removed,
    topic::TopicQueues,
};
use crate::{
    core::Core,
    error::{Reason, Refused},
    outcome::{Collected, Delivery, Failure, Verdict, Why},
    record::Record,
    statistics::Tally,
};

/// The records of one topic that wait for it.
#[derive(Debug)]
pub(super) struct Staging {
    /// In order; only the last one takes records.
    batches: VecDeque<Staged>,
    pub(super) deadline: Instant,
}

#[derive(Debug)]
struct Staged {
    batch: OpenBatch,
    /// The partitions that the records ask for.
    asked: Vec<Option<i32>>,
}

impl Staging {
    pub(super) fn new(core: &Core) -> Self {
        let config = &core.config;
        let patience = config.topic_timeout.min(config.delivery_timeout);
        Self { batches: VecDeque::new(), deadline: Instant::now() + patience }
    }

    /// Begins another batch where one is needed, charged to these budgets.
    pub(super) fn room_for<'a>(
        &mut self,
        core: &Core,
        tally: &Arc<Tally>,
        room: impl Iterator<Item = &'a Arc<Budget>>,
        topic: &Topic,
    ) {
        let full = |staged: &Staged| staged.batch.builder.encoded_len() >= LARGE;
        if !self.batches.back().is_none_or(full) {
            return;
        }
        let room: Vec<_> = room.collect();
        let mut staged = Staged::new(core, tally);
        staged.batch.burden.charge_to(room.iter().copied());
        let mark = Mark::new();
        let budgets = std::iter::once(&core.budget).chain(room);
        for begun in budgets.filter_map(|budget| budget.begun.as_ref()) {
            begun.push(Entry::new(Place::Staging(topic.clone()), &mark));
            staged.batch.burden.undrained = Some(Arc::clone(&mark));
        }
        self.batches.push_back(staged);
    }

    /// Takes the batch out.
    pub(super) fn evict(&mut self, entry: &Entry) -> Option<OpenBatch> {
        let mut batches = self.batches.iter();
        let of = |staged: &Staged| entry.is_of(staged.batch.burden.undrained.as_ref());
        let at = batches.position(of)?;
        self.batches.remove(at).map(|staged| staged.batch)
    }

    pub(super) fn append(
        &mut self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
        life: Option<&Life>,
    ) -> Result<Delivery, Box<Refused>> {
        let full = || Box::new(core.budget.refusal());
        let Some(staged) = self.batches.back_mut() else { return Err(full()) };
        let OpenBatch { builder, burden, .. } = &mut staged.batch;
        let index = builder.append(timestamp, &record.parts(), &core.pool).map_err(|_| full())?;
        burden.holds(builder.capacity());
        burden.count();
        if let Some(life) = life {
            burden.lives.add(index, *life);
        }
        staged.asked.push(record.partition);
        Ok(burden.promise.delivery(index))
    }

    /// Whether all records ask for a partition.
    pub(super) fn is_placed(&self) -> bool {
        self.batches.iter().flat_map(|staged| &staged.asked).all(Option::is_some)
    }

    /// Refuses a record that no batch can hold.
    pub(super) fn check(
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<(), Box<Refused>> {
        let limit = core.config.max_batch_size;
        let alone = BatchBuilder::new().record_len(timestamp, &record.parts());
        let size = alone.saturating_add(BATCH_HEADER_LEN);
        if size > limit { Err(Box::new(Refused::TooLarge { size, limit })) } else { Ok(()) }
    }

    /// How many records wait.
    pub(super) fn count(&self) -> u64 {
        self.batches.iter().map(|staged| u64::from(staged.batch.builder.count())).sum()
    }

    /// Takes out what has expired.
    pub(super) fn expire(&mut self, core: &Core, now: Instant) -> Removed {
        let mut removed = Removed::default();
        let mut at = 0;
        while let Some(staged) = self.batches.get_mut(at) {
            let OpenBatch { builder, burden, .. } = &mut staged.batch;
            let pick = |at: &[u32]| builder.pick(at, &core.pool);
            let due = burden.lives.is_due(now);
            if !due || removed.expire(core, burden, now, builder.count(), pick) {
                at = at.saturating_add(1);
            } else if let Some(staged) = self.batches.remove(at) {
                removed.spend(staged.batch.seal().burden);
            }
        }
        removed
    }

    /// When the next record expires.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.batches.iter().filter_map(|staged| staged.batch.burden.lives.next()).min()
    }

    /// Hands the records over to their partitions. Those that no partition takes are told so by
    /// [`Released::tell`].
    pub(super) fn release(self, core: &Core, queues: &TopicQueues, count: usize) -> Vec<Released> {
        let release = |staged: Staged| staged.release(core, queues, count);
        self.batches.into_iter().map(release).collect()
    }

    /// Gives all records back.
    pub(super) fn fail(self, core: &Core, topic: &Topic, reason: &Reason) {
        for staged in self.batches {
            let QueuedBatch { raw, burden, .. } = staged.batch.seal().compacted(core);
            burden.failed(core, Why::NotWritten(reason.clone()), topic, None, raw.into());
        }
    }
}

impl Staged {
    fn new(core: &Core, tally: &Arc<Tally>) -> Self {
        let now = Instant::now();
        let burden = Burden::new(core, tally, now, now + core.config.delivery_timeout);
        let batch = OpenBatch::new(burden, usize::MAX);
        Self { batch, asked: Vec::new() }
    }

    fn release(self, core: &Core, queues: &TopicQueues, count: usize) -> Released {
        let QueuedBatch { raw, burden, .. } = self.batch.seal();
        let (mut failures, mut placed_records) = (Failures::default(), 0u64);
        let mut lives = burden.lives.by_index().into_iter().peekable();
        for (index, (view, asked)) in (0..).zip(raw.records().zip(self.asked)) {
            let life = lives.next_if(|(of, _)| *of == index).map(|(_, life)| life);
            if burden.lives.is_gone(index) {
                continue;
            }
            let headers: Vec<Header<'_>> = view.headers().filter_map(Result::ok).collect();
            let record = Record { partition: asked, ..restored(&view, &headers) };
            let placed = queues.choose(count, &record).and_then(|(partition, free)| {
                let staged = (&burden, index);
                partition.append_staged(core, &record, view.timestamp, life.as_ref(), staged, free)
            });
            if let Err(refused) = placed {
                core.ledger.count_not_written(1);
                let reason = match *refused {
                    Refused::TransactionAborted { .. } => Reason::TransactionAborted,
                    refused => {
                        let topic = queues.topic.name().to_owned();
                        Reason::Topic { topic, cause: refused.to_string() }
                    }
                };
                failures.add(core, &raw, index, asked, reason);
            } else {
                placed_records = placed_records.saturating_add(1);
            }
        }
        burden.tally.moved(placed_records);
        for (records, failure) in &failures.ranges {
            core.failed(Collected {
                topic: queues.topic.clone(),
                failure: Arc::clone(failure),
                records: records.clone(),
            });
        }
        Released { burden, failed: failures.ranges }
    }
}

/// Staged records that no partition took: those of one reason share what holds them.
#[derive(Default)]
struct Failures {
    ranges: Vec<(Range<u32>, Arc<Failure>)>,
    /// By the partition asked for.
    latest: BTreeMap<Option<i32>, (Reason, Arc<Failure>)>,
}

impl Failures {
    fn add(
        &mut self,
        core: &Core,
        batch: &RawBatch,
        index: u32,
        asked: Option<i32>,
        reason: Reason,
    ) {
        let failure = match self.latest.get(&asked) {
            Some((same, failure)) if *same == reason => Arc::clone(failure),
            _ => {
                let why = Why::NotWritten(reason.clone());
                let codecs = core.client.codecs().clone();
                let failure = Failure::new(why, asked, Some(batch.clone().into()), codecs);
                let failure = Arc::new(failure);
                self.latest.insert(asked, (reason, Arc::clone(&failure)));
                failure
            }
        };
        let until = index.saturating_add(1);
        match self.ranges.last_mut() {
            Some((range, last)) if range.end == index && Arc::ptr_eq(last, &failure) => {
                range.end = until;
            }
            _ => self.ranges.push((index..until, failure)),
        }
    }
}

/// Staged records that went on to their partitions, or had nowhere to go; nobody was told yet.
#[must_use]
pub(super) struct Released {
    burden: Burden,
    failed: Vec<(Range<u32>, Arc<Failure>)>,
}

impl Released {
    /// Wakes who waits for the records. Not under a lock: whoever is woken may send at once.
    pub(super) fn tell(self) {
        for (records, failure) in self.failed {
            let verdict = Verdict::Failed(failure);
            self.burden.promise.settle_range(records.start, records.end, verdict);
        }
        self.burden.promise.wake_all();
    }
}

/// The record as it was sent, but for its partition and its time to live.
fn restored<'a>(view: &RecordView<'a>, headers: &'a [Header<'a>]) -> Record<'a> {
    Record {
        key: view.key,
        value: view.value,
        headers,
        timestamp: Some(view.timestamp),
        ..Record::default()
    }
}

/// Bytes of a batch before the next is begun: records that wait leave in pieces of this size if
/// they have to make room.
const LARGE: usize = 64 << 10;
