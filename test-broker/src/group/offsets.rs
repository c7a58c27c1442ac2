//! The offsets a group has committed.

use std::collections::BTreeMap;

/// One committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// By topic, then partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommittedOffsets {
    topics: BTreeMap<String, BTreeMap<i32, CommittedOffset>>,
}

impl CommittedOffsets {
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.topics.get(topic)?.get(&partition)
    }

    pub(crate) fn set(&mut self, topic: &str, partition: i32, offset: CommittedOffset) {
        match self.topics.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, offset);
            }
            None => {
                self.topics.insert(topic.to_owned(), BTreeMap::from([(partition, offset)]));
            }
        }
    }

    /// Forgets a topic that was deleted.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = (&str, &BTreeMap<i32, CommittedOffset>)> {
        self.topics.iter().map(|(topic, partitions)| (topic.as_str(), partitions))
    }
}
