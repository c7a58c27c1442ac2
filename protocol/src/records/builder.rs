//! An open batch: records are encoded when they are appended.

use std::fmt;
use std::sync::OnceLock;

use thiserror::Error;

use super::batch_header::BATCH_HEADER_LEN;
use super::chunk_pool::{Chunk, ChunkPool, MIN_CHUNK};
use super::raw_batch::{RawBatch, RawChunk, pick};
use super::record::{RawRecord, RecordParts};
use super::varint::{self, Scratch, size_len, zigzag_i64};

/// An open batch.
///
/// Each record is encoded straight into the batch, into chunks that start at 4 KiB and double up to
/// 64 KiB; nothing written is moved again. A record lies in one chunk, which a record that does not
/// fit the rest of the last chunk leaves unfilled.
pub struct BatchBuilder {
    open: Chunk,
    /// The index of the first record in `open`.
    open_first: u32,
    full: Vec<RawChunk>,
    count: u32,
    payload_len: usize,
    capacity: usize,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
}

impl BatchBuilder {
    /// An empty batch; it allocates nothing until the first append.
    pub const fn new() -> Self {
        Self::with_base_timestamp(None)
    }

    pub(super) const fn with_base_timestamp(base_timestamp: Option<i64>) -> Self {
        Self {
            open: Chunk::none(),
            open_first: 0,
            full: Vec::new(),
            count: 0,
            payload_len: 0,
            capacity: 0,
            base_timestamp,
            max_timestamp: i64::MIN,
        }
    }

    /// Bytes by which this record would make the batch longer if it were appended next.
    ///
    /// `usize::MAX` if it cannot be appended to this batch at all.
    pub fn record_len(&self, timestamp: i64, record: &RecordParts<'_>) -> usize {
        let layout = self.layout(timestamp, record).filter(|layout| self.holds(layout.len));
        layout.map_or(usize::MAX, |layout| layout.len)
    }

    /// Appends a record and returns its index in the batch.
    ///
    /// `timestamp` is in milliseconds since the epoch. Memory comes from `pool`.
    ///
    /// # Errors
    ///
    /// The batch is unchanged. If [`AppendError::fits_new_batch`], another batch takes the record.
    pub fn append(
        &mut self,
        timestamp: i64,
        record: &RecordParts<'_>,
        pool: &ChunkPool,
    ) -> Result<u32, AppendError> {
        match self.append_within(usize::MAX, timestamp, record, pool) {
            Some(index) => Ok(index),
            None => Err(self.refusal(timestamp, record)),
        }
    }

    /// As [`append`](Self::append), if the batch with the record has at most `limit` bytes,
    /// uncompressed and with its header. `None` if it has not been appended.
    #[inline]
    pub fn append_within(
        &mut self,
        limit: usize,
        timestamp: i64,
        record: &RecordParts<'_>,
        pool: &ChunkPool,
    ) -> Option<u32> {
        let layout = self.layout(timestamp, record)?;
        if !self.holds(layout.len) || self.encoded_len() + layout.len > limit {
            return None;
        }
        if self.open.room() < layout.len {
            self.open_chunk(layout.len, pool);
        }
        let out = self.open.bytes_mut();
        let mut prefix = Scratch::new();
        prefix.size(layout.body);
        prefix.byte(ATTRIBUTES);
        prefix.varint(layout.timestamp_delta);
        prefix.varint(layout.offset_delta);
        prefix.nullable_size(record.key);
        if let Some(key) = record.key {
            prefix.append_to(out);
            out.extend_from_slice(key);
            prefix = Scratch::new();
        }
        prefix.nullable_size(record.value);
        prefix.append_to(out);
        out.extend_from_slice(record.value.unwrap_or_default());
        put_size(out, record.headers.len());
        for header in record.headers {
            put_field(out, Some(header.key.as_bytes()));
            put_field(out, header.value);
        }
        Some(self.appended(timestamp, layout.len))
    }

    /// Appends a record read from another batch with the same base timestamp.
    ///
    /// Its offset delta becomes the next one here; everything else is copied as it is encoded.
    pub(super) fn append_again(
        &mut self,
        record: &RawRecord<'_>,
        timestamp: i64,
        pool: &ChunkPool,
    ) {
        let timestamp_delta = zigzag_i64(record.timestamp_delta);
        let offset_delta = u64::from(self.count) << 1;
        let body =
            1 + varint::len(timestamp_delta) + varint::len(offset_delta) + record.fields.len();
        let len = size_len(body) + body;
        if self.open.room() < len {
            self.open_chunk(len, pool);
        }
        let out = self.open.bytes_mut();
        let mut prefix = Scratch::new();
        prefix.size(body);
        prefix.byte(ATTRIBUTES);
        prefix.varint(timestamp_delta);
        prefix.varint(offset_delta);
        prefix.append_to(out);
        out.extend_from_slice(record.fields);
        self.appended(timestamp, len);
    }

    /// Records in the batch.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether there is no record in the batch.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the whole batch, uncompressed, its header of 61 bytes included.
    pub const fn encoded_len(&self) -> usize {
        BATCH_HEADER_LEN + self.payload_len
    }

    /// Bytes allocated: what a memory budget charges.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The timestamp of the first record.
    pub const fn base_timestamp(&self) -> Option<i64> {
        self.base_timestamp
    }

    /// The largest timestamp of a record.
    pub fn max_timestamp(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max_timestamp)
    }

    /// Copies of the records with these indexes, which ascend, as a batch of their own; see
    /// [`RawBatch::pick`].
    pub fn pick(&self, indexes: &[u32], pool: &ChunkPool) -> RawBatch {
        let full = self.full.iter().map(|chunk| (chunk.first, chunk.bytes.as_ref()));
        let open = std::iter::once((self.open_first, self.open.bytes()));
        pick(full.chain(open), self.base_timestamp.unwrap_or_default(), indexes, pool)
    }

    /// Closes the batch.
    pub fn seal(mut self) -> RawBatch {
        self.close_chunk();
        RawBatch {
            chunks: self.full,
            count: self.count,
            payload_len: self.payload_len,
            base_timestamp: self.base_timestamp.unwrap_or_default(),
            max_timestamp: self.max_timestamp,
            marks: OnceLock::new(),
        }
    }

    #[inline]
    fn appended(&mut self, timestamp: i64, len: usize) -> u32 {
        let index = self.count;
        self.count += 1;
        self.payload_len += len;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        if self.base_timestamp.is_none() {
            self.base_timestamp = Some(timestamp);
        }
        index
    }

    /// How the record would be encoded next; `None` if its timestamp is too far from the first.
    #[inline]
    fn layout(&self, timestamp: i64, record: &RecordParts<'_>) -> Option<Layout> {
        let delta = timestamp.checked_sub(self.base_timestamp.unwrap_or(timestamp))?;
        let timestamp_delta = zigzag_i64(delta);
        let offset_delta = u64::from(self.count) << 1;
        let mut fields = field_len(record.key).saturating_add(field_len(record.value));
        for header in record.headers {
            fields = fields
                .saturating_add(field_len(Some(header.key.as_bytes())))
                .saturating_add(field_len(header.value));
        }
        let body = fields.saturating_add(
            1 + varint::len(timestamp_delta)
                + varint::len(offset_delta)
                + size_len(record.headers.len()),
        );
        let len = body.saturating_add(size_len(body));
        Some(Layout { timestamp_delta, offset_delta, body, len })
    }

    /// Whether the format allows for another record of so many bytes.
    #[inline]
    const fn holds(&self, len: usize) -> bool {
        len <= MAX_PAYLOAD - self.payload_len && self.count < MAX_COUNT
    }

    #[cold]
    fn refusal(&self, timestamp: i64, record: &RecordParts<'_>) -> AppendError {
        let record_len = match self.layout(timestamp, record) {
            Some(layout) => layout.len,
            None => {
                let base = self.base_timestamp.unwrap_or(timestamp);
                return AppendError::TimestampDelta { base, timestamp };
            }
        };
        if record_len > MAX_PAYLOAD {
            AppendError::RecordTooLarge { record_len }
        } else {
            AppendError::BatchFull {
                count: self.count,
                encoded_len: self.encoded_len(),
                record_len,
            }
        }
    }

    #[cold]
    fn open_chunk(&mut self, room: usize, pool: &ChunkPool) {
        let wanted = if self.capacity == 0 { MIN_CHUNK } else { self.open.capacity() * 2 };
        self.close_chunk();
        self.open = pool.take(room, wanted);
        self.open_first = self.count;
        self.capacity += self.open.capacity();
    }

    fn close_chunk(&mut self) {
        let chunk = std::mem::replace(&mut self.open, Chunk::none());
        if !chunk.is_empty() {
            let capacity = chunk.capacity();
            let first = self.open_first;
            self.full.push(RawChunk { bytes: chunk.into_bytes(), first, capacity });
        }
    }
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("count", &self.count)
            .field("encoded_len", &self.encoded_len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Why a record was not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The distance between the record's timestamp and the batch's first does not fit 64 bits.
    #[error("timestamp {timestamp} is too far from the batch's base timestamp {base}")]
    TimestampDelta {
        /// The batch's base timestamp.
        base: i64,
        /// The record's.
        timestamp: i64,
    },
    /// With this record the batch would exceed what its format can hold: 2^31 bytes or records.
    #[error("a batch of {count} records and {encoded_len} bytes has no room for {record_len} more")]
    BatchFull {
        /// Records in the batch.
        count: u32,
        /// Bytes of the batch.
        encoded_len: usize,
        /// Bytes the record would add.
        record_len: usize,
    },
    /// No batch can hold the record.
    #[error("a record of {record_len} bytes is larger than any batch can be")]
    RecordTooLarge {
        /// Bytes of the encoded record; `usize::MAX` stands for more.
        record_len: usize,
    },
}

impl AppendError {
    /// Whether a new, empty batch would take the record.
    pub const fn fits_new_batch(&self) -> bool {
        !matches!(self, Self::RecordTooLarge { .. })
    }
}

struct Layout {
    /// Zigzagged.
    timestamp_delta: u64,
    /// Zigzagged.
    offset_delta: u64,
    /// Bytes after the length.
    body: usize,
    /// All bytes.
    len: usize,
}

#[inline]
pub(super) fn field_len(field: Option<&[u8]>) -> usize {
    match field {
        Some(bytes) => bytes.len().saturating_add(size_len(bytes.len())),
        None => 1,
    }
}

#[inline]
pub(super) fn put_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        Some(bytes) => {
            put_size(out, bytes.len());
            out.extend_from_slice(bytes);
        }
        None => out.push(NULL),
    }
}

#[inline]
fn put_size(out: &mut Vec<u8>, size: usize) {
    let mut value = (size as u64) << 1;
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// No bit of a record's attributes is used yet (KIP-98).
const ATTRIBUTES: u8 = 0;
/// -1, zigzagged: the length of a null field.
const NULL: u8 = 1;
/// The batch's length field is an `i32`.
const MAX_PAYLOAD: usize = i32::MAX as usize - BATCH_HEADER_LEN;
/// The batch's count and offset deltas are `i32`.
const MAX_COUNT: u32 = i32::MAX as u32;
