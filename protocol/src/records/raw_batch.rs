//! A closed batch whose records are not compressed yet.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;

use super::batch_header::BATCH_HEADER_LEN;
use super::builder::BatchBuilder;
use super::chunk_pool::{ChunkPool, MAX_CHUNK};
use super::record::{RawRecord, RecordView};
use super::record_iter::{Frame, RecordCursor, RecordError};

/// A closed batch: raw, without sequence, its records still readable.
///
/// It can be [compressed](super::SealedBatch::compress) or [sent as it is](super::SealedBatch).
#[derive(Clone)]
pub struct RawBatch {
    pub(super) chunks: Vec<RawChunk>,
    pub(super) count: u32,
    pub(super) payload_len: usize,
    pub(super) base_timestamp: i64,
    /// `i64::MIN` if there is no record.
    pub(super) max_timestamp: i64,
    /// Where every so many records one begins; found when somebody asks for a single record.
    pub(super) marks: OnceLock<Box<[Mark]>>,
}

/// Where a record begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// The index of its chunk.
    chunk: usize,
    /// In that chunk, or at its end: then it is the next one's first.
    position: usize,
}

/// Every so many records one is marked: single ones are found by skipping fewer than these, for
/// half a byte of memory each.
const MARK_EVERY: u32 = 32;

/// Whole records.
#[derive(Clone)]
pub(super) struct RawChunk {
    pub(super) bytes: Bytes,
    /// The index of its first record.
    pub(super) first: u32,
    /// Bytes allocated for it.
    pub(super) capacity: usize,
}

impl RawBatch {
    /// Records in the batch.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether there is no record in the batch.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the whole batch, uncompressed, its header included.
    pub const fn encoded_len(&self) -> usize {
        BATCH_HEADER_LEN + self.payload_len
    }

    /// Bytes allocated: what a memory budget charges.
    pub fn capacity(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity).sum()
    }

    /// What the records' timestamps are written relative to: the first one's, unless it was removed.
    pub const fn base_timestamp(&self) -> i64 {
        self.base_timestamp
    }

    /// The largest timestamp of a record.
    pub fn max_timestamp(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max_timestamp)
    }

    /// The records in order; their offsets are their indexes.
    pub fn records(&self) -> RawRecords<'_> {
        RawRecords { batch: self, chunk: 0, cursor: self.cursor(0) }
    }

    /// The record with this index.
    ///
    /// The first call reads through the batch once; after that a record is found by skipping 31
    /// others at most, so that asking for all of them one by one takes time in proportion to them.
    pub fn record(&self, index: u32) -> Option<RecordView<'_>> {
        self.records_from(index).next()
    }

    /// The records from the one with this index on, in order; none if there are not so many.
    pub fn records_from(&self, index: u32) -> impl Iterator<Item = RecordView<'_>> {
        let marks = self.marks.get_or_init(|| self.find_marks());
        let records = marks.get((index / MARK_EVERY) as usize).map(|mark| {
            let first = index - index % MARK_EVERY;
            let cursor = RecordCursor::starting_at(first, mark.position, self.frame());
            let records = RawRecords { batch: self, chunk: mark.chunk, cursor };
            records.skip((index % MARK_EVERY) as usize)
        });
        records.into_iter().flatten()
    }

    /// The records for which `keep`, called with each index in order, says yes, as a batch whose
    /// offset deltas have no gaps.
    #[must_use = "the batch itself is unchanged"]
    pub fn retain(&self, keep: impl FnMut(u32) -> bool, pool: &ChunkPool) -> Self {
        self.rewrite(0, keep, pool)
    }

    /// Copies of the records with these indexes, which ascend, as a batch of their own that takes no
    /// more memory than they do.
    ///
    /// It costs a look through each chunk that holds one of them.
    pub fn pick(&self, indexes: &[u32], pool: &ChunkPool) -> Self {
        let chunks = self.chunks.iter().map(|chunk| (chunk.first, chunk.bytes.as_ref()));
        pick(chunks, self.base_timestamp, indexes, pool)
    }

    /// Takes the records of the first chunk out, as a batch that shares their memory; `None` if
    /// there is no record.
    ///
    /// Those that remain keep their offset deltas, which then do not begin at zero: they must be
    /// [retained](Self::retain) before they are sealed. `retain` and [`pick`](Self::pick) go on
    /// counting from the first record there was, everything else from the first there is.
    pub fn pop_chunk(&mut self) -> Option<Self> {
        if self.chunks.is_empty() {
            return None;
        }
        let chunk = self.chunks.remove(0);
        let count = match self.chunks.first() {
            Some(next) => next.first - chunk.first,
            None => self.count,
        };
        let payload_len = chunk.bytes.len();
        self.count -= count;
        self.payload_len -= payload_len;
        // Marks were made with the chunks that there were.
        self.marks = OnceLock::new();
        let chunks = vec![chunk];
        Some(Self { chunks, count, payload_len, marks: OnceLock::new(), ..*self })
    }

    /// How many records have been [taken](Self::pop_chunk) off its front.
    pub fn first_index(&self) -> u32 {
        self.chunks.first().map_or(0, |chunk| chunk.first)
    }

    /// Counted from the first record there was, the first one behind the first chunk; `None` if
    /// there is no record.
    pub fn first_chunk_end(&self) -> Option<u32> {
        let first = self.chunks.first()?.first;
        Some(self.chunks.get(1).map_or(first + self.count, |next| next.first))
    }

    /// The records before `index` and those from it on, as two batches (KIP-126).
    ///
    /// The first shares this batch's memory.
    pub fn split_at(&self, index: u32, pool: &ChunkPool) -> (Self, Self) {
        let index = index.min(self.count);
        (self.front(index), self.rewrite(index, |_| true, pool))
    }

    /// The index of the record that begins the second half of the batch's bytes; the first record
    /// only if there is no other.
    ///
    /// It reads through one chunk.
    pub fn middle(&self) -> u32 {
        let half = self.payload_len / 2;
        let mut before = 0;
        let mut middle = 0;
        for chunk in &self.chunks {
            if before + chunk.bytes.len() >= half {
                let mut cursor = self.cursor(chunk.first);
                middle = chunk.first;
                while before + cursor.position() < half && cursor.step(&chunk.bytes).is_ok() {
                    middle += 1;
                }
                break;
            }
            before += chunk.bytes.len();
        }
        middle.max(1).min(self.count.saturating_sub(1))
    }

    /// The inflated records of a batch that was compressed, cut where chunks may end.
    pub(super) fn from_records(
        records: &Bytes,
        base_timestamp: i64,
        count: u32,
    ) -> Result<Self, RecordError> {
        let mut batch = Self {
            chunks: Vec::new(),
            count,
            payload_len: records.len(),
            base_timestamp,
            max_timestamp: i64::MIN,
            marks: OnceLock::new(),
        };
        let mut cursor = batch.cursor(0);
        let (mut start, mut first) = (0, 0);
        loop {
            let index = count - cursor.left();
            let end = cursor.position();
            let record = cursor.next(records).transpose()?;
            if record.is_none() || cursor.position() - start > MAX_CHUNK && end > start {
                let bytes = records.slice(start..end);
                batch.chunks.push(RawChunk { capacity: bytes.len(), bytes, first });
                (start, first) = (end, index);
            }
            match record {
                Some(record) => batch.max_timestamp = batch.max_timestamp.max(record.timestamp),
                None => return Ok(batch),
            }
        }
    }

    /// Gives back the memory of chunks that are mostly empty.
    fn trim(&mut self) {
        for chunk in &mut self.chunks {
            if chunk.capacity / 2 > chunk.bytes.len() {
                chunk.bytes = Bytes::copy_from_slice(&chunk.bytes);
                chunk.capacity = chunk.bytes.len();
            }
        }
    }

    fn find_marks(&self) -> Box<[Mark]> {
        let mut marks = Vec::new();
        let mut records = self.records();
        for index in 0..self.count {
            if index % MARK_EVERY == 0 {
                marks.push(Mark { chunk: records.chunk, position: records.cursor.position() });
            }
            if records.next().is_none() {
                break;
            }
        }
        marks.into()
    }

    /// A cursor at the start of the chunk whose first record has this index.
    fn cursor(&self, first: u32) -> RecordCursor {
        RecordCursor::starting_at(first, 0, self.frame())
    }

    const fn frame(&self) -> Frame {
        Frame {
            base_offset: 0,
            last_offset_delta: i32::MAX,
            base_timestamp: self.base_timestamp,
            append_time: None,
            count: self.count,
        }
    }

    fn front(&self, index: u32) -> Self {
        let mut chunks = Vec::new();
        let (mut payload_len, mut max_timestamp) = (0, i64::MIN);
        for chunk in self.chunks.iter().take_while(|chunk| chunk.first < index) {
            let mut cursor = self.cursor(chunk.first);
            while let Ok(view) = cursor.step(&chunk.bytes) {
                max_timestamp = max_timestamp.max(view.timestamp);
                if view.offset + 1 == i64::from(index) {
                    break;
                }
            }
            let bytes = chunk.bytes.slice(..cursor.position());
            payload_len += bytes.len();
            chunks.push(RawChunk { bytes, ..*chunk });
        }
        Self {
            chunks,
            count: index,
            payload_len,
            base_timestamp: self.base_timestamp,
            max_timestamp,
            marks: OnceLock::new(),
        }
    }

    fn rewrite(&self, from: u32, mut keep: impl FnMut(u32) -> bool, pool: &ChunkPool) -> Self {
        // The base timestamp stays, so that every delta stays valid; Kafka keeps it too when it
        // compacts away a first record.
        let mut kept = BatchBuilder::with_base_timestamp(Some(self.base_timestamp));
        let skipped = self.chunks.partition_point(|chunk| chunk.first <= from).saturating_sub(1);
        for chunk in self.chunks.iter().skip(skipped) {
            let mut rest: &[u8] = &chunk.bytes;
            for index in chunk.first.. {
                if rest.is_empty() {
                    break;
                }
                let Ok(record) = RawRecord::take(&mut rest) else {
                    debug_assert!(false, "a raw batch holds what was encoded here or checked");
                    break;
                };
                if index >= from && keep(index) {
                    let timestamp = self.base_timestamp.saturating_add(record.timestamp_delta);
                    kept.append_again(&record, timestamp, pool);
                }
            }
        }
        kept.seal()
    }
}

/// Copies of the records with these indexes out of chunks, each with the index of its first record.
pub(super) fn pick<'a>(
    chunks: impl Iterator<Item = (u32, &'a [u8])>,
    base_timestamp: i64,
    indexes: &[u32],
    pool: &ChunkPool,
) -> RawBatch {
    let mut picked = BatchBuilder::with_base_timestamp(Some(base_timestamp));
    let mut wanted = indexes.iter().copied().peekable();
    let mut chunks = chunks.peekable();
    while let (Some((first, mut rest)), Some(&next)) = (chunks.next(), wanted.peek()) {
        if chunks.peek().is_some_and(|&(behind, _)| behind <= next) {
            continue;
        }
        for index in first.. {
            let Ok(record) = RawRecord::take(&mut rest) else { break };
            if wanted.next_if_eq(&index).is_some() {
                let timestamp = base_timestamp.saturating_add(record.timestamp_delta);
                picked.append_again(&record, timestamp, pool);
            }
            if rest.is_empty() || wanted.peek().is_none() {
                break;
            }
        }
    }
    debug_assert!(wanted.next().is_none(), "a record was asked for that is not there");
    let mut picked = picked.seal();
    picked.trim();
    picked
}

impl fmt::Debug for RawBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawBatch")
            .field("count", &self.count)
            .field("encoded_len", &self.encoded_len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// The records of a [`RawBatch`].
#[derive(Clone, Debug)]
pub struct RawRecords<'a> {
    batch: &'a RawBatch,
    chunk: usize,
    cursor: RecordCursor,
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = RecordView<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = &self.batch.chunks.get(self.chunk)?.bytes;
        if self.cursor.position() == bytes.len() {
            self.chunk += 1;
            bytes = &self.batch.chunks.get(self.chunk)?.bytes;
            self.cursor.continue_in_next_bytes();
        }
        let view = self.cursor.step(bytes);
        debug_assert!(view.is_ok(), "a raw batch holds what was encoded here or checked");
        view.ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.cursor.left()).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl ExactSizeIterator for RawRecords<'_> {}
