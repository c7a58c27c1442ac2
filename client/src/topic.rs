//! Topic handles: a name looked up once, a number ever after.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use foldhash::HashMap;
use parking_lot::RwLock;

/// A topic of one [`Client`](crate::Client): its name and a small dense number.
///
/// A client gives the same handle for the same name every time, so comparing and hashing cost an
/// integer and tables can be indexed by [`slot`](Self::slot). Cloning costs a reference count.
/// Topics of different clients are never equal, even under the same name.
#[derive(Clone)]
pub struct Topic(Arc<Interned>);

struct Interned {
    name: Box<str>,
    slot: u32,
    interner: u32,
}

impl Topic {
    /// The topic's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The topic's number: counted up from zero within its client.
    #[must_use]
    pub fn slot(&self) -> u32 {
        self.0.slot
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        self.0.slot == other.0.slot && self.0.interner == other.0.interner
    }
}

impl Eq for Topic {}

impl Hash for Topic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0.slot);
    }
}

impl PartialOrd for Topic {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By number: the order in which the topics were first named.
impl Ord for Topic {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.slot, self.0.interner).cmp(&(other.0.slot, other.0.interner))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({:?})", self.name())
    }
}

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Topic,
    /// The partition's number, from zero.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    #[must_use]
    pub const fn new(topic: Topic, partition: i32) -> Self {
        Self { topic, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// All topics a client has been asked for.
///
/// Names are never forgotten: only names the application spells come here, never a broker's.
pub(crate) struct Topics {
    id: u32,
    by_name: RwLock<HashMap<Box<str>, Topic>>,
}

impl Topics {
    pub(crate) fn new() -> Self {
        // Only told apart, never shown or ordered by: a process-wide count does no harm to traces.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), by_name: RwLock::default() }
    }

    pub(crate) fn intern(&self, name: &str) -> Topic {
        if let Some(topic) = self.by_name.read().get(name) {
            return topic.clone();
        }
        let mut by_name = self.by_name.write();
        if let Some(topic) = by_name.get(name) {
            return topic.clone();
        }
        let slot = u32::try_from(by_name.len()).unwrap_or(u32::MAX);
        let topic = Topic(Arc::new(Interned { name: name.into(), slot, interner: self.id }));
        by_name.insert(name.into(), topic.clone());
        topic
    }

    pub(crate) fn known(&self, name: &str) -> Option<Topic> {
        self.by_name.read().get(name).cloned()
    }

    pub(crate) fn owns(&self, topic: &Topic) -> bool {
        topic.0.interner == self.id
    }
}

#[cfg(test)]
mod tests {
    use super::{TopicPartition, Topics};

    #[test]
    fn the_same_name_is_the_same_topic() {
        let topics = Topics::new();
        let (a, b) = (topics.intern("a"), topics.intern("b"));
        assert_eq!(topics.intern("a"), a);
        assert_ne!(a, b);
        assert_eq!((a.slot(), b.slot()), (0, 1));
        assert_eq!(TopicPartition::new(b, 3).to_string(), "b-3");
    }

    #[test]
    fn topics_of_two_clients_are_told_apart() {
        let (left, right) = (Topics::new(), Topics::new());
        let (a, other) = (left.intern("a"), right.intern("a"));
        assert_ne!(a, other);
        assert!(left.owns(&a) && !left.owns(&other));
    }
}
