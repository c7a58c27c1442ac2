//! A topic and its partitions, as last heard of.

use ottla_protocol::{ErrorCode, Uuid};

use crate::broker::BrokerId;
use crate::topic::Topic;

/// Topic ids that were replaced and must not come back, remembered per topic. A stale broker can
/// only tell of the last few.
const RETIRED: usize = 8;

/// What the cluster said of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadata {
    /// The topic.
    pub topic: Topic,
    /// Its id (KIP-516); zero if the broker has none to tell.
    pub id: Uuid,
    /// Its partitions, by number. Of a hostile or half-made topic some may be missing.
    pub partitions: Vec<PartitionMetadata>,
    /// What the cluster said last. If it is an error, everything else is what was known before.
    pub error: ErrorCode,
    /// Whether Kafka itself made the topic.
    pub is_internal: bool,
    /// Ids of topics of this name that have been deleted, oldest first.
    pub(super) retired: Vec<Uuid>,
}

impl TopicMetadata {
    /// One partition.
    #[must_use]
    pub fn partition(&self, partition: i32) -> Option<&PartitionMetadata> {
        let dense = usize::try_from(partition).ok().and_then(|index| self.partitions.get(index));
        dense.filter(|found| found.partition == partition).or_else(|| {
            let place = self.partitions.binary_search_by_key(&partition, |p| p.partition).ok()?;
            self.partitions.get(place)
        })
    }

    /// Whether the topic can be worked with: it exists, is allowed, and has partitions.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.error.is_ok() && !self.partitions.is_empty()
    }

    pub(super) fn retire(&mut self, id: Uuid) {
        if self.retired.len() >= RETIRED {
            self.retired.remove(0);
        }
        self.retired.push(id);
    }
}

/// What the cluster said of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// The partition's number.
    pub partition: i32,
    /// The broker that leads it, if there is one.
    pub leader: Option<BrokerId>,
    /// The leader's epoch (KIP-320); −1 if the broker has none to tell.
    pub leader_epoch: i32,
    /// The brokers that have a copy.
    pub replicas: Vec<BrokerId>,
    /// The brokers whose copy is up to date.
    pub isr: Vec<BrokerId>,
    /// What the cluster said of it.
    pub error: ErrorCode,
}
