//! The batches of a `records` field.

use std::fmt;

use bytes::Bytes;

use super::batch::{Batch, BatchError};
use super::batch_header::{BATCH_HEADER_LEN, BatchHeader, LENGTH_END, MAGIC, MAGIC_AT};
use super::message_set;
use super::record_set::Records;

/// The batches of a `records` field, in order.
///
/// A broker may cut the last batch, since it fills a response by bytes; the iteration then ends, and
/// [`truncated_len`](Self::truncated_len) tells. At least the first batch of a response is whole
/// however large it is (KIP-74, from Fetch version 3), so it needs no special care here.
///
/// A field may hold all formats one behind the other, since a log keeps what was written to it. In the
/// formats of before Kafka 0.11, magic 0 and 1, each message is a batch.
///
/// After an error the iteration ends: nothing behind it can be found with certainty.
#[derive(Clone)]
pub struct Batches {
    rest: Bytes,
    failed: bool,
}

impl Batches {
    /// The batches in these bytes.
    pub const fn new(bytes: Bytes) -> Self {
        Self { rest: bytes, failed: false }
    }

    /// Bytes of a last batch that is not there as a whole; 0 if every batch was.
    ///
    /// It is meaningful once the iteration has ended without an error.
    pub fn truncated_len(&self) -> usize {
        if self.failed { 0 } else { self.rest.len() }
    }

    /// Bytes not yet given out.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn read(&mut self) -> Result<Option<Batch>, BatchError> {
        let Some((front, _)) = self.rest.split_first_chunk::<LENGTH_END>() else {
            return Ok(None);
        };
        let [o0, o1, o2, o3, o4, o5, o6, o7, l0, l1, l2, l3] = *front;
        let base_offset = i64::from_be_bytes([o0, o1, o2, o3, o4, o5, o6, o7]);
        let length = i32::from_be_bytes([l0, l1, l2, l3]);
        let invalid = Err(BatchError::Length { base_offset, length });
        // In Java the whole must fit its int, so no batch is longer.
        let end = length.checked_add(OVERHEAD).and_then(|end| usize::try_from(end).ok());
        let Some(end) = end else { return invalid };
        if end < LENGTH_END + message_set::MIN_LENGTH {
            return invalid;
        }
        let Some(&magic) = self.rest.get(MAGIC_AT) else { return Ok(None) };
        let magic = i8::from_be_bytes([magic]);
        if !(0..=MAGIC).contains(&magic) {
            return Err(BatchError::UnsupportedMagic { base_offset, magic });
        }
        if end > self.rest.len() {
            return Ok(None);
        }
        if magic < MAGIC {
            return Batch::from_message(self.rest.split_to(end), length).map(Some);
        }
        if end < BATCH_HEADER_LEN {
            return invalid;
        }
        let bytes = self.rest.split_to(end);
        let Some((header, _)) = bytes.split_first_chunk::<BATCH_HEADER_LEN>() else {
            return invalid;
        };
        let header = BatchHeader::read(header);
        Batch::new(bytes, header).map(Some)
    }
}

/// [`LENGTH_END`], as the length that it comes before.
const OVERHEAD: i32 = 12;

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}

impl std::iter::FusedIterator for Batches {}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("remaining", &self.remaining())
            .field("failed", &self.failed)
            .finish()
    }
}

impl From<Bytes> for Batches {
    fn from(bytes: Bytes) -> Self {
        Self::new(bytes)
    }
}

impl From<Records> for Batches {
    fn from(records: Records) -> Self {
        Self::new(records.into_bytes())
    }
}
