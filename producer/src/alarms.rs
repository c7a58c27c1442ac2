//! When anything of a partition ends next, for the one task that watches it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::accumulator::PartitionQueue;

/// At most one alarm for each partition: its earliest deadline or expiry when it was set. A
/// partition whose batches were written in time leaves an alarm that finds nothing.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    set: Mutex<BTreeMap<Alarm, Arc<PartitionQueue>>>,
    earlier: Notify,
}

/// Moment, topic and partition: the order is the same in every run.
type Alarm = (Instant, u32, i32);

impl Alarms {
    /// Puts a partition's alarm, which was at `old`, to another moment. The partition's lock is
    /// held, so that its alarms come in order.
    pub(crate) fn set(
        &self,
        old: Option<Instant>,
        at: Option<Instant>,
        partition: &Arc<PartitionQueue>,
    ) {
        let key = |at| (at, partition.at.topic.slot(), partition.at.partition);
        let mut set = self.set.lock();
        if let Some(old) = old {
            set.remove(&key(old));
        }
        let Some(at) = at else { return };
        let earlier = set.first_key_value().is_none_or(|((first, ..), _)| at < *first);
        set.insert(key(at), Arc::clone(partition));
        drop(set);
        if earlier {
            self.earlier.notify_one();
        }
    }

    /// The earliest alarm.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.set.lock().first_key_value().map(|((at, ..), _)| *at)
    }

    /// Waits until an alarm is set before all others.
    pub(crate) async fn earlier(&self) {
        self.earlier.notified().await;
    }

    /// A partition whose alarm is due.
    pub(crate) fn take_due(&self, now: Instant) -> Option<Arc<PartitionQueue>> {
        let mut set = self.set.lock();
        let first = set.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
