//! Settings of a single topic, where they differ from the producer's.

use std::time::Duration;

use ottla_protocol::compression::Compression;

use super::{Acks, ProducerConfig};
use crate::partitioner::Partitioner;

/// Settings of a single topic; what is not set is as for the whole producer.
///
/// Given to [`ProducerBuilder::topic_settings`](crate::ProducerBuilder::topic_settings). They are
/// looked up once, with the first record to the topic, and cost later records nothing.
///
/// ```
/// use ottla_producer::{Compression, TopicSettings};
///
/// let logs = TopicSettings::new().compression(Compression::Lz4);
/// assert_eq!(logs.compression, Some(Compression::Lz4));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TopicSettings {
    /// See [`TopicSettings::acks`].
    pub acks: Option<Acks>,
    /// See [`TopicSettings::compression`].
    pub compression: Option<Compression>,
    /// See [`TopicSettings::compression_level`].
    pub compression_level: Option<i32>,
    /// See [`TopicSettings::partitioner`].
    pub partitioner: Option<Partitioner>,
    /// See [`TopicSettings::ttl`].
    pub ttl: Option<Duration>,
    /// See [`TopicSettings::buffer_memory`].
    pub buffer_memory: Option<usize>,
    /// See [`TopicSettings::buffer_records`].
    pub buffer_records: Option<usize>,
}

impl TopicSettings {
    /// Everything as for the whole producer.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            acks: None,
            compression: None,
            compression_level: None,
            partitioner: None,
            ttl: None,
            buffer_memory: None,
            buffer_records: None,
        }
    }

    /// How many replicas must have a record of this topic before it counts as written. Anything
    /// less than all needs [`idempotence`](crate::ProducerBuilder::idempotence) to be off.
    ///
    /// Topics with different acks do not share requests.
    #[must_use]
    pub const fn acks(mut self, acks: Acks) -> Self {
        self.acks = Some(acks);
        self
    }

    /// The codec of this topic's batches.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// The level of this topic's codec. If it is not set: the producer's, where the codec is the
    /// producer's too, else the codec's own.
    #[must_use]
    pub const fn compression_level(mut self, level: i32) -> Self {
        self.compression_level = Some(level);
        self
    }

    /// How partitions of this topic are chosen for records that state none.
    #[must_use]
    pub fn partitioner(mut self, partitioner: Partitioner) -> Self {
        self.partitioner = Some(partitioner);
        self
    }

    /// How long a record of this topic is worth sending, counted from `send`; see
    /// [`ProducerBuilder::ttl`](crate::ProducerBuilder::ttl). A
    /// [record's own](crate::Record::ttl) goes before it.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The memory for records of this topic that have no outcome yet, in bytes of allocated
    /// capacity; within that of the producer.
    #[must_use]
    pub const fn buffer_memory(mut self, bytes: usize) -> Self {
        self.buffer_memory = Some(bytes);
        self
    }

    /// The most records of this topic that have no outcome yet.
    #[must_use]
    pub const fn buffer_records(mut self, records: usize) -> Self {
        self.buffer_records = Some(records);
        self
    }
}

/// What holds for one topic, found out once: its own settings over the producer's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TopicConfig {
    pub(crate) acks: Acks,
    pub(crate) compression: Compression,
    pub(crate) compression_level: Option<i32>,
    pub(crate) partitioner: Partitioner,
    /// How many replicas of a partition have to be in sync for keyless records to go there.
    pub(crate) min_in_sync_replicas: usize,
    pub(crate) ttl: Option<Duration>,
    pub(crate) buffer_memory: Option<usize>,
    pub(crate) buffer_records: Option<usize>,
}

impl TopicConfig {
    pub(crate) fn of(config: &ProducerConfig, topic: &str) -> Self {
        let producers = TopicSettings::new();
        let own = config.topics.get(topic).unwrap_or(&producers);
        let compression = own.compression.unwrap_or(config.compression);
        // A level means something to its codec only.
        let level = config.compression_level.filter(|_| compression == config.compression);
        let acks = own.acks.unwrap_or(config.acks);
        // The others do not wait for replicas.
        let waits = acks == Acks::All;
        Self {
            acks,
            min_in_sync_replicas: if waits { config.min_in_sync_replicas } else { 0 },
            compression,
            compression_level: own.compression_level.or(level),
            partitioner: own.partitioner.as_ref().unwrap_or(&config.partitioner).clone(),
            ttl: own.ttl.or(config.ttl),
            buffer_memory: own.buffer_memory,
            buffer_records: own.buffer_records,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(topic: TopicSettings) -> ProducerConfig {
        let mut config = ProducerConfig {
            compression: Compression::Zstd,
            compression_level: Some(9),
            ..ProducerConfig::default()
        };
        config.topics.insert("own".to_owned(), topic);
        config
    }

    #[test]
    fn what_a_topic_does_not_set_is_the_producers() {
        let config = config(TopicSettings::new().acks(Acks::Leader));
        let own = TopicConfig::of(&config, "own");
        assert_eq!(
            (own.acks, own.compression, own.compression_level),
            (Acks::Leader, Compression::Zstd, Some(9))
        );
        assert_eq!(TopicConfig::of(&config, "other").acks, Acks::All);
    }

    #[test]
    fn a_level_goes_with_its_codec() {
        let level = |topic| TopicConfig::of(&config(topic), "own").compression_level;
        assert_eq!(level(TopicSettings::new().compression(Compression::Gzip)), None);
        assert_eq!(level(TopicSettings::new().compression(Compression::Zstd)), Some(9));
        assert_eq!(level(TopicSettings::new().compression_level(3)), Some(3));
    }
}
