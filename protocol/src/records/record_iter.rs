//! Records out of the bytes of a batch, one at a time and borrowed.

use std::fmt;

use thiserror::Error;

use super::record::{RawRecord, RecordFault, RecordView};

/// Where a reader is in the inflated records of a batch.
///
/// It borrows nothing, so it can be kept beside the bytes; [`RecordIter`] is the two together.
#[derive(Clone, Debug)]
pub struct RecordCursor {
    position: usize,
    left: u32,
    /// How many records were read.
    index: u32,
    last_delta: i32,
    frame: Frame,
}

/// What the batch gives to all its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) base_offset: i64,
    /// At most what `base_offset` can be raised by.
    pub(super) last_offset_delta: i32,
    pub(super) base_timestamp: i64,
    /// The timestamp of every record, where the broker has set it (`LogAppendTime`).
    pub(super) append_time: Option<i64>,
    pub(super) count: u32,
}

impl RecordCursor {
    pub(super) const fn new(frame: Frame) -> Self {
        Self { position: 0, left: frame.count, index: 0, last_delta: -1, frame }
    }

    /// A cursor for bytes in which the record with this index begins at `position`, of a batch
    /// without gaps.
    pub(super) fn starting_at(index: u32, position: usize, frame: Frame) -> Self {
        let last_delta = i32::try_from(index).unwrap_or(i32::MAX) - 1;
        Self { position, left: frame.count.saturating_sub(index), index, last_delta, frame }
    }

    /// The next record in `records`, the batch's inflated records, which must be the same bytes at
    /// every call.
    ///
    /// `None` after the last record, and after an error.
    #[inline]
    pub fn next<'a>(&mut self, records: &'a [u8]) -> Option<Result<RecordView<'a>, RecordError>> {
        if self.left == 0 {
            return self.finish(records);
        }
        match self.step(records) {
            Ok(view) => Some(Ok(view)),
            Err(fault) => Some(Err(self.fail(fault))),
        }
    }

    /// Records not read yet, as the batch's header counts them; a hostile header counts wrong.
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// The position in the bytes behind the last record read.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Reads one record, of which there must be one left.
    #[inline]
    pub(super) fn step<'a>(&mut self, records: &'a [u8]) -> Result<RecordView<'a>, RecordFault> {
        let mut rest = records.get(self.position..).unwrap_or_default();
        if rest.is_empty() {
            return Err(RecordFault::Missing);
        }
        let record = RawRecord::take(&mut rest)?;
        let delta = record.offset_delta;
        if delta <= self.last_delta || delta > self.frame.last_offset_delta {
            return Err(RecordFault::OffsetDelta {
                delta,
                after: self.last_delta,
                last: self.frame.last_offset_delta,
            });
        }
        let timestamp = match self.frame.append_time {
            Some(time) => time,
            // It wraps in Java, and a writer that subtracted as it likes means the same number.
            None => self.frame.base_timestamp.wrapping_add(record.timestamp_delta),
        };
        // Invariant: the base plus the last delta was checked when the batch's header was read.
        let offset = self.frame.base_offset.wrapping_add(i64::from(delta));
        self.last_delta = delta;
        self.position = records.len() - rest.len();
        // The fields are the last of the record.
        let start = self.position - record.fields.len();
        self.left -= 1;
        self.index += 1;
        Ok(record.view(offset, timestamp, start))
    }

    /// Starts at the front of other bytes, which continue the same batch.
    pub(super) fn continue_in_next_bytes(&mut self) {
        self.position = 0;
    }

    fn finish<'a>(&mut self, records: &[u8]) -> Option<Result<RecordView<'a>, RecordError>> {
        let bytes = records.len().checked_sub(self.position).filter(|&bytes| bytes > 0)?;
        Some(Err(self.fail(RecordFault::TrailingRecords { bytes })))
    }

    #[cold]
    fn fail(&mut self, fault: RecordFault) -> RecordError {
        self.left = 0;
        self.position = usize::MAX;
        RecordError { base_offset: self.frame.base_offset, index: self.index, fault }
    }
}

/// The records of a batch, borrowed from its inflated bytes.
///
/// After an error it ends: nothing behind a broken record can be found.
#[derive(Clone)]
pub struct RecordIter<'a> {
    records: &'a [u8],
    cursor: RecordCursor,
}

impl<'a> RecordIter<'a> {
    pub(super) const fn new(records: &'a [u8], frame: Frame) -> Self {
        Self { records, cursor: RecordCursor::new(frame) }
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<RecordView<'a>, RecordError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(self.records)
    }

    /// Bounded by the bytes that remain, whatever the batch's header counts.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let bytes = self.records.len().saturating_sub(self.cursor.position);
        let left = usize::try_from(self.cursor.left).unwrap_or(usize::MAX);
        // One more, for an error about what is missing or left over.
        (0, Some(left.min(bytes / MIN_RECORD).saturating_add(1)))
    }
}

impl std::iter::FusedIterator for RecordIter<'_> {}

impl fmt::Debug for RecordIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordIter")
            .field("bytes", &self.records.len())
            .field("cursor", &self.cursor)
            .finish()
    }
}

/// A record that cannot be read, and with it the rest of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("record {index} of the batch at offset {base_offset}: {fault}")]
#[non_exhaustive]
pub struct RecordError {
    /// The base offset of the batch.
    pub base_offset: i64,
    /// The record, counted from 0 in its batch.
    pub index: u32,
    /// What is wrong.
    pub fault: RecordFault,
}

/// Length, attributes, two deltas, two lengths and a count, a byte each.
const MIN_RECORD: usize = 7;
