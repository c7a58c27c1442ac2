//! What a partition's lock guards, and what it decides by that alone.

use std::collections::VecDeque;
use std::sync::Arc;

use ottla_protocol::{
    ErrorCode, Uuid,
    records::{BATCH_HEADER_LEN, BatchBuilder, BatchKind, Records, Sequence},
};
use tokio::time::Instant;

use super::super::batch::{Burden, DrainedBatch, OpenBatch, QueuedBatch};
use super::super::budget::Budget;
use super::super::lives::Life;
use super::super::reply::Reply;
use super::super::sizing::Sizing;
use super::{
    Next, Numbered, Oversized, PartitionQueue,
    expiry::{Briefest, closes_at},
    health::Health,
    returned::Returned,
};
use crate::{
    config::ErrorStrategy,
    core::Core,
    error::Refused,
    idempotence::{Answer, Sequencer, Ticket},
    outcome::Delivery,
    record::Record,
    sink::Sink,
    statistics::Tally,
};

#[derive(Debug)]
pub(super) struct State {
    pub(super) open: Option<OpenBatch>,
    pub(super) queued: VecDeque<QueuedBatch>,
    /// Drained once and returned: numbered anew before anything in `queued`.
    pub(super) returned: Returned,
    pub(super) sequencer: Sequencer<DrainedBatch>,
    /// The partition's.
    tally: Arc<Tally>,
    /// The topic's, if it has one of its own.
    pub(super) room: Option<Arc<Budget>>,
    /// A batch is between the queue and the sequencer, being compressed.
    pub(super) draining: bool,
    /// The sink of the leader's broker; none while there is no leader.
    pub(super) sink: Option<Arc<Sink>>,
    pub(super) leader_epoch: i32,
    /// The topic that the sequences are for; zero while nobody has told its id.
    pub(super) topic_id: Uuid,
    /// Whether the sink has this partition on its list.
    pub(super) listed: bool,
    /// Nothing is sent before, after an error.
    pub(super) resume_at: Option<Instant>,
    pub(super) failures: u32,
    pub(super) health: Health,
    /// The moment that the router watches for this partition.
    pub(super) alarm: Option<Instant>,
    pub(super) briefest: Briefest,
    pub(super) last_error: Option<String>,
    /// The sink has to be told of something: of bytes, or of a batch that was closed.
    pub(super) news: bool,
    /// Bytes that were counted and not told to the sink.
    pub(super) untold: usize,
    /// The last request that took a batch from here: a request holds one of each partition.
    pub(super) round: u64,
    /// The last transaction that it had records for, by its number.
    pub(super) transaction: u64,
}

impl State {
    pub(super) fn new(
        sequencer: Sequencer<DrainedBatch>,
        tally: Arc<Tally>,
        room: Option<Arc<Budget>>,
    ) -> Self {
        Self {
            open: None,
            queued: VecDeque::new(),
            returned: Returned::default(),
            sequencer,
            tally,
            room,
            draining: false,
            sink: None,
            leader_epoch: -1,
            topic_id: Uuid::ZERO,
            listed: false,
            resume_at: None,
            failures: 0,
            health: Health::default(),
            alarm: None,
            briefest: Briefest::default(),
            last_error: None,
            news: false,
            untold: 0,
            round: 0,
            transaction: 0,
        }
    }

    /// Encodes a record into the open batch; the bytes are those that its memory grew by.
    ///
    /// Here and in its callers a refusal is boxed, so that a delivery fits into registers.
    #[inline]
    pub(super) fn append(
        &mut self,
        core: &Core,
        sizing: &Sizing,
        record: &Record<'_>,
        timestamp: i64,
        life: Option<&Life>,
        staged: Option<&Burden>,
    ) -> Result<Delivery, Box<Refused>> {
        if let Some(open) = &mut self.open {
            if let Some(index) = open.append(core, record, timestamp) {
                let delivery = open.burden.promise.delivery(index);
                if let Some(life) = life {
                    self.take_life(core, index, *life);
                }
                if self.has_news(core) {
                    self.grew(core, sizing);
                }
                return Ok(delivery);
            }
        }
        self.begin(core, sizing, record, timestamp, life, staged)
    }

    /// Takes in how long the last record of the open batch lives, and whether it ends before
    /// anything that is watched.
    fn take_life(&mut self, core: &Core, index: u32, life: Life) {
        if let Some(open) = &mut self.open {
            open.burden.lives.add(index, life);
            self.briefest.add(core, &open.burden, life.ends);
        }
        self.news |= self.alarm.is_none_or(|alarm| life.ends < alarm);
    }

    #[inline]
    fn has_news(&self, core: &Core) -> bool {
        self.open.as_ref().is_some_and(|open| open.has_news(core.config.batch_records))
    }

    /// The open batch has grown so much that others must hear of it.
    #[cold]
    fn grew(&mut self, core: &Core, sizing: &Sizing) {
        let Some(open) = &mut self.open else { return };
        self.untold = self.untold.saturating_add(open.count(sizing));
        self.news = true;
        if open.builder.count() >= core.config.batch_records {
            self.seal();
        }
    }

    /// The record that came last belongs to this partition, and with it its batch.
    pub(super) fn bind(&mut self) {
        match (&mut self.open, self.queued.back_mut()) {
            (Some(open), _) => open.burden.bind(),
            // The record closed its batch.
            (None, Some(queued)) => queued.burden.bind(),
            (None, None) => {}
        }
    }

    /// Closes the open batch.
    pub(super) fn seal(&mut self) {
        self.queued.extend(self.open.take().map(OpenBatch::seal));
    }

    /// Begins another batch with a record.
    #[cold]
    fn begin(
        &mut self,
        core: &Core,
        sizing: &Sizing,
        record: &Record<'_>,
        timestamp: i64,
        life: Option<&Life>,
        staged: Option<&Burden>,
    ) -> Result<Delivery, Box<Refused>> {
        self.seal();
        // Staged records were accepted before, and may go on until the very end.
        let refusal = match staged {
            None => core.refusal(),
            Some(_) => core.over().and(core.refusal()),
        };
        if let Some(refused) = refusal {
            return Err(Box::new(refused.clone()));
        }
        if let Some(refused) = core.transaction_refusal() {
            return Err(refused);
        }
        self.adopt(core);
        let limit = core.config.max_batch_size;
        let alone = BatchBuilder::new().record_len(timestamp, &record.parts());
        let size = alone.saturating_add(BATCH_HEADER_LEN);
        if size > limit {
            return Err(Box::new(Refused::TooLarge { size, limit }));
        }
        let mut burden = match staged {
            Some(staged) => staged.heir(core, &self.tally),
            None => {
                let now = Instant::now();
                Burden::new(core, &self.tally, now, now + core.config.delivery_timeout)
            }
        };
        burden.charge_to(self.room.iter());
        // A record that is larger than batches of the topic should be has one for itself.
        let open = self.open.insert(OpenBatch::new(burden, sizing.raw_limit().max(size)));
        // Its size was looked at, and a fresh batch takes any timestamp.
        let index = open.append(core, record, timestamp);
        let index = index.ok_or_else(|| Box::new(Refused::TooLarge { size, limit }))?;
        let delivery = open.burden.promise.delivery(index);
        if let Some(life) = life {
            self.take_life(core, index, *life);
        }
        self.grew(core, sizing);
        Ok(delivery)
    }

    /// Has the next end of a batch or a record watched, unless a moment as early is already.
    pub(super) fn watch(&mut self, core: &Core, queue: &Arc<PartitionQueue>) {
        let next = self.next_end(core);
        if next.is_some_and(|next| self.alarm.is_none_or(|alarm| next < alarm)) {
            core.alarms.set(self.alarm, next, queue);
            self.alarm = next;
        }
    }

    /// Whether there is something to send now that gains nothing by waiting.
    pub(super) fn is_ripe(&self) -> bool {
        self.has_resend_or_sealed() && self.is_sendable()
    }

    pub(super) fn is_led_through(&self, sink: &Arc<Sink>) -> bool {
        self.sink.as_ref().is_some_and(|own| Arc::ptr_eq(own, sink))
    }

    /// Puts the next try off after an error, once for all batches that it hits.
    pub(super) fn back_off(&mut self, core: &Core, reply: &Reply) {
        let upset = self.sequencer.is_upset();
        match reply.answer {
            Answer::Written => {
                if !upset {
                    (self.failures, self.resume_at, self.last_error) = (0, None, None);
                }
                return;
            }
            Answer::RefusedForNow | Answer::Unsure if !upset => {
                self.failures = self.failures.saturating_add(1);
                let wait = core.backoff_after(reply.code, self.failures);
                self.resume_at = Some(Instant::now() + wait);
            }
            // A lost sequence is mended by the next epoch, at once; unless that does not help.
            Answer::OutOfSequence if !upset => {
                if self.failures > 0 {
                    self.resume_at = Some(Instant::now() + core.backoff(self.failures));
                }
                self.failures = self.failures.saturating_add(1);
            }
            _ => {}
        }
        if let Some(cause) = &reply.cause {
            self.last_error = Some(cause.clone());
        }
    }

    /// Counts a try that failed for now; says whether it was the batch's last.
    pub(super) fn tried(&mut self, core: &Core, ticket: Ticket, reply: &Reply) -> Option<Spent> {
        if !matches!(reply.answer, Answer::RefusedForNow | Answer::Unsure) {
            return None;
        }
        let tries = self.sequencer.batch_mut(ticket)?.burden.tried();
        let from_network = reply.code == ErrorCode::NETWORK_EXCEPTION;
        if from_network && core.config.error_strategy == ErrorStrategy::Discard {
            return Some(Spent::Discarded);
        }
        core.config.max_tries.filter(|most| tries >= *most).map(|_| Spent::Tries(tries))
    }

    /// Batches of one partition are begun, and so expire, in order.
    pub(super) fn next_end(&self, core: &Core) -> Option<Instant> {
        let returned = self.returned.front().map(|batch| batch.burden.deadline);
        let queued = self.queued.front().map(|batch| batch.burden.deadline);
        let open = self.open.as_ref().map(|open| closes_at(core, &open.burden));
        let drained = self.sequencer.front().map(|batch| batch.burden.deadline);
        let record = if self.briefest.is_none() { None } else { self.next_expiry(core) };
        [drained, returned, queued, open, record].into_iter().flatten().min()
    }

    pub(super) fn has_something(&self) -> bool {
        self.has_resend_or_sealed() || self.open.is_some()
    }

    pub(super) fn has_resend_or_sealed(&self) -> bool {
        self.sequencer.has_resend() || !self.returned.is_empty() || !self.queued.is_empty()
    }

    /// What the sink has been told of what it has not taken yet.
    pub(super) fn counted(&self) -> usize {
        let open = self.open.as_ref().map_or(0, OpenBatch::counted);
        self.queued.iter().map(|batch| batch.counted).sum::<usize>().saturating_add(open)
    }

    /// Everything that has no number, in order.
    pub(super) fn take_unsent(&mut self) -> Vec<DrainedBatch> {
        let open = self.open.take().map(OpenBatch::seal);
        let raw = std::mem::take(&mut self.queued).into_iter().chain(open);
        let drained =
            |batch: QueuedBatch| DrainedBatch { sealed: batch.raw.into(), burden: batch.burden };
        self.returned.take_all().into_iter().chain(raw.map(drained)).collect()
    }

    pub(super) fn next(&mut self, core: &Core, sizing: &Sizing, room: usize) -> Next {
        if self.draining {
            return Next::Nothing;
        }
        self.adopt(core);
        let kind = self.kind();
        let too_large = |batch: &DrainedBatch| {
            batch.sealed.encoded_len() > sizing.limit() && batch.sealed.count() > 1
        };
        if let Some((ticket, batch)) = self.sequencer.to_split(too_large) {
            let sealed = batch.sealed.clone();
            self.begin_drain();
            return Next::Oversized(Oversized { ticket, sealed });
        }
        if let Some(batch) = self.sequencer.peek_resend() {
            if batch.sealed.encoded_len() > room {
                return Next::TooLarge;
            }
            if let Some((ticket, sequence, batch)) = self.sequencer.resend() {
                let count = batch.sealed.count();
                self.tally.retried(count);
                let records = freeze(batch, sequence, kind);
                return Next::Numbered(Numbered { ticket, records, count });
            }
        }
        if !self.sequencer.may_drain() {
            return Next::Nothing;
        }
        if let Some(batch) = self.returned.front() {
            if batch.sealed.encoded_len() > room {
                return Next::TooLarge;
            }
            return match self.returned.pop_front() {
                Some(batch) if batch.is_worn() => {
                    self.begin_drain();
                    Next::Worn(batch)
                }
                Some(batch) => Next::Numbered(self.number(core, batch)),
                None => Next::Nothing,
            };
        }
        let size = match (self.queued.front(), &self.open) {
            (Some(queued), _) => queued.raw.encoded_len(),
            (None, Some(open)) => open.builder.encoded_len(),
            (None, None) => return Next::Nothing,
        };
        if sizing.on_the_wire(size) > room {
            return Next::TooLarge;
        }
        let batch = self.queued.pop_front().or_else(|| self.open.take().map(OpenBatch::seal));
        batch.map_or(Next::Nothing, |mut batch| {
            batch.burden.undrained = None;
            self.begin_drain();
            Next::Fresh(batch)
        })
    }

    fn begin_drain(&mut self) {
        self.draining = true;
        self.returned.begin_drain();
    }

    pub(super) fn number(&mut self, core: &Core, mut batch: DrainedBatch) -> Numbered {
        batch.count_sent(core);
        batch.burden.promise.set_possibly_written();
        let count = batch.sealed.count();
        let (ticket, sequence) = self.sequencer.drain(batch, count);
        let records = match self.sequencer.back() {
            Some(batch) => freeze(batch, sequence, self.kind()),
            None => Records::new(),
        };
        Numbered { ticket, records, count }
    }

    /// After answers and expiries: goes to the next epoch where one is due. Returns whether the
    /// partition has to be put on its sink's list.
    pub(super) fn settle_down(&mut self, core: &Core) -> bool {
        for batch in self.sequencer.renew().into_iter().rev() {
            self.returned.push_front(batch);
        }
        if self.sequencer.exhausted().is_some() {
            // The router gets another identity.
            core.router.notify_one();
        }
        self.list()
    }

    /// Claims a place on the sink's list if there is something that may be sent and none is
    /// claimed; the caller must then put the partition there.
    pub(super) fn list(&mut self) -> bool {
        let list = !self.listed && self.sink.is_some() && self.is_sendable();
        self.listed |= list;
        list
    }

    pub(super) fn is_sendable(&self) -> bool {
        let fresh = !self.returned.is_empty() || !self.queued.is_empty() || self.open.is_some();
        !self.draining && (self.sequencer.may_resend() || (fresh && self.sequencer.may_drain()))
    }

    fn kind(&self) -> BatchKind {
        if self.sequencer.is_transactional() { BatchKind::Transactional } else { BatchKind::Plain }
    }

    pub(super) fn adopt(&mut self, core: &Core) {
        if self.sequencer.wants_identity() {
            if let Some(identity) = core.identity() {
                self.sequencer.adopt(identity);
            }
        }
    }
}

fn freeze(batch: &DrainedBatch, sequence: Sequence, kind: BatchKind) -> Records {
    batch.sealed.freeze(sequence, kind)
}

/// Why a batch is not tried again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spent {
    /// It had as many as it may have.
    Tries(u32),
    /// What the network failed is discarded.
    Discarded,
}
