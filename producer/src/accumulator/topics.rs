use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ottla_client::{Client, Topic};

use super::{slots::Slots, topic::TopicQueues};
use crate::core::Core;

/// The topics that records were sent to, found by their number without a lock.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_slot: Slots<Arc<TopicQueues>>,
    /// No topic has a number as high.
    end: AtomicUsize,
}

impl Topics {
    /// The topic's queues, which are made if this is its first record; `None` if the topic is not
    /// of `client`.
    #[inline]
    pub(crate) fn get(&self, core: &Core, client: &Client, topic: &Topic) -> Option<&TopicQueues> {
        match self.by_slot.get(topic.slot() as usize) {
            Some(queues) => (queues.topic == *topic).then_some(queues),
            None => client.owns(topic).then(|| self.insert(core, topic))?,
        }
    }

    #[cold]
    fn insert(&self, core: &Core, topic: &Topic) -> Option<&TopicQueues> {
        let slot = topic.slot() as usize;
        // Whoever finds the topic may wake the router, which has to find it then as well.
        self.end.fetch_max(slot.saturating_add(1), Ordering::SeqCst);
        let queues = self.by_slot.get_or_make(slot, || TopicQueues::new(core, topic.clone()))?;
        Some(queues)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<TopicQueues>> {
        (0..self.end.load(Ordering::SeqCst)).filter_map(|slot| self.by_slot.get(slot))
    }
}
