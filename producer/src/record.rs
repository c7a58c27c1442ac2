//! What goes in and what comes back.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use ottla_protocol::records::{Header, RecordParts, RecordView};

/// A record to send, borrowed: it is encoded into its batch before `send` returns.
///
/// ```
/// use ottla_producer::Record;
///
/// let record = Record::value(b"hello").key(b"greeting");
/// assert_eq!(record.value, Some(&b"hello"[..]));
/// ```
#[derive(Clone, Copy, Default)]
pub struct Record<'a> {
    /// The key; records with equal keys go to the same partition. `None` is a null key.
    pub key: Option<&'a [u8]>,
    /// The value. `None` is a null value: a deletion in a compacted topic.
    pub value: Option<&'a [u8]>,
    /// The headers in order; keys may repeat.
    pub headers: &'a [Header<'a>],
    /// The partition, if the partitioner is not to choose.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; the present time if `None`.
    ///
    /// Up to sixteen records that come within an eighth of a millisecond share one reading of the
    /// clock. Where such a burst breaks off, those that go on with it can be behind by the rest of
    /// the kernel's tick at most, which is 1 to 10 ms.
    pub timestamp: Option<i64>,
    /// How long the record is worth sending, counted from `send`; the topic's or the producer's
    /// [`ttl`](crate::ProducerBuilder::ttl) if `None`.
    pub ttl: Option<Duration>,
}

impl<'a> Record<'a> {
    /// A record with this value and nothing else.
    #[must_use]
    pub const fn value(value: &'a [u8]) -> Self {
        Self::of(None, Some(value))
    }

    /// A record with this key and a null value, which deletes the key in a compacted topic.
    #[must_use]
    pub const fn tombstone(key: &'a [u8]) -> Self {
        Self::of(Some(key), None)
    }

    const fn of(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        Self { key, value, headers: &[], partition: None, timestamp: None, ttl: None }
    }

    /// The same record with this key.
    #[must_use]
    pub const fn key(mut self, key: &'a [u8]) -> Self {
        self.key = Some(key);
        self
    }

    /// The same record with these headers.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [Header<'a>]) -> Self {
        self.headers = headers;
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

    /// The same record with this time to live, counted from `send`: if it is over before the record
    /// is sent, the record comes back with [`Reason::Expired`](crate::Reason::Expired). See
    /// [`ProducerBuilder::ttl`](crate::ProducerBuilder::ttl).
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    pub(crate) const fn parts(&self) -> RecordParts<'a> {
        RecordParts { key: self.key, value: self.value, headers: self.headers }
    }
}

impl fmt::Debug for Record<'_> {
    /// Lengths instead of contents, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key_len", &self.key.map(<[u8]>::len))
            .field("value_len", &self.value.map(<[u8]>::len))
            .field("headers", &self.headers.len())
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .field("ttl", &self.ttl)
            .finish()
    }
}

/// A record that comes back because it was not written, or not surely.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OwnedRecord {
    /// The key.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Option<Bytes>,
    /// The headers in order, each with its key and value.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// The partition it was meant for; `None` if it had not been given one yet.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
}

impl fmt::Debug for OwnedRecord {
    /// Lengths instead of contents, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedRecord")
            .field("key_len", &self.key.as_ref().map(Bytes::len))
            .field("value_len", &self.value.as_ref().map(Bytes::len))
            .field("headers", &self.headers.len())
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

impl OwnedRecord {
    /// A record of the present time with this value and nothing else.
    #[must_use]
    pub fn value(value: impl Into<Bytes>) -> Self {
        let value = Some(value.into());
        Self { value, timestamp: crate::clock::now(), ..Self::default() }
    }

    /// The same record with this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same record for this partition.
    #[must_use]
    pub const fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Calls `with` with the record as it is sent, to send it again, say.
    ///
    /// It asks for the partition it was meant for; set another, or `None` for the partitioner.
    pub fn with_borrowed<T>(&self, with: impl FnOnce(Record<'_>) -> T) -> T {
        with(self.borrowed(&self.borrowed_headers()))
    }

    pub(crate) fn borrowed_headers(&self) -> Vec<Header<'_>> {
        let headers = self.headers.iter();
        headers.map(|(key, value)| Header { key, value: value.as_deref() }).collect()
    }

    pub(crate) fn borrowed<'a>(&'a self, headers: &'a [Header<'a>]) -> Record<'a> {
        Record {
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers,
            partition: self.partition,
            timestamp: Some(self.timestamp),
            ..Record::default()
        }
    }

    pub(crate) fn detach(view: &RecordView<'_>, partition: Option<i32>) -> Self {
        let headers = view
            .headers()
            .filter_map(Result::ok)
            .map(|header| (header.key.to_owned(), header.value.map(Bytes::copy_from_slice)));
        Self {
            key: view.key.map(Bytes::copy_from_slice),
            value: view.value.map(Bytes::copy_from_slice),
            headers: headers.collect(),
            partition,
            timestamp: view.timestamp,
        }
    }
}
