//! What is to be told to the event sink, kept until no lock is held.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ottla_client::BrokerId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    cell::{Collected, Why},
    events::{Acknowledged, FailedRecords, ProducerEvents},
};

/// Events in the order in which they happened. They may be put here under any lock, and are told
/// by the producer's tasks when those hold none; by one of them at a time.
///
/// Without an event sink nothing is ever put here.
pub(crate) struct Outbox {
    events: Option<Arc<dyn ProducerEvents>>,
    pending: Mutex<Pending>,
    /// Somebody is telling: whoever comes meanwhile leaves the events to them.
    telling: AtomicBool,
    told: Notify,
    /// The most bytes that failed records may take here.
    limit: usize,
}

#[derive(Default)]
struct Pending {
    events: VecDeque<Event>,
    bytes: usize,
}

enum Event {
    Acknowledged(Acknowledged),
    Failed(FailedRecords),
    Throttled { broker: BrokerId, pause: Duration },
}

impl Outbox {
    pub(crate) fn new(events: Option<Arc<dyn ProducerEvents>>, limit: usize) -> Self {
        let (pending, telling, told) = (Mutex::default(), AtomicBool::new(false), Notify::new());
        Self { events, pending, telling, told, limit }
    }

    /// A batch is written; `event` is made only if somebody listens.
    pub(crate) fn acknowledged(&self, event: impl FnOnce() -> Acknowledged) {
        if self.events.is_some() {
            let event = Event::Acknowledged(event());
            self.pending.lock().events.push_back(event);
        }
    }

    pub(crate) fn throttled(&self, broker: BrokerId, pause: Duration) {
        if self.events.is_some() {
            self.pending.lock().events.push_back(Event::Throttled { broker, pause });
        }
    }

    /// Records failed; says whether somebody has to be woken to tell it.
    #[must_use]
    pub(crate) fn failed(&self, collected: &Collected) -> bool {
        if self.events.is_none() {
            return false;
        }
        let mut pending = self.pending.lock();
        let bytes = pending.bytes.saturating_add(collected.held());
        let failed = FailedRecords::new(collected.clone(), bytes > self.limit);
        pending.bytes = pending.bytes.saturating_add(failed.held());
        pending.events.push_back(Event::Failed(failed));
        true
    }

    /// Tells what there is, unless somebody else is at it. No lock may be held.
    pub(crate) fn tell(&self) {
        let Some(events) = &self.events else { return };
        while !self.pending.lock().events.is_empty() {
            if self.telling.swap(true, Ordering::SeqCst) {
                return;
            }
            while let Some(event) = self.take() {
                event.tell(&**events);
                self.done(&event);
            }
            self.telling.store(false, Ordering::SeqCst);
            self.told.notify_waiters();
            // Whoever came between the last look and this has left an event to us: look again.
        }
    }

    /// Returns when everything that is here now has been told.
    pub(crate) async fn emptied(&self) {
        if self.events.is_none() {
            return;
        }
        loop {
            let told = self.told.notified();
            let mut told = std::pin::pin!(told);
            told.as_mut().enable();
            self.tell();
            if !self.telling.load(Ordering::SeqCst) {
                return;
            }
            told.await;
        }
    }

    fn take(&self) -> Option<Event> {
        self.pending.lock().events.pop_front()
    }

    fn done(&self, event: &Event) {
        if let Event::Failed(failed) = event {
            let mut pending = self.pending.lock();
            pending.bytes = pending.bytes.saturating_sub(failed.held());
        }
    }
}

impl Event {
    fn tell(&self, to: &dyn ProducerEvents) {
        let tell = || match self {
            Self::Acknowledged(batch) => to.acknowledged(batch),
            Self::Throttled { broker, pause } => to.throttled(*broker, *pause),
            Self::Failed(failed) => match failed.why() {
                Why::NotWritten(reason) if reason.is_expiry() => to.expired(failed),
                Why::NotWritten(_) => to.discarded(failed),
                Why::Unknown(_) => to.unknown(failed),
            },
        };
        // What is the user's must not end the task that all other records depend on.
        if catch_unwind(AssertUnwindSafe(tell)).is_err() {
            tracing::error!("the producer's event sink panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use ottla_client::Client;
    use ottla_protocol::{
        compression::Codecs,
        records::{BatchBuilder, ChunkPool, RecordParts},
    };

    use super::*;
    use crate::{error::Reason, outcome::Failure};

    /// Three records of a topic that failed.
    fn three() -> Collected {
        let client = Client::builder().bootstrap(["nowhere:1"]).build().unwrap();
        let (mut builder, pool) = (BatchBuilder::new(), ChunkPool::default());
        for value in [b"a", b"b", b"c"] {
            let parts = RecordParts { key: None, value: Some(value), headers: &[] };
            builder.append(1, &parts, &pool).unwrap();
        }
        let (why, batch) = (Why::NotWritten(Reason::Closed), Some(builder.seal().into()));
        let failure = Arc::new(Failure::new(why, Some(0), batch, Codecs::default()));
        Collected { topic: client.topic("in"), failure, records: 0..3 }
    }

    /// What was told: how many records, and how many came with it. Tells itself, which must not
    /// lead anywhere.
    #[derive(Default)]
    struct Counts {
        told: Mutex<Vec<(u64, usize)>>,
        outbox: Mutex<Weak<Outbox>>,
    }

    impl ProducerEvents for Counts {
        fn failed(&self, records: &FailedRecords) {
            let given = records.records().count();
            assert_eq!(records.is_without_records(), given == 0);
            self.told.lock().push((records.count(), given));
            let outbox = self.outbox.lock().upgrade();
            if let Some(outbox) = outbox {
                outbox.tell();
            }
        }
    }

    #[tokio::test]
    async fn records_that_wait_to_be_told_are_bounded_and_none_is_told_twice() {
        let three = three();
        let counts = Arc::new(Counts::default());
        let limit = 2 * three.failure.held();
        let outbox = Arc::new(Outbox::new(Some(Arc::clone(&counts) as _), limit));
        *counts.outbox.lock() = Arc::downgrade(&outbox);
        for _ in 0..3 {
            assert!(outbox.failed(&three));
        }
        outbox.tell();
        assert_eq!(*counts.told.lock(), [(3, 3), (3, 3), (3, 0)]);
        // What has been told makes room.
        assert!(outbox.failed(&three));
        outbox.emptied().await;
        assert_eq!(counts.told.lock().last(), Some(&(3, 3)));
    }

    #[tokio::test]
    async fn without_a_sink_nothing_is_kept() {
        let outbox = Outbox::new(None, usize::MAX);
        assert!(!outbox.failed(&three()));
        assert!(outbox.pending.lock().events.is_empty());
    }
}
