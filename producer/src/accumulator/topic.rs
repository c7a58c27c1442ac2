//! A topic as the producer sees it: its partitions once they are known, a staging batch before.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use ottla_client::{Topic, TopicPartition};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{partition::PartitionQueue, staging::Staging};
use crate::{
    core::Core,
    error::{Reason, Refused},
    outcome::Delivery,
    partitioner::{self, Sticky},
    record::Record,
};

#[derive(Debug)]
pub(crate) struct TopicQueues {
    pub(crate) topic: Topic,
    /// None until the topic is known.
    table: ArcSwapOption<PartitionTable>,
    /// Held while records move from here to the partitions: later ones queue behind.
    staging: Mutex<Option<Staging>>,
}

/// The partitions of a topic, as of one state of the cluster.
#[derive(Debug)]
pub(crate) struct PartitionTable {
    pub(crate) queues: Vec<Arc<PartitionQueue>>,
    /// How many partitions the topic has now: fewer than there are queues if it was made anew.
    count: usize,
    /// The partitions that have a leader: where records without a key go.
    led: Vec<u32>,
    sticky: Arc<Sticky>,
}

impl TopicQueues {
    pub(super) fn new(topic: Topic) -> Arc<Self> {
        Arc::new(Self { topic, table: ArcSwapOption::empty(), staging: Mutex::new(None) })
    }

    pub(crate) fn append(
        &self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<Delivery, Refused> {
        if let Some(table) = self.table.load().as_deref() {
            return table.choose(&self.topic, record)?.append(core, record, timestamp);
        }
        self.stage(core, record, timestamp)
    }

    #[cold]
    fn stage(&self, core: &Core, record: &Record<'_>, timestamp: i64) -> Result<Delivery, Refused> {
        let mut staging = self.staging.lock();
        if let Some(table) = self.table.load().as_deref() {
            drop(staging);
            return table.choose(&self.topic, record)?.append(core, record, timestamp);
        }
        if let Some(refused) = core.over().and(core.refusal()) {
            return Err(refused.clone());
        }
        Staging::check(core, record, timestamp)?;
        let first = staging.is_none();
        let delivery =
            staging.get_or_insert_with(|| Staging::new(core)).append(core, record, timestamp);
        drop(staging);
        if first {
            core.router.notify_one();
        }
        delivery
    }

    /// When the records that wait for the topic are given back.
    pub(crate) fn staging_deadline(&self) -> Option<Instant> {
        self.staging.lock().as_ref().map(|staging| staging.deadline)
    }

    /// Gives the waiting records back.
    pub(crate) fn fail_staging(&self, core: &Core, reason: Reason) {
        let staging = self.staging.lock().take();
        if let Some(staging) = staging {
            staging.fail(core, &self.topic, reason);
        }
    }

    pub(crate) fn table(&self) -> Option<Arc<PartitionTable>> {
        self.table.load_full()
    }

    /// Takes in what the cluster says: one entry for each partition, whether it has a leader.
    ///
    /// Queues are only ever added. Those of new partitions come from `open`.
    pub(crate) fn update(
        &self,
        core: &Core,
        led: &[bool],
        mut open: impl FnMut(TopicPartition) -> Arc<PartitionQueue>,
    ) -> Arc<PartitionTable> {
        let mut staging = self.staging.lock();
        let old = self.table.load_full();
        let count = led.len();
        let numbers = (0u32..).zip(led).filter_map(|(partition, led)| led.then_some(partition));
        if let Some(old) = old
            .as_ref()
            .filter(|old| old.count == count && old.led.iter().copied().eq(numbers.clone()))
        {
            return Arc::clone(old);
        }
        let mut queues = old.as_ref().map_or_else(Vec::new, |old| old.queues.clone());
        for partition in queues.len()..count {
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            queues.push(open(TopicPartition::new(self.topic.clone(), partition)));
        }
        let sticky = old
            .as_ref()
            .map_or_else(|| Arc::new(Sticky::new(core.seed())), |old| Arc::clone(&old.sticky));
        let table = Arc::new(PartitionTable { queues, count, led: numbers.collect(), sticky });
        if !table.queues.is_empty() {
            if let Some(staged) = staging.take() {
                staged.release(core, &self.topic, &table);
            }
            self.table.store(Some(Arc::clone(&table)));
        }
        table
    }
}

impl PartitionTable {
    /// Whether records wait for a partition that has no leader.
    pub(crate) fn is_stranded(&self) -> bool {
        self.led.len() < self.queues.len()
            && self.queues.iter().any(|partition| partition.is_stranded())
    }

    /// The partition for a record.
    #[inline]
    pub(super) fn choose(
        &self,
        topic: &Topic,
        record: &Record<'_>,
    ) -> Result<&Arc<PartitionQueue>, Refused> {
        let count = self.count;
        let index = match (record.partition, record.key) {
            (Some(partition), _) => usize::try_from(partition).unwrap_or(usize::MAX),
            (None, Some(key)) => partitioner::by_key(key, count),
            (None, None) => {
                let size = record.value.map_or(0, <[u8]>::len);
                match self.led.get(self.sticky.pick(size, self.led.len())) {
                    Some(&led) => led as usize,
                    // Nobody leads: any will do, and the record waits there.
                    None => self.sticky.pick(size, count),
                }
            }
        };
        self.queues.get(index).filter(|_| index < count).ok_or_else(|| Refused::NoSuchPartition {
            topic: topic.name().to_owned(),
            partition: record.partition.unwrap_or(-1),
            count,
        })
    }
}
