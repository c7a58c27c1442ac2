use std::sync::atomic::{AtomicUsize, Ordering};

use ottla_client::Topic;
use tokio::sync::Notify;

use super::begun::{Begun, Place};
use crate::{
    core::Core,
    error::{BufferUnit, Refused},
};

/// What records may take between `send` and their outcome: memory and, where it is limited, their
/// number.
///
/// Memory counts allocated capacity, so that it says what the process really holds, and is charged
/// when a batch takes another chunk: a record costs it nothing but a look. The check comes before
/// the chunk is taken: the last one may go over the limit, and threads that pass the check at the
/// same moment by a chunk each.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    bytes: AtomicUsize,
    records: AtomicUsize,
    waiting: AtomicUsize,
    /// First come, first served; a waiter that is cancelled passes its turn on.
    room: Notify,
    /// What can be dropped to make room, where the oldest is.
    pub(super) begun: Option<Begun>,
}

/// How much, and of what.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) bytes: Option<usize>,
    pub(crate) records: Option<usize>,
    /// `None` for the whole producer.
    pub(crate) topic: Option<Topic>,
    /// Whether the oldest records make room for new ones.
    pub(crate) drop_oldest: bool,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            begun: limits.drop_oldest.then(Begun::default),
            limits,
            bytes: AtomicUsize::new(0),
            records: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            room: Notify::const_new(),
        }
    }

    /// The limit of memory.
    pub(crate) fn limit(&self) -> usize {
        self.limits.bytes.unwrap_or(usize::MAX)
    }

    /// Bytes that are taken.
    pub(crate) fn used(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether it is charged for records one by one.
    pub(super) const fn counts_records(&self) -> bool {
        self.limits.records.is_some()
    }

    /// Why a record that finds no room is refused.
    pub(crate) fn refusal(&self) -> Refused {
        let (limit, unit) = match self.limits.records {
            Some(limit) if self.records.load(Ordering::SeqCst) >= limit => {
                (limit, BufferUnit::Records)
            }
            _ => (self.limit(), BufferUnit::Bytes),
        };
        Refused::Full { limit, unit, topic: self.limits.topic.clone() }
    }

    /// Whether there is room, and nobody who came before waits for it.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.has_room() && !self.has_waiters()
    }

    /// Whether somebody waits for room: whoever comes now queues behind.
    #[inline]
    pub(crate) fn has_waiters(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.bytes.load(Ordering::SeqCst) < self.limit()
            && self.limits.records.is_none_or(|limit| self.records.load(Ordering::SeqCst) < limit)
    }

    pub(super) fn charge(&self, bytes: usize, records: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.counts_records() {
            self.records.fetch_add(records, Ordering::Relaxed);
        }
    }

    pub(super) fn release(&self, bytes: usize, records: usize) {
        // Either we see who waits, or they see the room: hence `SeqCst` on both sides, as in
        // `turn`. On the common processors its loads cost no more than others.
        if bytes > 0 {
            self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        }
        if self.counts_records() && records > 0 {
            self.records.fetch_sub(records, Ordering::SeqCst);
        }
        if bytes > 0 || records > 0 {
            self.pass_on();
        }
    }

    /// Drops some of the oldest records that may be dropped; whether there were any.
    pub(crate) fn drop_oldest(&self, core: &Core) -> bool {
        let Some(begun) = &self.begun else { return false };
        while let Some(entry) = begun.pop() {
            let left = match &entry.place {
                Place::Partition(partition) => partition.evict(core, &entry),
                Place::Staging(topic) => {
                    let queues = core.topics.get(core, &core.client, topic);
                    queues.and_then(|queues| queues.evict_staged(core, &entry))
                }
            };
            match left {
                Some(true) => begun.put_back(entry),
                Some(false) => {}
                None => continue,
            }
            return true;
        }
        false
    }

    /// Forgets what could be dropped: nothing will be sent any longer.
    pub(crate) fn forget_begun(&self) {
        if let Some(begun) = &self.begun {
            begun.clear();
        }
    }

    /// Lets the next waiter look, if there is room and somebody waits.
    pub(crate) fn pass_on(&self) {
        if self.has_waiters() && self.has_room() {
            self.room.notify_one();
        }
    }

    /// Lets all waiters look: the producer is closing.
    pub(crate) fn wake_all(&self) {
        self.room.notify_waiters();
        self.room.notify_one();
    }

    /// Waits for its turn; the caller looks again, and passes the turn on when it is done.
    pub(crate) async fn turn(&self) {
        let _waiting = Waiting::of(self);
        let turn = self.room.notified();
        // Room may have come between the caller's look and our place in the queue, with nobody
        // there to be told.
        if self.waiting.load(Ordering::SeqCst) == 1 && self.has_room() {
            return;
        }
        turn.await;
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn of(budget: &'a Budget) -> Self {
        budget.waiting.fetch_add(1, Ordering::SeqCst);
        Self(&budget.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use futures_util::task::noop_waker_ref;

    use super::*;

    fn budget() -> Budget {
        let (bytes, records) = (Some(10), Some(2));
        Budget::new(Limits { bytes, records, topic: None, drop_oldest: false })
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(noop_waker_ref()))
    }

    #[test]
    fn waiters_are_served_in_order_and_a_cancelled_one_passes_its_turn_on() {
        let budget = budget();
        budget.charge(10, 0);
        let mut first = Box::pin(budget.turn());
        let mut second = Box::pin(budget.turn());
        let mut third = pin!(budget.turn());
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        budget.release(5, 0);
        assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        assert!(poll(first.as_mut()).is_ready());
        drop(first);
        budget.pass_on();
        drop(second);
        assert!(poll(third.as_mut()).is_ready(), "the second was cancelled after its turn came");
    }

    #[test]
    fn room_that_came_before_the_wait_is_not_missed() {
        let budget = budget();
        budget.charge(10, 0);
        budget.release(10, 0);
        assert!(poll(pin!(budget.turn())).is_ready());
    }

    #[test]
    fn records_are_counted_beside_bytes_and_the_refusal_says_which_are_too_many() {
        let budget = budget();
        budget.charge(1, 2);
        assert!(!budget.is_open());
        let refused = budget.refusal();
        assert_eq!(refused, Refused::Full { limit: 2, unit: BufferUnit::Records, topic: None });
        budget.release(0, 1);
        assert!(budget.is_open());
        budget.charge(9, 0);
        assert!(!budget.is_open());
        let refused = budget.refusal();
        assert_eq!(refused, Refused::Full { limit: 10, unit: BufferUnit::Bytes, topic: None });
    }
}
