//! Leaders named in Produce and Fetch errors (KIP-951), and brokers named elsewhere.

use std::sync::Arc;

use ottla_protocol::ErrorCode;

use super::{Broker, Cluster};
use crate::broker::BrokerId;
use crate::topic::{Topic, TopicPartition};

/// The present leader of a partition, as a broker that no longer leads it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderHint {
    /// The partition.
    pub at: TopicPartition,
    /// Who leads it.
    pub leader: BrokerId,
    /// The leader's epoch. A hint counts only if this is newer than what is known.
    pub leader_epoch: i32,
}

impl Cluster {
    /// This snapshot with hints taken in, or `None` if they tell nothing new.
    ///
    /// `brokers` are those the answer with the hints described; they replace what was known of
    /// the same ids. A hint to a broker that nobody described is left out.
    pub(crate) fn hinted<'a>(
        &self,
        hints: impl IntoIterator<Item = &'a LeaderHint>,
        brokers: impl IntoIterator<Item = Broker>,
    ) -> Option<Self> {
        let mut next = self.clone();
        let mut changed = false;
        for broker in brokers {
            if broker.id.0 >= 0 && self.broker(broker.id) != Some(&broker) {
                next.brokers.insert(broker.id, broker);
                changed = true;
            }
        }
        for hint in hints {
            changed |= next.take_hint(hint);
        }
        changed.then(|| {
            next.version += 1;
            next
        })
    }

    fn take_hint(&mut self, hint: &LeaderHint) -> bool {
        let TopicPartition { topic, partition } = &hint.at;
        let newer = |known: i32| hint.leader_epoch >= 0 && hint.leader_epoch > known;
        if !self.brokers.contains_key(&hint.leader)
            || !self.partition(topic, *partition).is_some_and(|known| newer(known.leader_epoch))
        {
            return false;
        }
        let Some(known) = self.topic_mut(topic) else {
            return false;
        };
        let Some(known) = known.partitions.iter_mut().find(|known| known.partition == *partition)
        else {
            return false;
        };
        known.leader = Some(hint.leader);
        known.leader_epoch = hint.leader_epoch;
        known.error = ErrorCode::NONE;
        true
    }

    fn topic_mut(&mut self, topic: &Topic) -> Option<&mut super::TopicMetadata> {
        self.topics.get_mut(super::slot(topic))?.as_mut().map(Arc::make_mut)
    }
}
