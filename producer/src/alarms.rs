//! The deadlines of all partitions, for the one task that watches them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::accumulator::PartitionQueue;

/// At most one alarm for each partition: its earliest deadline when it was set. A partition whose
/// batches were written in time leaves an alarm that finds nothing.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    heap: Mutex<BinaryHeap<Reverse<Alarm>>>,
    earlier: Notify,
}

#[derive(Debug)]
struct Alarm {
    at: Instant,
    partition: Arc<PartitionQueue>,
}

impl Alarms {
    pub(crate) fn set(&self, at: Instant, partition: &Arc<PartitionQueue>) {
        let mut heap = self.heap.lock();
        let earlier = heap.peek().is_none_or(|Reverse(first)| at < first.at);
        heap.push(Reverse(Alarm { at, partition: Arc::clone(partition) }));
        drop(heap);
        if earlier {
            self.earlier.notify_one();
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.lock().peek().map(|Reverse(alarm)| alarm.at)
    }

    /// Waits until an alarm is set before all others.
    pub(crate) async fn earlier(&self) {
        self.earlier.notified().await;
    }

    /// A partition whose alarm is due.
    pub(crate) fn take_due(&self, now: Instant) -> Option<Arc<PartitionQueue>> {
        let mut heap = self.heap.lock();
        if heap.peek().is_some_and(|Reverse(alarm)| alarm.at <= now) {
            return heap.pop().map(|Reverse(alarm)| alarm.partition);
        }
        None
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
