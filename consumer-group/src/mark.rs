//! Marks: how an application says that a record is done.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::partitions::Slot;

/// One stay of a partition with a consumer, from its assignment until it is revoked or lost.
///
/// Every assignment gets a new epoch, also when the same partition comes back to the same
/// consumer, so that what was started before it left can be told from what came after. Epochs
/// grow within a process and mean nothing outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssignmentEpoch(u64);

impl AssignmentEpoch {
    /// An epoch that no partition of any consumer in this process has had: a mark that strays
    /// to another consumer is refused like one that is too old.
    pub(crate) fn fresh() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1))
    }

    /// The number behind the epoch, for logs.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AssignmentEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Says that everything of a partition before [`next_offset`](Self::next_offset) is done.
///
/// It is given to [`ConsumerControl::mark`](crate::ConsumerControl::mark), which keeps the
/// highest one of each partition; commits write that. A mark belongs to the assignment epoch in
/// which its record was handed out and is refused once the partition has left, even if it has
/// come back since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    pub(crate) slot: Slot,
    pub(crate) epoch: AssignmentEpoch,
    pub(crate) next_offset: i64,
    pub(crate) leader_epoch: i32,
}

impl Mark {
    /// The offset to continue from: what a commit of this mark writes.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The assignment the mark belongs to.
    #[must_use]
    pub fn epoch(&self) -> AssignmentEpoch {
        self.epoch
    }

    /// The same mark at another offset of the same partition and assignment. For those who track
    /// gaps themselves, such as a processor that completes records out of order.
    #[must_use]
    pub fn at(self, next_offset: i64) -> Self {
        Self { next_offset, ..self }
    }
}
