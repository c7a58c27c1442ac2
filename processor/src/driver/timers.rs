//! What happens later.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tokio::time::Instant;

use super::slot::SlotRef;
use crate::tracker::Life;

/// Something that is due at some time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// A record is tried again.
    Retry(SlotRef),
    /// A partition reads on after a rewind, if it is still in this life.
    ReadOn { partition: usize, life: Life },
}

/// What is due when. Nothing is taken back: what has lost its meaning is ignored when it is due.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Due>>,
    count: u64,
}

#[derive(Debug)]
struct Due {
    at: Instant,
    /// Breaks ties, so that equal times keep their order.
    number: u64,
    timer: Timer,
}

impl Timers {
    pub(super) fn add(&mut self, at: Instant, timer: Timer) {
        self.count += 1;
        self.heap.push(Reverse(Due { at, number: self.count, timer }));
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(due)| due.at)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| due.timer)
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}
