//! Records of one partition, as they were polled.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ottla_client::TopicPartition;
use ottla_protocol::records::{Headers, RecordCursor, RecordView};
use smallvec::SmallVec;

use crate::fetch::Charge;
use crate::mark::{AssignmentEpoch, Mark};
use crate::message::Message;
use crate::partitions::Slot;

/// Records of one partition in the order of their offsets, still in the bytes they came in.
///
/// [`iter`](Self::iter) lends them without allocating; [`messages`](Self::messages) gives them
/// out to keep, for a refcount each. What is kept keeps its batch in memory, and in the
/// consumer's `buffer_memory`, until it is dropped or [detached](Message::detach).
pub struct RecordBatch {
    parts: SmallVec<[Part; 1]>,
    len: usize,
}

/// The inflated records of one batch of the log, shared by all that came out of it.
pub(crate) struct Chunk {
    pub(crate) at: TopicPartition,
    pub(crate) slot: Slot,
    pub(crate) epoch: AssignmentEpoch,
    /// The seek generation of the partition in which it was fetched.
    pub(crate) generation: u64,
    pub(crate) leader_epoch: i32,
    pub(crate) records: Bytes,
    pub(crate) _charge: Charge,
}

impl Chunk {
    pub(crate) fn mark(&self, next_offset: i64) -> Mark {
        Mark { slot: self.slot, epoch: self.epoch, next_offset, leader_epoch: self.leader_epoch }
    }
}

/// A run of records within a chunk.
///
/// Invariant: `cursor` yields at least `count` records from `chunk.records`; it was run to the
/// end once before it came here.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) cursor: RecordCursor,
    pub(crate) count: u32,
    /// The position behind the run.
    pub(crate) next_offset: i64,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("at", &format_args!("{}", self.chunk.at))
            .field("count", &self.count)
            .field("next_offset", &self.next_offset)
            .finish_non_exhaustive()
    }
}

impl RecordBatch {
    /// A batch of parts of one partition and assignment; `None` without a part.
    pub(crate) fn new(parts: SmallVec<[Part; 1]>) -> Option<Self> {
        parts.first()?;
        let len = parts.iter().map(|part| part.count as usize).sum();
        Some(Self { parts, len })
    }

    /// The partition all records are of.
    #[must_use]
    pub fn partition(&self) -> &TopicPartition {
        &self.first().chunk.at
    }

    /// The assignment in which they were handed out.
    #[must_use]
    pub fn epoch(&self) -> AssignmentEpoch {
        self.first().chunk.epoch
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none. A polled batch always has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The position behind the last record, past anything that is not a record, such as
    /// transaction markers or what compaction has removed.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.last().next_offset
    }

    /// The mark that says all of these are done.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let last = self.last();
        last.chunk.mark(last.next_offset)
    }

    /// The records, borrowed. Costs no allocation.
    #[must_use]
    pub fn iter(&self) -> Records<'_> {
        Records { parts: self.parts.iter(), current: None, left: self.len }
    }

    /// The records as messages that can be kept, for a refcount each.
    #[must_use]
    pub fn messages(&self) -> Messages {
        self.clone_parts().into_messages()
    }

    /// As [`messages`](Self::messages), of a batch that is no longer needed.
    #[must_use]
    pub fn into_messages(self) -> Messages {
        Messages { parts: self.parts.into_iter(), current: None, left: self.len }
    }

    fn clone_parts(&self) -> Self {
        Self { parts: self.parts.clone(), len: self.len }
    }

    #[expect(clippy::indexing_slicing, reason = "invariant: a batch has at least one part")]
    fn first(&self) -> &Part {
        &self.parts[0]
    }

    #[expect(clippy::indexing_slicing, reason = "invariant: a batch has at least one part")]
    fn last(&self) -> &Part {
        &self.parts[self.parts.len() - 1]
    }
}

impl<'a> IntoIterator for &'a RecordBatch {
    type Item = ConsumedRecord<'a>;
    type IntoIter = Records<'a>;

    fn into_iter(self) -> Records<'a> {
        self.iter()
    }
}

impl fmt::Debug for RecordBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBatch")
            .field("partition", &format_args!("{}", self.partition()))
            .field("epoch", &self.epoch())
            .field("len", &self.len)
            .field("next_offset", &self.next_offset())
            .finish()
    }
}

/// A record, borrowed from the batch it was polled in.
#[derive(Clone, Copy)]
pub struct ConsumedRecord<'a> {
    chunk: &'a Arc<Chunk>,
    view: RecordView<'a>,
}

impl<'a> ConsumedRecord<'a> {
    /// The offset in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.view.offset
    }

    /// Milliseconds since the Unix epoch: when the record was made, or, where the topic says so,
    /// appended. -1 if it has none.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.view.timestamp
    }

    /// The key; null is `None`.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        self.view.key
    }

    /// The value; null, a deletion where the topic is compacted, is `None`.
    #[must_use]
    pub fn value(&self) -> Option<&'a [u8]> {
        self.view.value
    }

    /// The headers in their order.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        self.view.headers()
    }

    /// The mark that says this record and all before it are done.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.chunk.mark(self.view.offset.saturating_add(1))
    }

    /// The record to keep, for a refcount.
    #[must_use]
    pub fn to_message(&self) -> Message {
        Message::of(Arc::clone(self.chunk), &self.view)
    }
}

impl fmt::Debug for ConsumedRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(f)
    }
}

/// The records of a batch, borrowed.
#[derive(Clone)]
pub struct Records<'a> {
    parts: std::slice::Iter<'a, Part>,
    current: Option<(&'a Arc<Chunk>, RecordCursor, u32)>,
    left: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = ConsumedRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<ConsumedRecord<'a>> {
        loop {
            if let Some((chunk, cursor, count @ 1..)) = &mut self.current {
                *count -= 1;
                self.left = self.left.saturating_sub(1);
                // Invariant of `Part`: these records have been read once without an error.
                let view = cursor.next(&chunk.records)?.ok()?;
                return Some(ConsumedRecord { chunk, view });
            }
            let part = self.parts.next()?;
            self.current = Some((&part.chunk, part.cursor.clone(), part.count));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Records<'_> {}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The records of a batch as messages that can be kept.
pub struct Messages {
    parts: smallvec::IntoIter<[Part; 1]>,
    current: Option<Part>,
    left: usize,
}

impl Messages {
    /// What is left, as it was polled.
    pub(crate) fn into_parts(self) -> impl DoubleEndedIterator<Item = Part> {
        self.current.filter(|part| part.count > 0).into_iter().chain(self.parts)
    }

    /// The chunk of what comes next, if anything does.
    pub(crate) fn source(&self) -> Option<&Arc<Chunk>> {
        let part = match &self.current {
            Some(part) if part.count > 0 => part,
            _ => self.parts.as_slice().first()?,
        };
        Some(&part.chunk)
    }
}

impl Iterator for Messages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(part @ Part { count: 1.., .. }) = &mut self.current {
                part.count -= 1;
                self.left = self.left.saturating_sub(1);
                let view = part.cursor.next(&part.chunk.records)?.ok()?;
                return Some(Message::of(Arc::clone(&part.chunk), &view));
            }
            self.current = Some(self.parts.next()?);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Messages {}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("left", &self.left).finish_non_exhaustive()
    }
}
