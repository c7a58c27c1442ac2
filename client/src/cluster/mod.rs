//! What is known about the cluster, as an immutable snapshot.

mod hint;
mod listed;
mod merge;
mod partition;

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;
use ottla_protocol::Uuid;

use crate::broker::BrokerId;
use crate::connector::Address;
use crate::topic::Topic;

pub use self::hint::LeaderHint;
pub use self::listed::ListedTopic;
pub use self::partition::{PartitionMetadata, TopicMetadata};

/// A snapshot of the cluster: its brokers and the topics that are followed.
///
/// A new snapshot shares everything with the old one that did not change.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    version: u64,
    id: Option<Arc<str>>,
    controller: Option<BrokerId>,
    brokers: BTreeMap<BrokerId, Broker>,
    /// By slot.
    topics: Vec<Option<Arc<TopicMetadata>>>,
    by_id: HashMap<Uuid, Topic>,
}

/// A broker as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: BrokerId,
    /// Where it listens.
    pub address: Address,
    /// Its rack, if it has one.
    pub rack: Option<Arc<str>>,
}

impl Cluster {
    /// Counts changes: zero before anything is known.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The cluster's own id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The broker that takes administrative requests. Under KRaft any broker does and passes them
    /// on; the cluster then names one of them.
    #[must_use]
    pub fn controller(&self) -> Option<BrokerId> {
        self.controller
    }

    /// All brokers, by id.
    pub fn brokers(&self) -> impl Iterator<Item = &Broker> {
        self.brokers.values()
    }

    /// One broker.
    #[must_use]
    pub fn broker(&self, id: BrokerId) -> Option<&Broker> {
        self.brokers.get(&id)
    }

    /// All topics that anything is known of.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicMetadata>> {
        self.topics.iter().flatten()
    }

    /// What is known of a topic. Look at its `error`: what was known before a topic became
    /// unavailable is kept.
    #[must_use]
    pub fn topic(&self, topic: &Topic) -> Option<&Arc<TopicMetadata>> {
        self.topics.get(slot(topic))?.as_ref()
    }

    /// The topic that has this id now.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicMetadata>> {
        self.topic(self.by_id.get(&id)?)
    }

    /// One partition of a topic.
    #[must_use]
    pub fn partition(&self, topic: &Topic, partition: i32) -> Option<&PartitionMetadata> {
        self.topic(topic)?.partition(partition)
    }

    fn set_topic(&mut self, topic: Arc<TopicMetadata>) {
        let slot = slot(&topic.topic);
        if self.topics.len() <= slot {
            self.topics.resize(slot + 1, None);
        }
        if let Some(place) = self.topics.get_mut(slot) {
            if let Some(earlier) = place.as_ref().filter(|earlier| earlier.id != topic.id) {
                self.by_id.remove(&earlier.id);
            }
            if !topic.id.is_zero() {
                self.by_id.insert(topic.id, topic.topic.clone());
            }
            *place = Some(topic);
        }
    }
}

fn slot(topic: &Topic) -> usize {
    topic.slot() as usize
}
