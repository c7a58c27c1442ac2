use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::FlushError;

/// Counts the batches that have no outcome yet, by generation, for those who flush.
///
/// A flush ends a generation: it waits for the batches begun before it and for no others, so that
/// senders who go on cannot keep it waiting.
#[derive(Debug)]
pub(crate) struct Ledger {
    open: Mutex<Open>,
    settled: Notify,
    not_written: AtomicU64,
    unknown: AtomicU64,
}

#[derive(Debug)]
struct Open {
    /// The generation that `batches` begins with.
    first: u64,
    /// Batches without outcome in each generation; the last one is the present.
    batches: VecDeque<usize>,
}

impl Ledger {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::new(Open { first: 0, batches: VecDeque::from([0]) }),
            settled: Notify::new(),
            not_written: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
        })
    }

    /// Enters a batch into the present generation.
    pub(crate) fn enter(self: &Arc<Self>) -> Entry {
        let mut open = self.open.lock();
        let age = open.batches.len().saturating_sub(1);
        if let Some(present) = open.batches.back_mut() {
            *present = present.saturating_add(1);
        }
        let generation = open.first.saturating_add(age as u64);
        drop(open);
        Entry { ledger: Arc::clone(self), generation }
    }

    /// Ends the present generation and returns it.
    pub(crate) fn end_generation(&self) -> u64 {
        let mut open = self.open.lock();
        open.batches.push_back(0);
        open.first.saturating_add(open.batches.len().saturating_sub(2) as u64)
    }

    /// Waits until every batch up to `generation` has its outcome.
    pub(crate) async fn settled(&self, generation: u64) {
        loop {
            let changed = self.settled.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if self.is_settled(generation) {
                return;
            }
            changed.await;
        }
    }

    fn is_settled(&self, generation: u64) -> bool {
        let mut open = self.open.lock();
        while open.batches.len() > 1 && open.batches.front() == Some(&0) {
            open.batches.pop_front();
            open.first = open.first.saturating_add(1);
        }
        open.first > generation
    }

    /// Batches without outcome.
    #[cfg(test)]
    fn unsettled(&self) -> usize {
        self.open.lock().batches.iter().sum()
    }

    pub(crate) fn count_not_written(&self, records: u64) {
        self.not_written.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn count_unknown(&self, records: u64) {
        self.unknown.fetch_add(records, Ordering::Relaxed);
    }

    /// Takes the failures counted since they were taken last.
    pub(crate) fn take_failures(&self) -> Result<(), FlushError> {
        let not_written = self.not_written.swap(0, Ordering::Relaxed);
        let unknown = self.unknown.swap(0, Ordering::Relaxed);
        if not_written == 0 && unknown == 0 {
            Ok(())
        } else {
            Err(FlushError { not_written, unknown })
        }
    }
}

impl Entry {
    /// Enters another batch into the same generation: it has records of this one.
    pub(crate) fn sibling(&self) -> Self {
        let mut open = self.ledger.open.lock();
        let age = self.generation.saturating_sub(open.first);
        let batches = usize::try_from(age).ok().and_then(|age| open.batches.get_mut(age));
        if let Some(batches) = batches {
            *batches = batches.saturating_add(1);
        }
        drop(open);
        Self { ledger: Arc::clone(&self.ledger), generation: self.generation }
    }
}

/// A batch's place in the ledger; ends when the batch has its outcome or is gone.
#[derive(Debug)]
pub(crate) struct Entry {
    ledger: Arc<Ledger>,
    generation: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = self.ledger.open.lock();
        let age = self.generation.saturating_sub(open.first);
        let batches = usize::try_from(age).ok().and_then(|age| open.batches.get_mut(age));
        let last = batches.is_some_and(|batches| {
            *batches = batches.saturating_sub(1);
            *batches == 0
        });
        drop(open);
        if last {
            self.ledger.settled.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future as _, pin::pin, task::Context};

    use futures_util::task::noop_waker_ref;

    use super::*;

    #[test]
    fn a_flush_waits_for_what_was_before_it_and_for_nothing_else() {
        let ledger = Ledger::new();
        let mut cx = Context::from_waker(noop_waker_ref());
        let before = ledger.enter();
        let generation = ledger.end_generation();
        let mut flush = pin!(ledger.settled(generation));
        let after = ledger.enter();
        assert!(flush.as_mut().poll(&mut cx).is_pending());
        drop(before);
        assert!(flush.as_mut().poll(&mut cx).is_ready());
        assert_eq!(ledger.unsettled(), 1);
        drop(after);
        assert_eq!(ledger.unsettled(), 0);
    }

    #[test]
    fn records_that_go_on_in_another_batch_stay_in_their_generation() {
        let ledger = Ledger::new();
        let mut cx = Context::from_waker(noop_waker_ref());
        let staged = ledger.enter();
        let generation = ledger.end_generation();
        let mut flush = pin!(ledger.settled(generation));
        assert!(flush.as_mut().poll(&mut cx).is_pending());
        let released = staged.sibling();
        drop(staged);
        assert!(flush.as_mut().poll(&mut cx).is_pending());
        drop(released);
        assert!(flush.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn a_later_generation_may_settle_first() {
        let ledger = Ledger::new();
        let mut cx = Context::from_waker(noop_waker_ref());
        let old = ledger.enter();
        let first = ledger.end_generation();
        let new = ledger.enter();
        let second = ledger.end_generation();
        drop(new);
        assert!(pin!(ledger.settled(second)).poll(&mut cx).is_pending());
        drop(old);
        assert!(pin!(ledger.settled(first)).poll(&mut cx).is_ready());
        assert!(pin!(ledger.settled(second)).poll(&mut cx).is_ready());
    }
}
