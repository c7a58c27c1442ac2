//! Waiting for the next thing to happen.

use std::pin::Pin;

use futures_util::{FutureExt, StreamExt};
use tokio::task::{self, JoinError};
use tokio::time::{Instant, Sleep, sleep_until};

use super::slot::SlotRef;
use super::{Driver, ROUND};
use crate::handle::{Command, Wish};
use crate::handler::Outcome;
use crate::sink::{Sink, Undelivered};
use crate::source::{Event, Source, SourceError};

/// What a round begins with. Listed in the order in which they are looked for: what ends work
/// before what brings more, so that work taken in does not pile up.
pub(super) enum Wake<S: Source, K: Sink> {
    Wish(Wish),
    Command(Command),
    Ended(Result<(task::Id, Outcome), JoinError>),
    Delivered(SlotRef, Result<(), Undelivered>),
    Sent(SlotRef, Result<K::Delivery, Undelivered>),
    Alarm,
    Event(Result<Event<S::Message>, SourceError>),
}

/// The largest batch asked of the source: enough to make the asking cheap, and little enough that
/// partitions take turns.
const BATCH: usize = 500;

impl<S: Source, K: Sink> Driver<S, K> {
    pub(super) async fn wait(&mut self) {
        let wake = self.wake().await;
        self.now = Instant::now();
        match wake {
            Wake::Wish(wish) => self.on_wish(wish),
            Wake::Command(command) => self.on_command(command),
            Wake::Ended(ended) => {
                self.on_ended(ended);
                for _ in 1..ROUND {
                    let Some(ended) = self.tasks.try_join_next_with_id() else { break };
                    self.on_ended(ended);
                }
            }
            Wake::Delivered(record, result) => {
                self.on_delivered(record, result);
                for _ in 1..ROUND {
                    // Its waker is set again by the next wait.
                    let next = self.deliveries.next().now_or_never();
                    let Some(Some((record, result))) = next else { break };
                    self.on_delivered(record, result);
                }
            }
            Wake::Sent(record, result) => self.on_sent(record, result),
            Wake::Alarm => {}
            Wake::Event(event) => self.on_event(event),
        }
    }

    /// Every branch is cancel-safe: what is not returned is still there for the next call.
    async fn wake(&mut self) -> Wake<S, K> {
        let alarm = self.next_alarm();
        self.alarm.set(alarm);
        let max = self.ledger.batch().clamp(1, BATCH);
        let ask = !self.source_ended && self.source_after.is_none_or(|at| at <= self.now);
        let Self { controls, tasks, deliveries, sending, source, alarm: clock, .. } = self;
        tokio::select! {
            biased;
            // An error means that no handle is left, which cannot be: the processor keeps one.
            Ok(()) = controls.wish.changed() => Wake::Wish(*controls.wish.borrow_and_update()),
            Some(command) = controls.commands.recv() => Wake::Command(command),
            Some(ended) = tasks.join_next_with_id() => Wake::Ended(ended),
            Some((record, result)) = deliveries.next() => Wake::Delivered(record, result),
            (record, result) = async {
                match sending {
                    Some(pending) => pending.as_mut().await,
                    None => std::future::pending().await,
                }
            } => Wake::Sent(record, result),
            () = clock.ring(), if alarm.is_some() => Wake::Alarm,
            event = source.next(max), if ask => Wake::Event(event),
        }
    }

    fn next_alarm(&self) -> Option<Instant> {
        let gauge = (self.ledger.outstanding() > 0).then_some(self.next_gauge);
        let leaving = self.leaving.iter().map(|leaving| leaving.deadline).min();
        let source = self.source_after.filter(|&at| at > self.now);
        [self.timers.next_at(), leaving, gauge, source].into_iter().flatten().min()
    }
}

/// One timer that is set anew only when the time changes.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    pub(super) fn new(now: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(now)) }
    }

    fn set(&mut self, at: Option<Instant>) {
        if let Some(at) = at.filter(|&at| at != self.sleep.deadline()) {
            self.sleep.as_mut().reset(at);
        }
    }

    async fn ring(&mut self) {
        self.sleep.as_mut().await;
    }
}
