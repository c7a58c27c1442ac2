//! One partition's queue: the open batch, those waiting, and those on the wire.

use std::collections::VecDeque;
use std::sync::Arc;

use ottla_client::TopicPartition;
use ottla_protocol::{
    Uuid,
    records::{BATCH_HEADER_LEN, BatchBuilder, Sequence},
};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::batch::{Burden, DrainedBatch, OpenBatch, QueuedBatch};
use crate::{
    core::{Core, Over},
    error::{Reason, Refused, Unsure},
    idempotence::{Answer, GivenUp, Sequencer, Settled, Ticket},
    outcome::{Delivery, Why},
    record::Record,
    sink::Sink,
};

/// A partition as the producer sees it.
#[derive(Debug)]
pub(crate) struct PartitionQueue {
    pub(crate) at: TopicPartition,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    open: Option<OpenBatch>,
    queued: VecDeque<QueuedBatch>,
    /// Drained once and returned: numbered anew before anything in `queued`.
    returned: VecDeque<DrainedBatch>,
    sequencer: Sequencer<DrainedBatch>,
    /// A batch is between the queue and the sequencer, being compressed.
    draining: bool,
    /// The sink of the leader's broker; none while there is no leader.
    sink: Option<Arc<Sink>>,
    leader_epoch: i32,
    /// The topic that the sequences are for; zero while nobody has told its id.
    topic_id: Uuid,
    /// Whether the sink has this partition on its list.
    listed: bool,
    /// Nothing is sent before, after an error.
    resume_at: Option<Instant>,
    failures: u32,
    /// The deadline that the router watches for this partition.
    alarm: Option<Instant>,
    last_error: Option<String>,
    /// The last request that took a batch from here: a request holds one of each partition.
    round: u64,
}

/// What a partition has for its sink.
#[derive(Debug)]
pub(crate) enum Next {
    /// A batch that has not been numbered; hand it back with [`PartitionQueue::drain`].
    Fresh(QueuedBatch),
    /// A batch numbered and ready for the request.
    Numbered(Numbered),
    /// Nothing before this moment.
    Later(Instant),
    /// Nothing, until something is appended or answered.
    Nothing,
    /// A batch that no longer fits what is left of the request.
    TooLarge,
}

/// A batch for a request.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) ticket: Ticket,
    pub(crate) records: ottla_protocol::records::Records,
}

impl PartitionQueue {
    pub(crate) fn new(at: TopicPartition, sequencer: Sequencer<DrainedBatch>) -> Arc<Self> {
        Arc::new(Self {
            at,
            state: Mutex::new(State {
                open: None,
                queued: VecDeque::new(),
                returned: VecDeque::new(),
                sequencer,
                draining: false,
                sink: None,
                leader_epoch: -1,
                topic_id: Uuid::ZERO,
                listed: false,
                resume_at: None,
                failures: 0,
                alarm: None,
                last_error: None,
                round: 0,
            }),
        })
    }

    /// Encodes a record into the open batch.
    pub(crate) fn append(
        self: &Arc<Self>,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<Delivery, Refused> {
        let mut state = self.state.lock();
        let (delivery, grown) = state.append(core, record, timestamp, None)?;
        // Most records find the partition listed and their chunk with room: they end here.
        if state.listed && grown == 0 {
            return Ok(delivery);
        }
        self.appended(core, state, grown);
        Ok(delivery)
    }

    /// Tells whoever must know that the queue grew; out of the way of most records.
    #[cold]
    fn appended(self: &Arc<Self>, core: &Core, mut state: MutexGuard<'_, State>, grown: usize) {
        let newly_listed = state.list();
        let ripe = state.is_ripe();
        let sink = state.sink.clone();
        let alarm = state.alarm_for_new_batch();
        drop(state);
        if let Some(deadline) = alarm {
            core.alarms.set(deadline, self);
        }
        match sink {
            Some(sink) => {
                sink.grew(grown, newly_listed.then_some(self), core);
                if ripe {
                    sink.ripen();
                }
            }
            // Nobody leads the partition: the router finds out who does.
            None => core.router.notify_one(),
        }
    }

    /// Takes over records that waited for their topic to become known.
    pub(super) fn append_staged(
        self: &Arc<Self>,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
        staged: &Burden,
        index: u32,
    ) -> Result<(), Refused> {
        // The forward is made under the lock, so that the batch cannot be settled and its promise
        // gone before the staged delivery points to it.
        let mut state = self.state.lock();
        let (delivery, grown) = state.append(core, record, timestamp, Some(staged))?;
        let Some(open) = &state.open else { return Ok(()) };
        let until = index.saturating_add(1);
        staged.promise.forward(index, until, &open.burden.promise, delivery.index());
        self.appended(core, state, grown);
        Ok(())
    }

    /// Points the partition at its leader's sink. Epochs only move forward, as long as the topic
    /// is the same; those of another begin anew.
    pub(crate) fn lead(
        self: &Arc<Self>,
        sink: Option<&Arc<Sink>>,
        epoch: i32,
        topic_id: Uuid,
        core: &Core,
    ) {
        let mut state = self.state.lock();
        // A topic that cannot be described for a moment comes without id, and is still the same.
        let made_anew = !topic_id.is_zero() && state.topic_id != topic_id;
        if made_anew {
            if !state.topic_id.is_zero() {
                state.leader_epoch = -1;
                state.sequencer.topic_changed();
            }
            state.topic_id = topic_id;
        }
        if epoch < state.leader_epoch || core.over().is_some() {
            return;
        }
        state.leader_epoch = epoch;
        let same = match (&state.sink, sink) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if same && !made_anew {
            return;
        }
        let unsent = state.unsent_bytes();
        if let Some(old) = state.sink.take() {
            old.shrank(unsent);
        }
        state.sink = sink.cloned();
        if !same {
            state.sequencer.leader_changed();
            // On the old sink's list it stays as a stranger, to be dropped when it comes up there.
            state.listed = false;
        }
        // A backoff was meant for the old leader.
        state.resume_at = None;
        let list = state.settle_down(core);
        let ripe = state.is_ripe();
        drop(state);
        if let Some(sink) = sink {
            sink.grew(unsent, list.then_some(self), core);
            if ripe {
                sink.ripen();
            }
        }
    }

    /// Whether something waits although there is no leader.
    pub(crate) fn is_stranded(&self) -> bool {
        let state = self.state.lock();
        state.sink.is_none() && state.has_something()
    }

    /// Looks again whether there is something to send: an identity has come.
    pub(crate) fn relist(self: &Arc<Self>, core: &Core) {
        let mut state = self.state.lock();
        state.adopt(core);
        let list = state.list();
        self.put_on_list(core, state, list);
    }

    /// Tells the sink what there is, with a place on its list if one was claimed.
    fn put_on_list(self: &Arc<Self>, core: &Core, state: MutexGuard<'_, State>, list: bool) {
        let ripe = state.is_ripe();
        let sink = state.sink.clone();
        drop(state);
        if let Some(sink) = sink {
            if list {
                sink.grew(0, Some(self), core);
            }
            if ripe {
                sink.ripen();
            }
        }
    }

    /// The producer id whose epochs this partition used up, if it waits for another.
    pub(crate) fn exhausted_identity(&self) -> Option<i64> {
        self.state.lock().sequencer.exhausted()
    }

    /// The next thing for `sink` to send with the request `round`, of at most `room` bytes.
    pub(crate) fn next(
        &self,
        sink: &Arc<Sink>,
        core: &Core,
        round: u64,
        now: Instant,
        room: usize,
    ) -> Next {
        let mut state = self.state.lock();
        if !state.is_led_through(sink) || state.round == round {
            return Next::Nothing;
        }
        if let Some(at) = state.resume_at {
            if at > now {
                return Next::Later(at);
            }
        }
        let next = state.next(core, room);
        match next {
            Next::Nothing => state.listed = false,
            Next::Fresh(_) | Next::Numbered(_) => state.round = round,
            Next::Later(_) | Next::TooLarge => {}
        }
        match &next {
            Next::Fresh(queued) => sink.shrank(queued.raw.capacity()),
            Next::Numbered(_) if state.is_ripe() => sink.ripen(),
            _ => {}
        }
        next
    }

    /// Numbers a batch that [`next`](Self::next) gave to `sink`, now in its final form. `None` if
    /// it must not be sent there any longer: it waits for its new leader, or for the end of an
    /// error; or it is given up, because the producer has ended.
    pub(crate) fn drain(
        self: &Arc<Self>,
        sink: &Arc<Sink>,
        core: &Core,
        batch: DrainedBatch,
    ) -> Option<Numbered> {
        let mut state = self.state.lock();
        state.draining = false;
        if let Some(over) = core.over() {
            drop(state);
            batch.fail(core, Why::NotWritten(over.not_written.clone()), &self.at);
            return None;
        }
        let numbered = if state.is_led_through(sink) && state.sequencer.may_drain() {
            Some(state.number(batch))
        } else {
            // Behind those that came back meanwhile: they were drained before it.
            state.returned.push_back(batch);
            None
        };
        // While it was being drained nobody watched its deadline.
        if let Some(deadline) = state.alarm_for_new_batch() {
            core.alarms.set(deadline, self);
        }
        let list = state.list();
        self.put_on_list(core, state, list);
        numbered
    }

    /// Ends the draining of a batch that could not be put into its final form.
    pub(crate) fn abort_drain(self: &Arc<Self>, core: &Core) {
        self.state.lock().draining = false;
        self.relist(core);
    }

    /// Takes in what came of sending a batch.
    pub(crate) fn answered(self: &Arc<Self>, core: &Core, ticket: Ticket, reply: &Reply) {
        let mut state = self.state.lock();
        let answer = reply.answer;
        state.back_off(core, reply);
        let settled = state.sequencer.answered(ticket, answer);
        let relist = state.settle_down(core);
        self.put_on_list(core, state, relist);
        let partition = self.at.partition;
        match settled {
            Settled::Nothing => {}
            Settled::Written(batch) => {
                batch.burden.written(partition, reply.base_offset, reply.timestamp);
            }
            Settled::GivenUp(given_up) => {
                let why = reply.why(answer, given_up.possibly_written);
                given_up.batch.fail(core, why, &self.at);
            }
        }
    }

    /// Gives up what is past its deadline; returns the next deadline to watch.
    pub(crate) fn expire(self: &Arc<Self>, core: &Core, now: Instant) {
        let mut state = self.state.lock();
        let last = state.last_error.clone();
        let mut expired = Vec::new();
        let mut unsent = 0usize;
        while state.queued.front().is_some_and(|batch| batch.burden.deadline <= now) {
            if let Some(batch) = state.queued.pop_front() {
                unsent = unsent.saturating_add(batch.raw.capacity());
                expired.push(DrainedBatch { sealed: batch.raw.into(), burden: batch.burden });
            }
        }
        if state.open.as_ref().is_some_and(|open| open.burden.deadline <= now) {
            if let Some(open) = state.open.take() {
                unsent = unsent.saturating_add(open.builder.capacity());
                let batch = open.seal();
                expired.push(DrainedBatch { sealed: batch.raw.into(), burden: batch.burden });
            }
        }
        while state.returned.front().is_some_and(|batch| batch.burden.deadline <= now) {
            expired.extend(state.returned.pop_front());
        }
        let given_up = state.sequencer.expire(|batch| batch.burden.deadline <= now);
        let relist = state.settle_down(core);
        if let Some(sink) = &state.sink {
            sink.shrank(unsent);
        }
        state.alarm = state.earliest_deadline();
        if let Some(deadline) = state.alarm {
            core.alarms.set(deadline, self);
        }
        self.put_on_list(core, state, relist);
        let after = core.config.delivery_timeout;
        for batch in expired {
            let reason = Reason::TimedOut { after, last: last.clone() };
            batch.fail(core, Why::NotWritten(reason), &self.at);
        }
        for GivenUp { batch, possibly_written } in given_up {
            let why = if possibly_written {
                Why::Unknown(Unsure::TimedOut { after, last: last.clone() })
            } else {
                Why::NotWritten(Reason::TimedOut { after, last: last.clone() })
            };
            batch.fail(core, why, &self.at);
        }
    }

    /// Gives up everything, for good; but for a batch that is being drained, which
    /// [`drain`](Self::drain) gives up.
    pub(crate) fn fail_all(&self, core: &Core, over: &Over) {
        let mut state = self.state.lock();
        // The sink knows the partition in turn; whoever holds neither is to be freed of both.
        state.sink = None;
        let mut unsent: Vec<DrainedBatch> = state.returned.drain(..).collect();
        let open = state.open.take().map(OpenBatch::seal);
        let queued = std::mem::take(&mut state.queued);
        unsent.extend(
            queued
                .into_iter()
                .chain(open)
                .map(|batch| DrainedBatch { sealed: batch.raw.into(), burden: batch.burden }),
        );
        let given_up = state.sequencer.expire(|_| true);
        drop(state);
        for batch in unsent {
            batch.fail(core, Why::NotWritten(over.not_written.clone()), &self.at);
        }
        for GivenUp { batch, possibly_written } in given_up {
            let why = if possibly_written {
                Why::Unknown(over.unknown.clone())
            } else {
                Why::NotWritten(over.not_written.clone())
            };
            batch.fail(core, why, &self.at);
        }
    }
}

impl State {
    fn append(
        &mut self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
        staged: Option<&Burden>,
    ) -> Result<(Delivery, usize), Refused> {
        let parts = record.parts();
        let limit = core.config.max_batch_size;
        if let Some(open) = &self.open {
            let len = open.builder.record_len(timestamp, &parts);
            if open.builder.encoded_len().saturating_add(len) > limit {
                let batch = self.open.take().map(OpenBatch::seal);
                self.queued.extend(batch);
            }
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                if let Some(refused) = core.over().and(core.refusal()) {
                    return Err(refused.clone());
                }
                self.adopt(core);
                let builder = BatchBuilder::new();
                let size = builder.record_len(timestamp, &parts).saturating_add(BATCH_HEADER_LEN);
                if size > limit {
                    return Err(Refused::TooLarge { size, limit });
                }
                let burden = match staged {
                    Some(staged) => staged.heir(core),
                    None => Burden::new(core, Instant::now() + core.config.delivery_timeout),
                };
                self.open.insert(OpenBatch { builder, burden })
            }
        };
        let before = open.builder.capacity();
        let index = open.builder.append(timestamp, &parts, &core.pool).map_err(|_| {
            // Sizes were looked at above, and a fresh batch takes any timestamp.
            Refused::TooLarge { size: usize::MAX, limit }
        })?;
        let capacity = open.builder.capacity();
        if capacity != before {
            open.burden.holds(capacity);
        }
        Ok((open.burden.promise.delivery(index), capacity.saturating_sub(before)))
    }

    /// The deadline to watch, unless one as early is watched already.
    fn alarm_for_new_batch(&mut self) -> Option<Instant> {
        if self.alarm.is_some() {
            return None;
        }
        self.alarm = self.earliest_deadline();
        self.alarm
    }

    /// Whether there is something to send now that gains nothing by waiting.
    fn is_ripe(&self) -> bool {
        self.has_resend_or_sealed() && self.is_sendable()
    }

    fn is_led_through(&self, sink: &Arc<Sink>) -> bool {
        self.sink.as_ref().is_some_and(|own| Arc::ptr_eq(own, sink))
    }

    /// Puts the next try off after an error, once for all batches that it hits.
    fn back_off(&mut self, core: &Core, reply: &Reply) {
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
                self.resume_at = Some(Instant::now() + core.backoff(self.failures));
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

    /// Batches of one partition are begun, and so expire, in order.
    fn earliest_deadline(&self) -> Option<Instant> {
        let returned = self.returned.front().map(|batch| batch.burden.deadline);
        let queued = self.queued.front().map(|batch| batch.burden.deadline);
        let open = self.open.as_ref().map(|open| open.burden.deadline);
        let drained = self.sequencer.front().map(|batch| batch.burden.deadline);
        [drained, returned, queued, open].into_iter().flatten().min()
    }

    fn has_something(&self) -> bool {
        self.has_resend_or_sealed() || self.open.is_some()
    }

    fn has_resend_or_sealed(&self) -> bool {
        self.sequencer.has_resend() || !self.returned.is_empty() || !self.queued.is_empty()
    }

    fn unsent_bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |open| open.builder.capacity());
        self.queued.iter().map(|batch| batch.raw.capacity()).sum::<usize>().saturating_add(open)
    }

    fn next(&mut self, core: &Core, room: usize) -> Next {
        if self.draining {
            return Next::Nothing;
        }
        self.adopt(core);
        if let Some(batch) = self.sequencer.peek_resend() {
            if batch.sealed.encoded_len() > room {
                return Next::TooLarge;
            }
            if let Some((ticket, sequence, batch)) = self.sequencer.resend() {
                return Next::Numbered(Numbered { ticket, records: freeze(batch, sequence) });
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
                Some(batch) => Next::Numbered(self.number(batch)),
                None => Next::Nothing,
            };
        }
        let size = match (self.queued.front(), &self.open) {
            (Some(queued), _) => queued.raw.encoded_len(),
            (None, Some(open)) => open.builder.encoded_len(),
            (None, None) => return Next::Nothing,
        };
        if size > room {
            return Next::TooLarge;
        }
        let batch = self.queued.pop_front().or_else(|| self.open.take().map(OpenBatch::seal));
        batch.map_or(Next::Nothing, |batch| {
            self.draining = true;
            Next::Fresh(batch)
        })
    }

    fn number(&mut self, mut batch: DrainedBatch) -> Numbered {
        batch.burden.promise.set_possibly_written();
        let count = batch.sealed.count();
        let (ticket, sequence) = self.sequencer.drain(batch, count);
        let records = match self.sequencer.back() {
            Some(batch) => freeze(batch, sequence),
            None => ottla_protocol::records::Records::new(),
        };
        Numbered { ticket, records }
    }

    /// After answers and expiries: goes to the next epoch where one is due. Returns whether the
    /// partition has to be put on its sink's list.
    fn settle_down(&mut self, core: &Core) -> bool {
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
    fn list(&mut self) -> bool {
        let list = !self.listed && self.sink.is_some() && self.is_sendable();
        self.listed |= list;
        list
    }

    fn is_sendable(&self) -> bool {
        let fresh = !self.returned.is_empty() || !self.queued.is_empty() || self.open.is_some();
        !self.draining && (self.sequencer.may_resend() || (fresh && self.sequencer.may_drain()))
    }

    fn adopt(&mut self, core: &Core) {
        if self.sequencer.wants_identity() {
            if let Some(identity) = core.identity() {
                self.sequencer.adopt(identity);
            }
        }
    }
}

fn freeze(batch: &DrainedBatch, sequence: Sequence) -> ottla_protocol::records::Records {
    batch.sealed.freeze(sequence, ottla_protocol::records::BatchKind::Plain)
}

/// What a request brought for one batch.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) code: ottla_protocol::ErrorCode,
    /// What went wrong, for people.
    pub(crate) cause: Option<String>,
    /// What the broker said of it (KIP-467).
    pub(crate) message: Option<String>,
    pub(crate) base_offset: Option<i64>,
    pub(crate) timestamp: Option<i64>,
}

impl Reply {
    /// Why a batch with this answer is given up.
    fn why(&self, answer: Answer, possibly_written: bool) -> Why {
        let cause = || self.cause.clone().unwrap_or_else(|| self.code.to_string());
        match (answer, possibly_written) {
            (Answer::OutOfSequence, true) => Why::Unknown(Unsure::SequenceLost { code: self.code }),
            (Answer::RefusedForGood, true) => Why::Unknown(Unsure::Refused { code: self.code }),
            (_, true) => Why::Unknown(Unsure::NotRetried { cause: cause() }),
            (_, false) => {
                Why::NotWritten(Reason::Broker { code: self.code, message: self.message.clone() })
            }
        }
    }
}
