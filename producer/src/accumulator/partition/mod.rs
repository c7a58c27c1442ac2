//! One partition's queue: the open batch, those waiting, and those on the wire.

mod eviction;
mod expiry;
mod health;
mod moving;
mod returned;
mod state;

use std::sync::Arc;

use ottla_client::TopicPartition;
use ottla_protocol::{
    ErrorCode, Uuid,
    records::{Records, SealedBatch},
};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use self::state::{Spent, State};
use super::batch::{Burden, DrainedBatch, QueuedBatch};
use super::{budget::Budget, lives::Life, removal::Removed, reply::Reply, sizing::Sizing};
use crate::{
    config::TopicConfig,
    core::{Core, Over},
    error::{Reason, Refused, Unsure},
    idempotence::{Answer, GivenUp, Identity, Sequencer, Settled, Ticket},
    outcome::{Delivery, Why},
    partitioner::Waiting,
    record::Record,
    sink::Sink,
    statistics::{PartitionStatistics, Tally},
};

/// A partition as the producer sees it.
#[derive(Debug)]
pub(crate) struct PartitionQueue {
    pub(crate) at: TopicPartition,
    /// The topic's.
    pub(crate) config: Arc<TopicConfig>,
    /// Where its records are counted.
    pub(crate) tally: Arc<Tally>,
    /// The topic's.
    pub(crate) sizing: Arc<Sizing>,
    state: Mutex<State>,
}

/// What a partition has for its sink.
#[derive(Debug)]
pub(crate) enum Next {
    /// A batch that has not been numbered; hand it back with [`PartitionQueue::drain`].
    Fresh(QueuedBatch),
    /// The same for a batch that came back, and of which records have expired since.
    Worn(DrainedBatch),
    /// A batch numbered and ready for the request.
    Numbered(Numbered),
    /// A batch that has been sent and was refused as too large; hand its pieces back with
    /// [`PartitionQueue::split`].
    Oversized(Oversized),
    /// Nothing before this moment.
    Later(Instant),
    /// Nothing, until something is appended or answered.
    Nothing,
    /// A batch that no longer fits what is left of the request.
    TooLarge,
}

/// A batch that has to be split before it is sent again.
#[derive(Debug)]
pub(crate) struct Oversized {
    pub(crate) ticket: Ticket,
    pub(crate) sealed: SealedBatch,
}

/// A batch for a request.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// How many records it has.
    pub(crate) count: u32,
    pub(crate) ticket: Ticket,
    pub(crate) records: Records,
}

impl PartitionQueue {
    pub(crate) fn new(
        at: TopicPartition,
        config: Arc<TopicConfig>,
        sizing: Arc<Sizing>,
        room: Option<Arc<Budget>>,
        sequencer: Sequencer<DrainedBatch>,
    ) -> Arc<Self> {
        let tally = Arc::new(Tally::default());
        let state = Mutex::new(State::new(sequencer, Arc::clone(&tally), room));
        Arc::new(Self { at, config, tally, sizing, state })
    }

    /// Encodes a record into the open batch; `free` if it could as well be in another partition.
    pub(crate) fn append(
        self: &Arc<Self>,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
        life: Option<&Life>,
        free: bool,
    ) -> Result<Delivery, Box<Refused>> {
        let mut state = self.state.lock();
        let delivery = state.append(core, &self.sizing, record, timestamp, life, None)?;
        if !free {
            state.bind();
        }
        // Most records change little, and find the partition listed or waiting for something else
        // than records: they end here.
        if !state.news && (state.listed || !state.is_sendable()) {
            return Ok(delivery);
        }
        self.appended(core, state);
        Ok(delivery)
    }

    /// Tells whoever must know that the queue grew; out of the way of most records.
    #[cold]
    fn appended(self: &Arc<Self>, core: &Core, mut state: MutexGuard<'_, State>) {
        let grown = std::mem::take(&mut state.untold);
        state.news = false;
        if let Some(roll) = &core.roll {
            if state.transaction != roll.number() {
                state.transaction = roll.number();
                if let Some(identity) = roll.enter(self) {
                    state.sequencer.enlist(identity);
                }
            }
        }
        if core.budget.begun.is_some() {
            self.line_up(core, &mut state);
        }
        let newly_listed = state.list();
        let ripe = state.is_ripe();
        let sink = state.sink.clone();
        state.watch(core, self);
        drop(state);
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
        life: Option<&Life>,
        staged: (&Burden, u32),
        free: bool,
    ) -> Result<(), Box<Refused>> {
        // The forward is made under the lock, so that the batch cannot be settled and its promise
        // gone before the staged delivery points to it.
        let mut state = self.state.lock();
        let (staged, index) = staged;
        let delivery = state.append(core, &self.sizing, record, timestamp, life, Some(staged))?;
        if !free {
            state.bind();
        }
        let burden = match (&state.open, state.queued.back()) {
            (Some(open), _) => &open.burden,
            // The record closed its batch.
            (None, Some(queued)) => &queued.burden,
            (None, None) => return Ok(()),
        };
        let until = index.saturating_add(1);
        staged.promise.forward(index, until, &burden.promise, delivery.index());
        self.appended(core, state);
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
        let elected = epoch > std::mem::replace(&mut state.leader_epoch, epoch);
        let same = match (&state.sink, sink) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if (elected || !same) && state.health.recovered(Instant::now()) {
            // What failed was the old leader.
            core.reroute();
        }
        if same && !made_anew {
            return;
        }
        let unsent = state.counted();
        if let Some(old) = state.sink.take() {
            old.uncount(unsent);
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

    /// Returns when no sender is in the middle of an append that began before.
    pub(crate) fn quiesce(&self) {
        drop(self.state.lock());
    }

    /// What waits to be sent.
    pub(crate) fn waiting(&self) -> Waiting {
        let state = self.state.lock();
        let blocked_since = state.sink.as_ref().and_then(|sink| sink.blocked_since());
        Waiting { bytes: state.counted(), blocked_since }
    }

    /// Whether this is the sink of its leader.
    pub(crate) fn is_led_through(&self, sink: &Arc<Sink>) -> bool {
        self.state.lock().is_led_through(sink)
    }

    /// Until when the partition is left out of keyless routing because it failed, if it is.
    pub(crate) fn out_until(&self, now: Instant) -> Option<Instant> {
        self.state.lock().health.out_until(now)
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
        let due = state.is_next_due(now);
        let removed = if due { state.expire_records(core, now) } else { Removed::default() };
        let next = state.next(core, &self.sizing, room);
        sink.uncount(removed.unsent);
        match &next {
            // While it drains there is nothing more to send: the end of it puts it back.
            Next::Nothing | Next::Worn(_) | Next::Oversized(_) => state.listed = false,
            Next::Fresh(queued) => {
                state.listed = false;
                sink.uncount(queued.counted);
            }
            Next::Numbered(_) | Next::TooLarge if state.is_ripe() => sink.ripen(),
            _ => {}
        }
        if let Next::Fresh(_) | Next::Worn(_) | Next::Numbered(_) | Next::Oversized(_) = next {
            state.round = round;
        }
        drop(state);
        removed.give_back(core, &self.at.topic, Some(self.at.partition));
        next
    }

    /// Numbers a batch that [`next`](Self::next) gave to `sink`, now in its final form, and maybe
    /// in several pieces, of which the first is numbered. `None` if it must not be sent there now:
    /// it waits for its new leader, for the end of an error, or for more `room` than this request
    /// has; or it is given up, because the producer has ended.
    pub(crate) fn drain(
        self: &Arc<Self>,
        sink: &Arc<Sink>,
        core: &Core,
        pieces: Vec<DrainedBatch>,
        room: usize,
    ) -> Option<Numbered> {
        let mut state = self.state.lock();
        state.draining = false;
        let doomed = || state.sequencer.is_doomed().then_some(Reason::TransactionAborted);
        if let Some(reason) = core.unsendable().or_else(doomed) {
            let list = state.list();
            self.put_on_list(core, state, list);
            for batch in pieces {
                batch.fail(core, Why::NotWritten(reason.clone()), &self.at);
            }
            return None;
        }
        let may_go = state.is_led_through(sink) && state.sequencer.may_drain();
        let fits = |batch: &DrainedBatch| batch.sealed.encoded_len() <= room;
        // Those that came back meanwhile were drained before it, and go before it.
        let next = state.returned.end_drain(pieces, |first| may_go && fits(first));
        let numbered = next.map(|batch| state.number(core, batch));
        // While it was being drained nobody watched its end.
        state.watch(core, self);
        let list = state.list();
        self.put_on_list(core, state, list);
        numbered
    }

    /// Ends the draining of a batch that could not be put into its final form.
    pub(crate) fn abort_drain(self: &Arc<Self>, core: &Core) {
        {
            let mut state = self.state.lock();
            state.draining = false;
            state.returned.abort_drain();
        }
        self.relist(core);
    }

    /// Puts pieces in the place of a batch that [`next`](Self::next) gave as too large.
    pub(crate) fn split(self: &Arc<Self>, core: &Core, ticket: Ticket, pieces: Vec<SealedBatch>) {
        let mut state = self.state.lock();
        state.draining = false;
        state.returned.abort_drain();
        let whole = state.sequencer.split(ticket, |whole| {
            let mut pieces = DrainedBatch::pieces(core, &whole.burden, pieces);
            pieces.iter_mut().for_each(|piece| piece.burden.promise.set_possibly_written());
            let counted = |piece: DrainedBatch| {
                let count = piece.sealed.count();
                (piece, count)
            };
            pieces.into_iter().map(counted).collect()
        });
        let list = state.list();
        self.put_on_list(core, state, list);
        if let Some(whole) = whole {
            whole.burden.lay_down();
        }
    }

    /// Gives up a batch that is too large and cannot be split.
    pub(crate) fn cannot_split(self: &Arc<Self>, core: &Core, ticket: Ticket, cause: &str) {
        let mut state = self.state.lock();
        state.draining = false;
        state.returned.abort_drain();
        let given_up = state.sequencer.discard(ticket);
        let list = state.settle_down(core);
        self.put_on_list(core, state, list);
        if let Some(GivenUp { batch, .. }) = given_up {
            let reason = Reason::Compression { cause: cause.to_owned() };
            batch.fail(core, Why::NotWritten(reason), &self.at);
        }
    }

    /// Takes in what came of sending a batch.
    pub(crate) fn answered(self: &Arc<Self>, core: &Core, ticket: Ticket, reply: &Reply) {
        let mut state = self.state.lock();
        let answer = match (reply.answer, state.sequencer.get(ticket)) {
            (Answer::TooLarge, Some(batch)) if batch.sealed.count() > 1 => {
                self.sizing.refused(batch.sealed.encoded_len());
                Answer::TooLarge
            }
            // A single record: there is nothing to split.
            (Answer::TooLarge, _) => Answer::RefusedForGood,
            (answer, _) => answer,
        };
        if answer != Answer::Written {
            self.tally.error();
        }
        state.back_off(core, reply);
        if state.health.tried(reply, Instant::now(), core.config.failed_partition_exclusion) {
            core.reroute();
        }
        let spent = state.tried(core, ticket, reply);
        let mut settled = state.sequencer.answered(ticket, answer);
        if spent.is_some() && matches!(settled, Settled::Nothing) {
            settled = state.sequencer.give_up_one(ticket);
        }
        let stranded = state.sequencer.give_up_stranded();
        let relist = state.settle_down(core);
        state.watch(core, self);
        self.put_on_list(core, state, relist);
        match settled {
            Settled::Nothing => {}
            Settled::Written(batch) => {
                batch.written(core, &self.at, reply.base_offset, reply.timestamp);
            }
            Settled::GivenUp(given_up) => {
                let possibly_written = given_up.possibly_written;
                let why = match spent {
                    Some(Spent::Tries(tries)) => reply.too_many_tries(tries, possibly_written),
                    Some(Spent::Discarded) | None => reply.why(answer, possibly_written),
                };
                given_up.batch.fail(core, why, &self.at);
            }
        }
        for GivenUp { batch, .. } in stranded {
            let code = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
            batch.fail(core, Why::Unknown(Unsure::SequenceLost { code }), &self.at);
        }
    }

    /// Gives up what is past its deadline, or its time to live.
    pub(crate) fn expire(self: &Arc<Self>, core: &Core, now: Instant) {
        let mut state = self.state.lock();
        let last = state.last_error.clone();
        let mut expired = Vec::new();
        let removed = state.expire_records(core, now);
        state.close_old(core, now);
        let mut unsent = removed.unsent;
        while state.queued.front().is_some_and(|batch| batch.burden.deadline <= now) {
            if let Some(batch) = state.queued.pop_front() {
                unsent = unsent.saturating_add(batch.counted);
                expired.push(DrainedBatch { sealed: batch.raw.into(), burden: batch.burden });
            }
        }
        if state.open.as_ref().is_some_and(|open| open.burden.deadline <= now) {
            if let Some(open) = state.open.take() {
                unsent = unsent.saturating_add(open.counted());
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
            sink.uncount(unsent);
        }
        let next = state.next_end(core);
        core.alarms.set(state.alarm, next, self);
        state.alarm = next;
        self.put_on_list(core, state, relist);
        removed.give_back(core, &self.at.topic, Some(self.at.partition));
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

    /// What is counted of its records.
    pub(crate) fn statistics(&self) -> PartitionStatistics {
        let records = self.tally.read(|| {
            // A batch is closed under the lock: it counts once, either as open or as closed.
            let state = self.state.lock();
            let open = state.open.as_ref().map_or(0, |open| open.builder.count());
            self.tally.entered().saturating_add(open.into())
        });
        PartitionStatistics { partition: self.at.partition, records }
    }

    /// The partition belongs to the open transaction: what it has may be sent.
    pub(crate) fn enlist(self: &Arc<Self>, core: &Core, identity: Identity) {
        let mut state = self.state.lock();
        state.sequencer.enlist(identity);
        let list = state.list();
        self.put_on_list(core, state, list);
    }

    /// The transaction that the partition belongs to is over. Returns whether the partition's
    /// sequence is broken by now.
    pub(crate) fn dismiss(&self) -> bool {
        let mut state = self.state.lock();
        state.sequencer.dismiss();
        state.sequencer.is_broken()
    }

    /// The transaction is to be aborted: gives up what is not in flight, but for what is possibly
    /// written if that is to be resolved first. Returns whether the partition's sequence is broken
    /// by now.
    pub(crate) fn doom(self: &Arc<Self>, core: &Core, resolve: bool) -> bool {
        let mut state = self.state.lock();
        let bytes = state.counted();
        let unsent = state.take_unsent();
        let given_up = state.sequencer.doom(resolve);
        let broken = state.sequencer.is_broken();
        if let Some(sink) = &state.sink {
            sink.uncount(bytes);
        }
        let relist = state.settle_down(core);
        self.put_on_list(core, state, relist);
        for batch in unsent {
            batch.fail(core, Why::NotWritten(Reason::TransactionAborted), &self.at);
        }
        for GivenUp { batch, possibly_written } in given_up {
            let why = if possibly_written {
                Why::Unknown(Unsure::TransactionAborted)
            } else {
                Why::NotWritten(Reason::TransactionAborted)
            };
            batch.fail(core, why, &self.at);
        }
        broken
    }

    /// Gives up what was not sent, for good; but for a batch that is being drained, as in
    /// [`fail_all`](Self::fail_all).
    pub(crate) fn fail_unsent(&self, core: &Core, reason: &Reason) {
        let mut state = self.state.lock();
        let bytes = state.counted();
        let unsent = state.take_unsent();
        if let Some(sink) = &state.sink {
            sink.uncount(bytes);
        }
        drop(state);
        for batch in unsent {
            batch.fail(core, Why::NotWritten(reason.clone()), &self.at);
        }
    }

    /// Gives up everything, for good; but for a batch that is being drained, which
    /// [`drain`](Self::drain) gives up.
    pub(crate) fn fail_all(&self, core: &Core, over: &Over) {
        let mut state = self.state.lock();
        // The sink knows the partition in turn; whoever holds neither is to be freed of both.
        state.sink = None;
        let unsent = state.take_unsent();
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

#[cfg(test)]
mod tests;
