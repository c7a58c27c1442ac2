//! One sink for each broker: takes what is ready, packs it into requests, and takes in the answers.

mod finishing;
mod pacing;
mod pieces;
mod reply;
mod request;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use ottla_client::BrokerId;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::{accumulator::PartitionQueue, core::Core, statistics::RequestMeter};

pub(crate) use task::run;

/// Where the partitions that one broker leads line up.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) broker: BrokerId,
    /// Partitions with something to send, each at most once.
    list: Mutex<Vec<Arc<PartitionQueue>>>,
    /// What the unsent batches of this broker's partitions will probably come to on the wire: how
    /// full the next request would be. Batches tell of their growth in steps, so that it is a
    /// little less than what there is. What is taken may be counted before what came, so that for a moment
    /// it can be off, and below zero; it never stays off.
    bytes: AtomicIsize,
    /// Something on the list gains nothing by waiting.
    ripe: AtomicBool,
    /// Where records are gathered over all brokers: what all of them have to send.
    gathered: Option<Arc<AtomicIsize>>,
    /// Enough was gathered over all.
    called: AtomicBool,
    wake: Notify,
    pub(crate) meter: RequestMeter,
    /// Since when the broker could not be sent to although there was something to send.
    blocked: Mutex<Option<Instant>>,
    stage: Mutex<Stage>,
}

/// What the task of a sink does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// There is none: not yet, or no longer.
    Ended,
    Running,
    /// It ends as soon as nothing of its is in flight: its broker has left the cluster.
    Ending,
}

impl Sink {
    pub(crate) fn new(broker: BrokerId, gathered: Option<Arc<AtomicIsize>>) -> Arc<Self> {
        Arc::new(Self {
            broker,
            list: Mutex::new(Vec::new()),
            bytes: AtomicIsize::new(0),
            ripe: AtomicBool::new(false),
            gathered,
            called: AtomicBool::new(false),
            wake: Notify::new(),
            meter: RequestMeter::default(),
            blocked: Mutex::new(None),
            stage: Mutex::new(Stage::Ended),
        })
    }

    /// A partition's unsent batches grew by `bytes`; `list` if it is to be put on the list.
    pub(crate) fn grew(&self, bytes: usize, list: Option<&Arc<PartitionQueue>>, core: &Core) {
        let bytes = signed(bytes);
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let after = before.saturating_add(bytes);
        let full = signed(core.config.max_request_size);
        // A full request is worth a wake-up once, not for each chunk that comes on top.
        let mut wake = before < full && after >= full;
        if let Some(partition) = list {
            let mut list = self.list.lock();
            wake |= list.is_empty();
            list.push(Arc::clone(partition));
        }
        if wake {
            self.wake.notify_one();
        }
        if let Some(gathered) = &self.gathered {
            let before = gathered.fetch_add(bytes, Ordering::Relaxed);
            if before < full && before.saturating_add(bytes) >= full {
                core.call_sinks(None);
            }
        }
    }

    /// So many bytes that it was told of are not to be sent any longer, or not from here.
    pub(crate) fn uncount(&self, bytes: usize) {
        self.bytes.fetch_sub(signed(bytes), Ordering::Relaxed);
        if let Some(gathered) = &self.gathered {
            gathered.fetch_sub(signed(bytes), Ordering::Relaxed);
        }
    }

    /// Something on the list gains nothing by waiting: a batch that is as large as it gets, or is
    /// sent again.
    pub(crate) fn ripen(&self) {
        if !self.ripe.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Enough was gathered over all brokers: whatever there is goes.
    pub(crate) fn call(&self) {
        if !self.list.lock().is_empty() {
            self.called.store(true, Ordering::Relaxed);
            self.wake.notify_one();
        }
    }

    fn is_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// What was waited for is sent now.
    fn begin_request(&self) {
        self.ripe.store(false, Ordering::Relaxed);
        self.called.store(false, Ordering::Relaxed);
    }

    /// Partitions are led through it. Returns whether its task has to be started.
    pub(crate) fn begin(&self) -> bool {
        std::mem::replace(&mut *self.stage.lock(), Stage::Running) == Stage::Ended
    }

    /// Its broker has left, and no partition is led through it: its task ends when everything in
    /// flight has been answered.
    pub(crate) fn retire(&self) {
        let mut stage = self.stage.lock();
        if *stage == Stage::Running {
            *stage = Stage::Ending;
            drop(stage);
            self.wake.notify_one();
        }
    }

    /// Nothing is in flight: whether the task has to end.
    fn is_over(&self) -> bool {
        let mut stage = self.stage.lock();
        let over = *stage == Stage::Ending;
        if over {
            *stage = Stage::Ended;
            drop(stage);
            // Whoever is left on the list is led elsewhere by now.
            self.clear();
        }
        over
    }

    /// There is something to send, and it cannot be sent.
    fn block(&self) {
        self.blocked.lock().get_or_insert_with(Instant::now);
    }

    /// Something was sent.
    fn unblock(&self) {
        *self.blocked.lock() = None;
    }

    /// Since when the broker could not be sent to although there was something to send.
    pub(crate) fn blocked_since(&self) -> Option<Instant> {
        *self.blocked.lock()
    }

    /// Whether waiting would gain nothing.
    fn is_full(&self, core: &Core) -> bool {
        self.ripe.load(Ordering::Relaxed)
            || self.bytes.load(Ordering::Relaxed) >= signed(core.config.max_request_size)
    }

    /// Forgets the partitions, which know it in turn: nothing will be sent any longer.
    pub(crate) fn clear(&self) {
        self.list.lock().clear();
    }

    /// Lets the task look again at once: a flush, a close, or senders waiting for room.
    pub(crate) fn hurry(&self) {
        self.wake.notify_one();
    }
}

#[cfg(test)]
impl Sink {
    /// Partitions on the list, and bytes counted.
    pub(crate) fn look(&self) -> (usize, isize) {
        (self.list.lock().len(), self.bytes.load(Ordering::Relaxed))
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}
