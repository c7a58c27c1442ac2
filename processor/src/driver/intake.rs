//! What the source says.

use ottla_client::TopicPartition;
use tracing::{debug, info, warn};

use super::Driver;
use super::slot::{Ending, Slot, SlotRef, State};
use crate::error::StopReason;
use crate::failure::BoxError;
use crate::lanes::Lane;
use crate::order::{NullKeys, Order};
use crate::retry::RetryPolicy;
use crate::settings::Unreadable;
use crate::sink::Sink;
use crate::source::{Batch, Epoch, Event, Input, Mark, Source, SourceError};

impl<S: Source, K: Sink> Driver<S, K> {
    pub(super) fn on_event(&mut self, event: Result<Event<S::Message>, SourceError>) {
        match event {
            Ok(event) => {
                self.source_failures = 0;
                self.source_after = None;
                match event {
                    Event::Assigned(partitions) => {
                        for (at, epoch) in partitions {
                            self.on_assigned(&at, epoch);
                        }
                    }
                    Event::Records(batch) => self.on_records(batch),
                    Event::Failed { partition, error, resume_at } => {
                        self.on_unreadable(partition, error, resume_at);
                    }
                    Event::Revoked(partitions, handover) => self.on_revoked(&partitions, handover),
                    Event::Lost(partitions, handover) => {
                        self.on_lost(&partitions);
                        drop(handover);
                    }
                }
            }
            Err(error) if error.retriable => {
                self.source_failures = self.source_failures.saturating_add(1);
                let delay = RetryPolicy::DEFAULT.delay(self.source_failures, &mut self.rng);
                warn!(error = %error.error, ?delay, "the source failed and will be asked again");
                self.source_after = Some(self.now + delay);
            }
            Err(error) => {
                self.source_ended = true;
                self.stop_because(StopReason::Source(error.error));
            }
        }
    }

    fn on_assigned(&mut self, at: &TopicPartition, epoch: Epoch) {
        let index = self.partitions.index(at);
        let partition = self.partitions.get(index);
        if partition.assignment >= Some(epoch) || partition.ended >= Some(epoch) {
            return;
        }
        // Nobody told us that it left: as good as lost.
        self.end_life(index);
        self.partitions.assign(index, epoch);
        self.ledger.set_partitions(self.partitions.assigned());
        debug!(%at, epoch = epoch.0, "assigned");
        if self.closing {
            self.begin_drain(index, self.now);
        }
    }

    fn on_records(&mut self, batch: Batch<S::Message>) {
        let index = self.partitions.index(&batch.partition);
        if self.partitions.get(index).assignment < Some(batch.epoch) {
            self.on_assigned(&batch.partition, batch.epoch);
        }
        let partition = self.partitions.get(index);
        if partition.assignment != Some(batch.epoch) || partition.drain.is_some() {
            // On their way out: whoever has the partition next receives them.
            debug!(at = %batch.partition, records = batch.messages.len(), "dropped on arrival");
            return;
        }
        partition.tracker.begin_batch(self.now);
        let records = batch.messages.len();
        let mut bytes = 0;
        for message in batch.messages {
            bytes += self.receive(index, message);
        }
        self.partitions.get(index).tracker.end_batch(batch.end);
        self.set_dirty(index);
        self.counters().received(records);
        if self.ledger.take(index, records, bytes) {
            self.source.pause(&batch.partition);
        }
    }

    fn receive(&mut self, index: usize, message: S::Message) -> usize {
        let lane = self.lane_of(index, &message);
        let serial = self.new_serial();
        let partition = self.partitions.get(index);
        let ticket = partition.tracker.receive(message.offset(), message.mark());
        partition.live += 1;
        let size = message.size();
        let slot = self.slots.insert(Slot {
            serial,
            partition: index,
            ticket,
            message,
            size,
            lane,
            in_order: lane.is_some(),
            state: State::Ready,
            attempt: 0,
            first_started: None,
            ending: Ending::Succeeded,
        });
        if lane.is_none_or(|lane| self.lanes.enter(lane, slot)) {
            self.ready.push(SlotRef { slot, serial }, false);
        } else if let Some(record) = self.slots.get_mut(slot) {
            record.state = State::Queued;
        }
        size
    }

    fn lane_of(&self, partition: usize, message: &S::Message) -> Option<Lane> {
        let whole = Lane { partition, key: None };
        match (self.settings.order, message.key(), self.settings.null_keys) {
            (Order::None, _, _) | (Order::Key, None, NullKeys::Unordered) => None,
            (Order::Partition, _, _) | (Order::Key, None, NullKeys::Ordered) => Some(whole),
            (Order::Key, Some(key), _) => Some(Lane {
                partition,
                key: Some(std::hash::BuildHasher::hash_one(&self.keys, key)),
            }),
        }
    }

    fn on_unreadable(&mut self, at: TopicPartition, error: BoxError, resume_at: i64) {
        match self.settings.unreadable {
            Unreadable::Stop => {
                self.stop_because(StopReason::Unreadable { at, resume_at, source: error });
            }
            Unreadable::Skip => {
                warn!(%at, resume_at, %error, "cannot be read, goes on behind it");
                self.counters().unreadable(1);
                let index = self.partitions.index(&at);
                self.seek(index, resume_at);
            }
        }
    }

    /// Continues elsewhere. With that the source's marks start over, but what is done stays done.
    pub(super) fn seek(&mut self, index: usize, offset: i64) {
        let partition = self.partitions.get(index);
        if partition.assignment.is_some() {
            self.source.seek(&partition.at, offset);
            partition.dirty = true;
            self.mark_position(index);
        }
    }

    /// Lets paused partitions go on that have become short enough.
    pub(super) fn resume_partitions(&mut self) {
        let mut resumed = Vec::new();
        self.ledger.resume(&mut resumed);
        for index in resumed {
            let partition = self.partitions.get(index);
            if partition.assignment.is_some() && !partition.rewinding && partition.drain.is_none() {
                self.source.resume(&partition.at);
            }
        }
    }

    pub(super) fn set_dirty(&mut self, index: usize) {
        let partition = self.partitions.get(index);
        if !partition.dirty {
            partition.dirty = true;
            self.dirty.push(index);
        }
    }

    /// Tells the source how far each partition is done.
    pub(super) fn mark_positions(&mut self) {
        while let Some(index) = self.dirty.pop() {
            self.mark_position(index);
        }
    }

    pub(super) fn mark_position(&mut self, index: usize) {
        let partition = self.partitions.get(index);
        if !std::mem::take(&mut partition.dirty) || partition.assignment.is_none() {
            return;
        }
        if let Some(position) = partition.tracker.position() {
            self.source.mark(&partition.at, position);
            if partition.tracker.outstanding() == 0 {
                tracing::trace!(at = %partition.at, next = position.next_offset(), "all done");
            }
        }
    }

    /// Everything of a life is given up: its records are dropped, running handlers are stopped,
    /// and what they still do counts no more.
    pub(super) fn end_life(&mut self, index: usize) {
        self.drop_records(index, |_| true);
        let outstanding = self.partitions.get(index).tracker.outstanding();
        if outstanding > 0 {
            let at = &self.partitions.get(index).at;
            info!(%at, records = outstanding, "not done, will be received again");
            self.counters().undone(outstanding);
            self.ledger.release(index, outstanding);
        }
        self.ledger.forget_pause(index);
        self.partitions.renew(index);
    }
}
