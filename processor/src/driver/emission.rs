//! Handing outputs over, and what becomes of a record whose output failed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ottla_client::Topic;
use tracing::{debug, warn};

use super::Driver;
use super::slot::{Ending, SlotRef, State};
use super::timers::Timer;
use crate::dead_letter::describe;
use crate::emit::{Emit, Output, OutputKey};
use crate::error::StopReason;
use crate::failure::BoxError;
use crate::order::OutputOrder;
use crate::retry::Exhausted;
use crate::sink::{Rejected, Remedy, Sink, Undelivered};
use crate::source::{Input, Source};
use crate::tracker::{Completion, Life};

/// A record with its result.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) record: SlotRef,
    pub(super) emit: Emit,
    pub(super) ending: Ending,
}

/// An output on its way to the sink.
#[derive(Debug)]
pub(super) struct Outgoing {
    record: SlotRef,
    topic: Topic,
    output: Output,
}

/// An output that waits for room in the sink.
pub(super) type PendingSend<K> =
    Pin<Box<dyn Future<Output = (SlotRef, Result<<K as Sink>::Delivery, Undelivered>)> + Send>>;

/// A delivery, and the record it is for.
pub(super) struct Tracked<D> {
    record: SlotRef,
    delivery: D,
}

impl<D: Future<Output = Result<(), Undelivered>> + Unpin> Future for Tracked<D> {
    type Output = (SlotRef, Result<(), Undelivered>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.delivery).poll(cx);
        result.map(|result| (self.record, result))
    }
}

impl<S: Source, K: Sink> Driver<S, K> {
    /// A record has a result.
    pub(super) fn on_resolved(&mut self, resolved: Resolved) {
        if self.settings.output_order == OutputOrder::Completion {
            return self.send_out(resolved);
        }
        let Some(record) = self.live(resolved.record) else { return };
        record.state = State::Held;
        let (index, seq) = (record.partition, record.ticket.seq);
        let partition = self.partitions.get(index);
        if partition.drain.is_some_and(|drain| seq >= drain.keep_below) {
            // An earlier one will not be done: the turn of this one never comes.
            return self.drop_records(index, |record| record.ticket.seq == seq);
        }
        partition.outputs.complete(seq, resolved);
        while let Some(next) = self.partitions.get(index).outputs.pop() {
            self.send_out(next);
        }
    }

    /// Hands the outputs of a record over.
    fn send_out(&mut self, resolved: Resolved) {
        let Resolved { record, emit, ending } = resolved;
        let Some(slot) = self.live(record) else { return };
        slot.ending = ending;
        if emit.is_empty() {
            return self.finish(record.slot);
        }
        slot.state = State::Sending { unacknowledged: emit.len() };
        for mut output in emit {
            if output.key == OutputKey::OfInput {
                output.key = match self.live(record).and_then(|slot| slot.message.key()) {
                    Some(key) => OutputKey::Is(bytes::Bytes::copy_from_slice(key)),
                    None => OutputKey::Null,
                };
            }
            let Some(topic) = output.topic.take().or_else(|| self.settings.output.clone()) else {
                return self.fail(record.slot, NO_TOPIC.into());
            };
            let outgoing = Outgoing { record, topic, output };
            if self.outbox.is_empty() && self.sending.is_none() {
                self.hand_over(outgoing);
            } else {
                self.outbox.push_back(outgoing);
            }
        }
    }

    /// Hands over what waited for room in the sink.
    pub(super) fn pump_outbox(&mut self) {
        while self.sending.is_none() {
            let Some(outgoing) = self.outbox.pop_front() else { return };
            self.hand_over(outgoing);
        }
    }

    fn hand_over(&mut self, outgoing: Outgoing) {
        let Outgoing { record, topic, output } = outgoing;
        if self.live(record).is_none() {
            return;
        }
        match self.sink.try_send(&topic, &output) {
            Ok(delivery) => self.deliveries.push(Tracked { record, delivery }),
            Err(Rejected::Full) => {
                let send = self.sink.send(topic, output);
                self.sending = Some(Box::pin(async move { (record, send.await) }));
            }
            Err(Rejected::Undelivered(undelivered)) => self.on_undelivered(record, undelivered),
        }
    }

    pub(super) fn on_sent(&mut self, record: SlotRef, result: Result<K::Delivery, Undelivered>) {
        self.sending = None;
        match result {
            // Even if the record no longer counts, its output is on its way.
            Ok(delivery) => self.deliveries.push(Tracked { record, delivery }),
            Err(undelivered) => self.on_undelivered(record, undelivered),
        }
    }

    pub(super) fn on_delivered(&mut self, record: SlotRef, result: Result<(), Undelivered>) {
        if let Err(undelivered) = result {
            return self.on_undelivered(record, undelivered);
        }
        let Some(slot) = self.live(record) else { return };
        let State::Sending { unacknowledged } = &mut slot.state else { return };
        *unacknowledged = unacknowledged.saturating_sub(1);
        let last = *unacknowledged == 0;
        let letter = slot.ending == Ending::DeadLettered;
        self.counters().emitted(usize::from(!letter));
        if last {
            self.finish(record.slot);
        }
    }

    /// An output was not acknowledged: the record is not done.
    fn on_undelivered(&mut self, record: SlotRef, undelivered: Undelivered) {
        let by_input = self.settings.output_order == OutputOrder::Input;
        let Some(slot) = self.live(record) else { return };
        let (index, ending) = (slot.partition, slot.ending);
        let ordered = slot.in_order || by_input;
        let (at, offset) = (slot.message.topic_partition(), slot.message.offset());
        let remedy = undelivered.remedy;
        debug!(%at, offset, ?remedy, error = %describe(&*undelivered.error), "output failed");
        let draining = self.partitions.get(index).drain.is_some();
        match (remedy, undelivered.output) {
            (Remedy::Stop, _) => self.fail(record.slot, undelivered.error),
            (Remedy::Never, _) if ending == Ending::DeadLettered => {
                self.fail(record.slot, undelivered.error);
            }
            (Remedy::Never, _) => self.on_refused(record.slot, undelivered.error),
            // The sink has tried for long already; there is no time to do it again.
            (Remedy::Again, _) if draining => self.block(record.slot),
            (Remedy::Again, Some(mut output)) if !ordered => {
                let topic = output.topic.take();
                let topic = topic.or_else(|| self.topic_of(ending));
                let Some(topic) = topic else {
                    return self.fail(record.slot, NO_TOPIC.into());
                };
                self.counters().resent(1);
                self.outbox.push_back(Outgoing { record, topic, output: *output });
            }
            (Remedy::Again, _) => self.rewind(index, &undelivered.error),
        }
    }

    /// An output that will never be accepted is a failure of its record like one of the handler,
    /// except that another attempt would end the same way.
    fn on_refused(&mut self, slot: usize, error: BoxError) {
        let serial = self.new_serial();
        let Some(record) = self.slots.get_mut(slot) else { return };
        // Other outputs of the record may still be on their way; they no longer count.
        record.serial = serial;
        let record = SlotRef { slot, serial };
        match self.settings.exhausted {
            Exhausted::DeadLetter if self.settings.dead_letter.is_some() => {
                let emit = self.dead_letter(slot, &error);
                self.send_out(Resolved { record, emit, ending: Ending::DeadLettered });
            }
            Exhausted::Skip => {
                self.send_out(Resolved { record, emit: Emit::none(), ending: Ending::Skipped });
            }
            _ => self.fail(slot, error),
        }
    }

    /// The processor stops because of this record's output.
    fn fail(&mut self, slot: usize, error: BoxError) {
        let Some(record) = self.slots.get(slot) else { return };
        let at = record.message.topic_partition().clone();
        let offset = record.message.offset();
        self.stop_because(StopReason::Output { at, offset, source: error });
        self.block(slot);
    }

    fn topic_of(&self, ending: Ending) -> Option<Topic> {
        let settings = &self.settings;
        let letter = ending == Ending::DeadLettered;
        if letter { settings.dead_letter.clone() } else { settings.output.clone() }
    }

    /// The record is done.
    fn finish(&mut self, slot: usize) {
        let Some(record) = self.slots.try_remove(slot) else { return };
        match record.ending {
            Ending::Succeeded => self.counters().succeeded(1),
            Ending::Skipped => self.counters().skipped(1),
            Ending::DeadLettered => self.counters().dead_lettered(1),
        }
        self.alive = true;
        let index = record.partition;
        self.ledger.release_bytes(index, record.size);
        let partition = self.partitions.get(index);
        partition.live = partition.live.saturating_sub(1);
        partition.rewinds = 0;
        if let Completion::Done { released } = partition.tracker.done(record.ticket) {
            if released > 0 {
                self.ledger.release(index, released);
                self.set_dirty(index);
            }
        }
    }

    /// Goes back to the oldest undone record. What followed it, done or not, is done again: the
    /// failed output must not come behind the outputs of its successors.
    fn rewind(&mut self, index: usize, error: &BoxError) {
        let partition = self.partitions.get(index);
        let Some((offset, _)) = partition.tracker.oldest() else { return };
        let at = partition.at.clone();
        partition.rewinds = partition.rewinds.saturating_add(1);
        let delay = self.settings.retry.delay(partition.rewinds, &mut self.rng);
        warn!(%at, offset, ?delay, error = %describe(&**error), "rewinds: an output failed");
        self.counters().rewinds(1);
        self.source.pause(&at);
        self.seek(index, offset);
        self.end_life(index);
        let partition = self.partitions.get(index);
        partition.rewinding = true;
        let life = partition.tracker.life();
        self.timers.add(self.now + delay, Timer::ReadOn { partition: index, life });
    }

    /// The delay after a rewind is over.
    pub(super) fn read_on(&mut self, index: usize, life: Life) {
        let partition = self.partitions.get(index);
        if partition.tracker.life() != life || !std::mem::take(&mut partition.rewinding) {
            return;
        }
        if partition.drain.is_none() && !self.ledger.is_paused(index) {
            self.source.resume(&partition.at);
        }
    }
}

const NO_TOPIC: &str =
    "the handler gave out a record, but neither it nor the processor names a topic";
