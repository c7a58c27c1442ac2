use std::sync::Arc;

use arc_swap::ArcSwap;
use ottla_client::{Client, Topic};
use parking_lot::Mutex;

use super::topic::TopicQueues;

/// The topics that records were sent to, found by their number without a lock.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_slot: ArcSwap<Vec<Option<Arc<TopicQueues>>>>,
    writing: Mutex<()>,
}

impl Topics {
    /// Calls `with` with the topic's queues, which are made if this is its first record; `None` if
    /// the topic is not of `client`.
    #[inline]
    pub(crate) fn with<T>(
        &self,
        client: &Client,
        topic: &Topic,
        with: impl FnOnce(&TopicQueues) -> T,
    ) -> Option<T> {
        let slot = topic.slot() as usize;
        if let Some(Some(queues)) = self.by_slot.load().get(slot) {
            return (queues.topic == *topic).then(|| with(queues));
        }
        client.owns(topic).then(|| with(&self.insert(topic, slot)))
    }

    #[cold]
    fn insert(&self, topic: &Topic, slot: usize) -> Arc<TopicQueues> {
        let writing = self.writing.lock();
        let mut by_slot = Vec::clone(&self.by_slot.load());
        if let Some(Some(queues)) = by_slot.get(slot) {
            return Arc::clone(queues);
        }
        if by_slot.len() <= slot {
            by_slot.resize(slot.saturating_add(1), None);
        }
        let queues = TopicQueues::new(topic.clone());
        if let Some(place) = by_slot.get_mut(slot) {
            *place = Some(Arc::clone(&queues));
        }
        self.by_slot.store(Arc::new(by_slot));
        drop(writing);
        queues
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<TopicQueues>> {
        self.by_slot.load().iter().flatten().cloned().collect()
    }
}
