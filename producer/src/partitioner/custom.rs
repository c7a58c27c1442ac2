//! Partitioners that users write.

use super::routes::{Route, Routes};
use crate::record::Record;

/// A partitioner of the user's own (Java's `partitioner.class`, librdkafka's `partitioner_cb`).
///
/// Every function of the right form is one:
///
/// ```
/// use ottla_producer::{Partitioner, Partitions, Record};
///
/// // The first byte of the key says it; what has none goes to the last partition.
/// let by_letter = |_topic: &str, record: &Record<'_>, partitions: &Partitions<'_>| {
///     let count = partitions.count();
///     match record.key.and_then(|key| key.first()) {
///         Some(&letter) => i32::from(letter) % count,
///         None => count - 1,
///     }
/// };
/// let partitioner = Partitioner::custom(by_letter);
/// ```
pub trait ChoosePartition: Send + Sync + 'static {
    /// The partition of a record that states none: from zero up to, not including,
    /// [`Partitions::count`]. Any other answer refuses the record
    /// ([`Refused::BadPartition`](crate::Refused::BadPartition)).
    ///
    /// It is called by `send` and `try_send`; for records that were sent before their topic was
    /// known, by a task of the producer once it is. No lock is held meanwhile. It may be called
    /// from several threads at a time and must not block. A panic of it is the sender's; in the
    /// producer's task it ends the producer.
    ///
    /// Records that it has placed stay there: they are not moved when the partition fails.
    fn choose(&self, topic: &str, record: &Record<'_>, partitions: &Partitions<'_>) -> i32;
}

impl<F> ChoosePartition for F
where
    F: Fn(&str, &Record<'_>, &Partitions<'_>) -> i32 + Send + Sync + 'static,
{
    fn choose(&self, topic: &str, record: &Record<'_>, partitions: &Partitions<'_>) -> i32 {
        self(topic, record, partitions)
    }
}

/// The partitions of a topic, for a [`ChoosePartition`].
#[derive(Clone, Copy, Debug)]
pub struct Partitions<'a> {
    routes: &'a Routes,
}

/// A partition, for a [`ChoosePartition`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Partition {
    /// Its number.
    pub partition: i32,
    /// Whether a broker leads it. If none does, its records wait for one.
    pub has_leader: bool,
    /// Whether a broker leads it and nothing speaks against it: it has not failed a moment ago,
    /// and has enough replicas in sync.
    pub is_available: bool,
}

impl<'a> Partitions<'a> {
    pub(super) const fn of(routes: &'a Routes) -> Self {
        Self { routes }
    }

    /// How many there are: at least one.
    #[must_use]
    pub fn count(&self) -> i32 {
        i32::try_from(self.routes.partitions.len()).unwrap_or(i32::MAX)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = Partition> + 'a {
        let seen = |(partition, route): (i32, &Route)| Partition {
            partition,
            has_leader: route.led,
            is_available: route.led && route.healthy,
        };
        (0..).zip(&self.routes.partitions).map(seen)
    }
}
