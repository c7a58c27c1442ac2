use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The memory that records may take between `send` and their outcome.
///
/// It counts allocated capacity, so that it says what the process really holds, and is charged
/// when a batch takes another chunk: a record costs it nothing but a look. The check comes before
/// the chunk is taken; threads that pass it at the same moment can exceed it by a chunk each.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
    waiting: AtomicUsize,
    /// First come, first served; a waiter that is cancelled passes its turn on.
    room: Notify,
}

impl Budget {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            room: Notify::const_new(),
        }
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for room: whoever comes now queues behind.
    #[inline]
    pub(crate) fn has_waiters(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.used.load(Ordering::SeqCst) < self.limit
    }

    pub(crate) fn charge(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn release(&self, bytes: usize) {
        if bytes > 0 {
            // Either we see who waits, or they see the room: hence `SeqCst` on both sides, as in
            // `turn`. On the common processors its loads cost no more than others.
            self.used.fetch_sub(bytes, Ordering::SeqCst);
            self.pass_on();
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

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(noop_waker_ref()))
    }

    #[test]
    fn waiters_are_served_in_order_and_a_cancelled_one_passes_its_turn_on() {
        let budget = Budget::new(10);
        budget.charge(10);
        let mut first = Box::pin(budget.turn());
        let mut second = Box::pin(budget.turn());
        let mut third = pin!(budget.turn());
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        budget.release(5);
        assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
        assert!(poll(first.as_mut()).is_ready());
        drop(first);
        budget.pass_on();
        drop(second);
        assert!(poll(third.as_mut()).is_ready(), "the second was cancelled after its turn came");
    }

    #[test]
    fn room_that_came_before_the_wait_is_not_missed() {
        let budget = Budget::new(10);
        budget.charge(10);
        budget.release(10);
        assert!(poll(pin!(budget.turn())).is_ready());
    }
}
