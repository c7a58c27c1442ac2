//! A record to keep.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ottla_client::{Topic, TopicPartition};
use ottla_protocol::records::{Headers, RecordSpan, RecordView};

use crate::fetch::Charge;
use crate::mark::{AssignmentEpoch, Mark};
use crate::record_batch::Chunk;

/// A record of its own, sharing the bytes of the batch it came in.
///
/// Cloning and dropping cost a refcount. It keeps its whole batch in memory;
/// [`detach`](Self::detach) copies it out.
#[derive(Clone)]
pub struct Message {
    chunk: Arc<Chunk>,
    span: RecordSpan,
}

impl Message {
    pub(crate) fn of(chunk: Arc<Chunk>, view: &RecordView<'_>) -> Self {
        Self { chunk, span: view.span() }
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.chunk.at.topic
    }

    /// The partition's number.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.chunk.at.partition
    }

    /// Topic and partition.
    #[must_use]
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.chunk.at
    }

    /// The assignment in which the record was handed out.
    #[must_use]
    pub fn epoch(&self) -> AssignmentEpoch {
        self.chunk.epoch
    }

    /// The offset in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.span.offset
    }

    /// Milliseconds since the Unix epoch: when the record was made, or, where the topic says so,
    /// appended. -1 if it has none.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.span.timestamp
    }

    /// The epoch of the leader that wrote the record's batch; -1 if it is not known.
    #[must_use]
    pub fn leader_epoch(&self) -> i32 {
        self.chunk.leader_epoch
    }

    /// The key; null is `None`.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.span.key(&self.chunk.records)
    }

    /// The value; null, a deletion where the topic is compacted, is `None`.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.span.value(&self.chunk.records)
    }

    /// The key as a slice that shares the batch's memory. Unlike the message it is not counted
    /// in the consumer's `buffer_memory`.
    #[must_use]
    pub fn key_bytes(&self) -> Option<Bytes> {
        self.span.key_bytes(&self.chunk.records)
    }

    /// The value as a slice that shares the batch's memory. Unlike the message it is not counted
    /// in the consumer's `buffer_memory`.
    #[must_use]
    pub fn value_bytes(&self) -> Option<Bytes> {
        self.span.value_bytes(&self.chunk.records)
    }

    /// The headers in their order.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        self.span.headers(&self.chunk.records)
    }

    /// The mark that says this record and all before it in its partition are done.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.chunk.mark(self.span.offset.saturating_add(1))
    }

    /// How many bytes of memory this message keeps from being freed: those of its batch.
    #[must_use]
    pub fn pinned_bytes(&self) -> usize {
        self.chunk.records.len()
    }

    /// The same message in memory of its own, so that its batch can be freed.
    #[must_use]
    pub fn detach(&self) -> Self {
        let (records, span) = self.span.detach(&self.chunk.records);
        let chunk = Chunk {
            at: self.chunk.at.clone(),
            slot: self.chunk.slot,
            epoch: self.chunk.epoch,
            generation: self.chunk.generation,
            leader_epoch: self.chunk.leader_epoch,
            records,
            _charge: Charge::none(),
        };
        Self { chunk: Arc::new(chunk), span }
    }
}

impl fmt::Debug for Message {
    /// Where it is from and how large its parts are; contents may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("at", &format_args!("{}@{}", self.chunk.at, self.span.offset))
            .field("timestamp", &self.span.timestamp)
            .field("key_len", &self.key().map(<[u8]>::len))
            .field("value_len", &self.value().map(<[u8]>::len))
            .field("headers", &self.headers())
            .finish()
    }
}
