//! Which received offsets are done, and how far a partition may be committed.
//!
//! One [`Tracker`] per partition and life: a life starts with an assignment or a rewind and ends
//! with a revocation, a loss or the next rewind. Only offsets that were *received* count, so gaps
//! in offsets (compaction, transaction markers, aborted records) are nothing special.
//!
//! ```text
//!  offsets   10   11   14   15   18        (12, 13, 16, 17 are gaps)
//!  done       x    x         x
//!                  ^ position = 12: everything received before it is done
//! ```
//!
//! The position follows the last done record (or the last batch, once all of it is done) and not
//! the first undone one: an offset beyond a gap may lie past the end of the done record's leader
//! epoch, which the truncation check of KIP-320 would take for a truncated log.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::source::Mark;

/// Names a received record to its tracker; worthless to any other tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The life in which the record was received.
    pub(crate) life: Life,
    /// The number of the record in that life, in the order received.
    pub(crate) seq: u64,
}

/// One life of a partition: from an assignment or rewind to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Life(pub(crate) u64);

/// What a completion changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// The record is of another life, or was done before.
    Stale,
    /// The record is done; `released` records left the tracker as the position moved over them.
    Done {
        /// How many records the position moved over: 0 if an earlier one is not done.
        released: usize,
    },
}

/// The offsets of one partition in one life.
#[derive(Debug)]
pub(crate) struct Tracker<M> {
    life: Life,
    /// Received and not behind the position, in the order received.
    entries: VecDeque<Entry<M>>,
    /// The number of the first entry.
    base: u64,
    position: Option<M>,
    /// When batches arrived: (number of the first record, instant).
    arrivals: VecDeque<(u64, Instant)>,
}

#[derive(Debug)]
struct Entry<M> {
    offset: i64,
    /// The position once this and everything before it is done.
    after: M,
    done: bool,
}

impl<M: Mark> Tracker<M> {
    pub(crate) fn new(life: Life) -> Self {
        Self { life, entries: VecDeque::new(), base: 0, position: None, arrivals: VecDeque::new() }
    }

    pub(crate) fn life(&self) -> Life {
        self.life
    }

    /// A batch begins to arrive.
    pub(crate) fn begin_batch(&mut self, now: Instant) {
        self.arrivals.push_back((self.base + self.entries.len() as u64, now));
    }

    /// A record arrived; `after` is the position behind it. Offsets rise within a life.
    pub(crate) fn receive(&mut self, offset: i64, after: M) -> Ticket {
        let seq = self.base + self.entries.len() as u64;
        self.entries.push_back(Entry { offset, after, done: false });
        Ticket { life: self.life, seq }
    }

    /// The batch ends: once all received is done, the position is `after`, past any offsets the
    /// batch holds that are no records for us. A batch may be empty.
    pub(crate) fn end_batch(&mut self, after: M) {
        match self.entries.back_mut() {
            Some(last) if last.after.next_offset() < after.next_offset() => last.after = after,
            Some(_) => {}
            None => self.advance(after),
        }
        // A batch without records has no age of its own.
        let end = self.base + self.entries.len() as u64;
        if self.arrivals.back().is_some_and(|&(first, _)| first == end) {
            self.arrivals.pop_back();
        }
    }

    /// A record is done: its output or dead letter is acknowledged, or there is none.
    pub(crate) fn done(&mut self, ticket: Ticket) -> Completion {
        if ticket.life != self.life || ticket.seq < self.base {
            return Completion::Stale;
        }
        let index = usize::try_from(ticket.seq - self.base).unwrap_or(usize::MAX);
        match self.entries.get_mut(index) {
            Some(entry) if !entry.done => entry.done = true,
            _ => return Completion::Stale,
        }
        Completion::Done { released: self.release() }
    }

    /// The highest position that may be committed; `None` while nothing was completed.
    pub(crate) fn position(&self) -> Option<M> {
        self.position
    }

    /// The oldest record that is not done: its offset and when it arrived.
    pub(crate) fn oldest(&self) -> Option<(i64, Instant)> {
        let offset = self.entries.front()?.offset;
        Some((offset, self.arrivals.front()?.1))
    }

    /// How many records were received and are not behind the position.
    pub(crate) fn outstanding(&self) -> usize {
        self.entries.len()
    }

    fn release(&mut self) -> usize {
        let mut released = 0;
        while self.entries.front().is_some_and(|entry| entry.done) {
            if let Some(entry) = self.entries.pop_front() {
                released += 1;
                self.base += 1;
                self.advance(entry.after);
            }
        }
        while self.arrivals.get(1).is_some_and(|&(first, _)| first <= self.base)
            || (self.entries.is_empty() && !self.arrivals.is_empty())
        {
            self.arrivals.pop_front();
        }
        released
    }

    /// Positions only move forward.
    fn advance(&mut self, to: M) {
        if self.position.is_none_or(|position| position.next_offset() < to.next_offset()) {
            self.position = Some(to);
        }
    }
}

#[cfg(test)]
mod tests;
