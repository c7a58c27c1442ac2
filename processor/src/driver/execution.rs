//! Running handlers, and what becomes of a record whose handler failed.

use tokio::task::{self, JoinError};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Driver;
use super::emission::Resolved;
use super::slot::{Ending, SlotRef, State};
use super::timers::Timer;
use crate::attempt::Attempt;
use crate::dead_letter::{dead_letter, describe};
use crate::emit::Emit;
use crate::error::StopReason;
use crate::failure::{BoxError, Failure, When};
use crate::handle::{Command, Parked};
use crate::handler::{Outcome, Panicked};
use crate::retry::Exhausted;
use crate::sink::Sink;
use crate::source::{Input, Source};

impl<S: Source, K: Sink> Driver<S, K> {
    /// Starts handlers while there are places for them.
    pub(super) fn start_ready(&mut self) {
        while let Some(slot) = self.ready.start(&self.slots, &mut self.ledger) {
            let Some(record) = self.slots.get_mut(slot) else { continue };
            record.attempt = record.attempt.saturating_add(1);
            let first_started = *record.first_started.get_or_insert(self.now);
            let attempt = Attempt { number: record.attempt, first_started };
            let abort = self.runner.start(record.message.clone(), attempt, &mut self.tasks);
            self.running.insert(abort.id(), slot);
            record.state = State::Executing(abort);
            let partition = self.partitions.get(record.partition);
            partition.started = partition.started.max(record.ticket.seq + 1);
            if attempt.is_retry() {
                self.counters().retried(1);
            }
        }
    }

    /// A handler's task is gone.
    pub(super) fn on_ended(&mut self, ended: Result<(task::Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => {
                let id = error.id();
                // Aborted, which only happens to what is given up; or its result panicked when it
                // was dropped.
                let error: BoxError = match error.try_into_panic() {
                    Ok(panic) => Panicked::new(&*panic).into(),
                    Err(error) => error.into(),
                };
                (id, Err(Failure::Error(error)))
            }
        };
        let Some(slot) = self.running.remove(&id) else { return };
        let Some(record) = self.slots.get_mut(slot) else { return };
        self.ledger.stop(record.attempt > 1);
        if matches!(record.state, State::Zombie) {
            let partition = self.partitions.get(record.partition);
            partition.zombies = partition.zombies.saturating_sub(1);
            self.leave_lane(slot);
            self.slots.remove(slot);
            return;
        }
        match outcome {
            Ok(emit) => self.resolve(slot, emit, Ending::Succeeded),
            Err(Failure::Skip) => self.resolve(slot, Emit::none(), Ending::Skipped),
            Err(failure) => {
                self.counters().failed(1);
                self.on_failure(slot, failure);
            }
        }
    }

    fn on_failure(&mut self, slot: usize, failure: Failure) {
        match failure {
            Failure::Error(error) => self.retry(slot, When::Backoff, error),
            Failure::Retry(when) => self.retry(slot, when, Failure::Retry(when).into()),
            Failure::DeadLetter(cause) => {
                self.give_up(slot, Exhausted::DeadLetter, cause.into_inner());
            }
            Failure::Park => self.give_up(slot, Exhausted::Park, Failure::Park.into()),
            Failure::Stop(error) => self.give_up(slot, Exhausted::Stop, error),
            Failure::Skip => self.give_up(slot, Exhausted::Skip, Failure::Skip.into()),
        }
    }

    /// Tries the record again later, if it may be tried again.
    fn retry(&mut self, slot: usize, when: When, error: BoxError) {
        let Some(record) = self.slots.get_mut(slot) else { return };
        if !self.settings.retry.allows_another(record.attempt) {
            return self.give_up(slot, self.settings.exhausted, error);
        }
        let delay = self.settings.retry.delay(record.attempt, &mut self.rng);
        let due = match when {
            When::Backoff => self.now + delay,
            When::After(delay) => self.now.checked_add(delay).unwrap_or_else(|| far(self.now)),
            When::At(at) => at,
        };
        let at = record.message.topic_partition();
        let offset = record.message.offset();
        debug!(%at, offset, attempt = record.attempt, error = %describe(&*error), "will be retried");
        let drain = self.partitions.get(record.partition).drain;
        record.state = State::Waiting { due };
        // It may wait for long: it should not keep the memory of its whole batch.
        record.message = record.message.detach();
        self.ledger.wait(record.partition);
        if drain.is_some_and(|drain| due > drain.deadline) {
            return self.block(slot);
        }
        self.timers.add(due, Timer::Retry(SlotRef { slot, serial: record.serial }));
    }

    /// The record will not be tried again by itself.
    fn give_up(&mut self, slot: usize, end: Exhausted, error: BoxError) {
        let Some(record) = self.slots.get_mut(slot) else { return };
        let at = record.message.topic_partition().clone();
        let (offset, attempt) = (record.message.offset(), record.attempt);
        let error_text = describe(&*error);
        match end {
            Exhausted::DeadLetter if self.settings.dead_letter.is_some() => {
                warn!(%at, offset, attempt, error = error_text, "goes to the dead letters");
                let emit = self.dead_letter(slot, &error);
                self.resolve(slot, emit, Ending::DeadLettered);
            }
            Exhausted::Skip => {
                warn!(%at, offset, attempt, error = error_text, "skipped");
                self.resolve(slot, Emit::none(), Ending::Skipped);
            }
            Exhausted::Park => {
                warn!(%at, offset, attempt, error = error_text, "parked");
                record.state = State::Parked;
                record.message = record.message.detach();
                self.ledger.wait(record.partition);
                let draining = self.partitions.get(record.partition).drain.is_some();
                self.counters().parked(1);
                if draining {
                    self.block(slot);
                }
            }
            Exhausted::Stop | Exhausted::DeadLetter => {
                self.stop_because(StopReason::Handler { at, offset, attempt, source: error });
                self.block(slot);
            }
        }
    }

    /// The record as a dead letter; nothing if there is no topic for it.
    pub(super) fn dead_letter(&self, slot: usize, error: &BoxError) -> Emit {
        let (Some(topic), Some(record)) = (&self.settings.dead_letter, self.slots.get(slot)) else {
            return Emit::none();
        };
        dead_letter(&record.message, &self.settings.name, record.attempt, &**error)
            .topic(topic.clone())
            .into()
    }

    /// The handler has ended for good: its lane is free, and there is a result.
    fn resolve(&mut self, slot: usize, emit: Emit, ending: Ending) {
        self.leave_lane(slot);
        let Some(record) = self.slots.get_mut(slot) else { return };
        let resolved = Resolved { record: SlotRef { slot, serial: record.serial }, emit, ending };
        self.on_resolved(resolved);
    }

    pub(super) fn on_timers(&mut self) {
        while let Some(timer) = self.timers.pop_due(self.now) {
            match timer {
                Timer::Retry(record) => self.wake_record(record),
                Timer::ReadOn { partition, life } => self.read_on(partition, life),
            }
        }
    }

    fn wake_record(&mut self, record: SlotRef) {
        let Some(slot) = self.live(record) else { return };
        if !matches!(slot.state, State::Waiting { .. } | State::Parked) {
            return;
        }
        slot.state = State::Ready;
        let (partition, again) = (slot.partition, slot.attempt > 0);
        self.ledger.wake(partition);
        self.ready.push(record, again);
    }

    pub(super) fn on_command(&mut self, command: Command) {
        let Command::Unpark { which, unparked } = command;
        let meant = |message: &S::Message| match &which {
            Parked::All => true,
            Parked::At(at, offset) => {
                message.offset() == *offset && message.topic_partition() == at
            }
        };
        let parked: Vec<_> = self
            .slots
            .iter_mut()
            .filter(|(_, record)| matches!(record.state, State::Parked) && meant(&record.message))
            .map(|(slot, record)| {
                record.attempt = 0;
                record.first_started = None;
                SlotRef { slot, serial: record.serial }
            })
            .collect();
        // Nobody may wait for the answer any more.
        let _ = unparked.send(parked.len());
        for record in parked {
            self.wake_record(record);
        }
    }

    /// Frees the record's lane for the next in it.
    pub(super) fn leave_lane(&mut self, slot: usize) {
        let Some(lane) = self.slots.get_mut(slot).and_then(|record| record.lane.take()) else {
            return;
        };
        let mut head = slot;
        while let Some(next) = self.lanes.leave(lane, head) {
            match self.slots.get_mut(next) {
                Some(record) if matches!(record.state, State::Queued) => {
                    record.state = State::Ready;
                    self.ready.push(SlotRef { slot: next, serial: record.serial }, false);
                    return;
                }
                Some(_) => {
                    self.slots.remove(next);
                }
                None => debug_assert!(false, "a lane holds slots that are in use"),
            }
            head = next;
        }
    }

    /// Gives up records of a partition that still count: those that `which` says. Handlers that
    /// run are stopped; they keep their lanes until they are gone.
    pub(super) fn drop_records(
        &mut self,
        partition: usize,
        which: impl Fn(&super::slot::Slot<S::Message>) -> bool,
    ) {
        let dropped: Vec<usize> = self
            .slots
            .iter()
            .filter(|(_, record)| record.partition == partition && record.is_live())
            .filter(|(_, record)| which(record))
            .map(|(slot, _)| slot)
            .collect();
        // First all those that wait in lanes, so that no lane's next head is one of them.
        let (queued, others): (Vec<_>, Vec<_>) = dropped.into_iter().partition(|&slot| {
            self.slots.get(slot).is_some_and(|record| matches!(record.state, State::Queued))
        });
        for slot in queued.into_iter().chain(others) {
            self.drop_record(slot);
        }
    }

    fn drop_record(&mut self, slot: usize) {
        let Some(record) = self.slots.get_mut(slot) else { return };
        let index = record.partition;
        self.ledger.release_bytes(index, record.size);
        let partition = self.partitions.get(index);
        partition.live = partition.live.saturating_sub(1);
        match &record.state {
            State::Executing(task) => {
                task.abort();
                partition.zombies += 1;
                record.state = State::Zombie;
                return;
            }
            State::Queued => {
                record.state = State::Dropped;
                return;
            }
            State::Waiting { .. } | State::Parked => self.ledger.wake(index),
            _ => {}
        }
        self.leave_lane(slot);
        self.slots.remove(slot);
    }
}

/// A time that never comes in practice.
fn far(now: Instant) -> Instant {
    now + std::time::Duration::from_secs(30 * 365 * 24 * 60 * 60)
}
