use std::fmt;

use bytes::Bytes;

/// A record of objects, for a [`LateProducer`](super::LateProducer).
#[derive(Clone)]
#[non_exhaustive]
pub struct LateRecord<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// The headers in order; keys may repeat.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// The partition, if the partitioner is not to choose.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; when it is given to `send` if `None`.
    pub timestamp: Option<i64>,
}

impl<K, V> LateRecord<K, V> {
    /// A record with this key and value and nothing else.
    pub const fn new(key: K, value: V) -> Self {
        Self { key, value, headers: Vec::new(), partition: None, timestamp: None }
    }

    /// The same record with one more header.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<Option<Bytes>>) -> Self {
        self.headers.push((key.into(), value.into()));
        self
    }

    /// The same record for this partition.
    #[must_use]
    pub const fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The same record with this timestamp, in milliseconds since the epoch.
    #[must_use]
    pub const fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }
}

impl<K, V> fmt::Debug for LateRecord<K, V> {
    /// Without the objects, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateRecord")
            .field("headers", &self.headers.len())
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}
