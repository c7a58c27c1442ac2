//! One batch as read from a broker or a producer.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::batch_header::{
    BATCH_HEADER_LEN, BatchHeader, CONTROL, CRC_START, DELETE_HORIZON, LOG_APPEND_TIME,
    TRANSACTIONAL,
};
use super::record_iter::{Frame, RecordCursor, RecordIter};
use super::sealed_batch::Sequence;
use crate::compression::{Codecs, Compression, DecompressError};

/// A view of one whole batch of magic 2; a clone costs a refcount.
///
/// The header was checked for what cannot be, the CRC was not: see [`check_crc`](Self::check_crc).
#[derive(Clone)]
pub struct Batch {
    bytes: Bytes,
    header: BatchHeader,
    compression: Compression,
}

/// What the timestamps of a batch's records mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// When the producer created the record.
    CreateTime,
    /// When the broker appended the batch.
    LogAppendTime,
}

impl Batch {
    /// A view of `bytes`, which are one batch as its length says.
    pub(super) fn new(bytes: Bytes, header: BatchHeader) -> Result<Self, BatchError> {
        let base_offset = header.base_offset;
        let invalid = |field, value| BatchError::Field { base_offset, field, value };
        if base_offset < 0 {
            return Err(invalid("base offset", base_offset));
        }
        if header.last_offset_delta < 0
            || base_offset.checked_add(i64::from(header.last_offset_delta) + 1).is_none()
        {
            return Err(invalid("last offset delta", header.last_offset_delta.into()));
        }
        if header.count < 0 {
            return Err(invalid("record count", header.count.into()));
        }
        let Some(compression) = Compression::from_attributes(header.attributes) else {
            let id = header.attributes & Compression::ATTRIBUTES_MASK;
            return Err(invalid("compression", id.into()));
        };
        Ok(Self { bytes, header, compression })
    }

    /// The offset of the first record the batch was written with.
    pub const fn base_offset(&self) -> i64 {
        self.header.base_offset
    }

    /// The offset of the last record the batch was written with, which may have been compacted away.
    pub fn last_offset(&self) -> i64 {
        self.header.base_offset + i64::from(self.header.last_offset_delta)
    }

    /// Where to read on behind this batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// The epoch of the leader that appended it; -1 if unknown.
    pub const fn leader_epoch(&self) -> i32 {
        self.header.leader_epoch
    }

    /// The codec of the records.
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// What the timestamps mean.
    pub const fn timestamp_type(&self) -> TimestampType {
        if self.has(LOG_APPEND_TIME) {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// Whether the batch belongs to a transaction.
    pub const fn is_transactional(&self) -> bool {
        self.has(TRANSACTIONAL)
    }

    /// Whether the batch holds no user's records but a [`ControlRecord`](super::ControlRecord).
    pub const fn is_control(&self) -> bool {
        self.has(CONTROL)
    }

    /// Whether the base timestamp is the time from which tombstones may be removed (KIP-534).
    pub const fn has_delete_horizon(&self) -> bool {
        self.has(DELETE_HORIZON)
    }

    /// What the records' timestamps are relative to, in milliseconds since the epoch.
    pub const fn base_timestamp(&self) -> i64 {
        self.header.base_timestamp
    }

    /// The largest timestamp, or the broker's if it stamps batches.
    pub const fn max_timestamp(&self) -> i64 {
        self.header.max_timestamp
    }

    /// The producer's id; -1 without idempotence.
    pub const fn producer_id(&self) -> i64 {
        self.header.producer_id
    }

    /// The producer's epoch; -1 without idempotence.
    pub const fn producer_epoch(&self) -> i16 {
        self.header.producer_epoch
    }

    /// The sequence of the first record; -1 without idempotence.
    pub const fn base_sequence(&self) -> i32 {
        self.header.base_sequence
    }

    /// Producer and sequence together.
    pub const fn sequence(&self) -> Sequence {
        Sequence {
            producer_id: self.header.producer_id,
            producer_epoch: self.header.producer_epoch,
            base_sequence: self.header.base_sequence,
        }
    }

    /// Offsets the batch covers: the records it was written with.
    pub fn offset_count(&self) -> u32 {
        // Invariant: not negative, checked on reading.
        self.header.last_offset_delta.unsigned_abs() + 1
    }

    /// Records in the batch as its header counts them. Reserve nothing by it: it may lie.
    pub const fn count(&self) -> u32 {
        // Invariant: not negative, checked on reading.
        self.header.count.unsigned_abs()
    }

    /// All bytes of the batch.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The records as they are in the batch, compressed or not.
    pub fn payload(&self) -> Bytes {
        self.bytes.slice(BATCH_HEADER_LEN..)
    }

    /// Compares the checksum with the batch's bytes.
    ///
    /// # Errors
    ///
    /// [`BatchError::Crc`]
    pub fn check_crc(&self) -> Result<(), BatchError> {
        let computed = crc32c::crc32c(self.bytes.get(CRC_START..).unwrap_or_default());
        if computed == self.header.crc {
            return Ok(());
        }
        Err(BatchError::Crc {
            base_offset: self.base_offset(),
            next_offset: self.next_offset(),
            stored: self.header.crc,
            computed,
        })
    }

    /// The records' bytes, of at most `limit` bytes if they must be inflated.
    ///
    /// An uncompressed batch is a slice of what was received and has no limit of its own.
    ///
    /// # Errors
    ///
    /// [`BatchError::Inflate`] if the codec is not there, or the bytes are not its, or are too many.
    pub fn inflate(&self, codecs: &Codecs, limit: usize) -> Result<Bytes, BatchError> {
        if self.compression == Compression::None {
            return Ok(self.payload());
        }
        let mut out = Vec::new();
        let payload = self.bytes.get(BATCH_HEADER_LEN..).unwrap_or_default();
        codecs
            .get(self.compression)
            .map_err(DecompressError::from)
            .and_then(|codec| codec.decompress(payload, limit, &mut out))
            .map_err(|source| BatchError::Inflate {
                base_offset: self.base_offset(),
                next_offset: self.next_offset(),
                compression: self.compression,
                source,
            })?;
        Ok(Bytes::from(out))
    }

    /// The records in `inflated`, which [`inflate`](Self::inflate) gave.
    pub const fn records<'a>(&self, inflated: &'a [u8]) -> RecordIter<'a> {
        RecordIter::new(inflated, self.frame())
    }

    /// A cursor at the first record, to be moved over what [`inflate`](Self::inflate) gave.
    pub const fn cursor(&self) -> RecordCursor {
        RecordCursor::new(self.frame())
    }

    /// A copy as a broker stores it: at this offset, by the leader of this epoch.
    ///
    /// Both lie outside the CRC.
    pub fn with_base_offset(&self, base_offset: i64, leader_epoch: i32) -> Bytes {
        self.copy_with(BatchHeader { base_offset, leader_epoch, ..self.header })
    }

    /// A copy as a broker stores it in a topic that is stamped by the broker: the same with this
    /// time for all records, and a new CRC.
    pub fn with_append_time(&self, base_offset: i64, leader_epoch: i32, timestamp: i64) -> Bytes {
        let header = BatchHeader {
            base_offset,
            leader_epoch,
            attributes: self.header.attributes | LOG_APPEND_TIME,
            max_timestamp: timestamp,
            ..self.header
        };
        let payload = self.bytes.get(BATCH_HEADER_LEN..).unwrap_or_default();
        self.copy_with(header.with_crc(std::iter::once(payload)))
    }

    const fn has(&self, attribute: i16) -> bool {
        self.header.attributes & attribute != 0
    }

    const fn frame(&self) -> Frame {
        Frame {
            base_offset: self.header.base_offset,
            last_offset_delta: self.header.last_offset_delta,
            base_timestamp: self.header.base_timestamp,
            append_time: if self.has(LOG_APPEND_TIME) {
                Some(self.header.max_timestamp)
            } else {
                None
            },
            count: self.count(),
        }
    }

    fn copy_with(&self, header: BatchHeader) -> Bytes {
        let mut copy = BytesMut::with_capacity(self.bytes.len());
        copy.put_slice(&header.write());
        copy.put_slice(self.bytes.get(BATCH_HEADER_LEN..).unwrap_or_default());
        copy.freeze()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.bytes.len())
            .field("header", &self.header)
            .finish()
    }
}

/// Why a batch cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The batch is of a format that is not read.
    #[error("the batch at offset {base_offset} has magic {magic}, which is not supported")]
    UnsupportedMagic {
        /// Its first offset (of magic 0 and 1: of the message set's last record).
        base_offset: i64,
        /// The format's version.
        magic: i8,
    },
    /// The batch's length is negative or less than a batch's header.
    #[error("the batch at offset {base_offset} has length {length}")]
    Length {
        /// Its first offset.
        base_offset: i64,
        /// As read.
        length: i32,
    },
    /// A field of the header has a value that cannot be.
    #[error("the batch at offset {base_offset} has {field} {value}")]
    Field {
        /// Its first offset.
        base_offset: i64,
        /// Which.
        field: &'static str,
        /// As read.
        value: i64,
    },
    /// The bytes are not those that were written.
    #[error("the batch at offset {base_offset} has CRC {stored:#010x}, its bytes {computed:#010x}")]
    Crc {
        /// Its first offset.
        base_offset: i64,
        /// Where the next batch would begin, if the header can be believed.
        next_offset: i64,
        /// As read.
        stored: u32,
        /// Of the bytes.
        computed: u32,
    },
    /// The records cannot be inflated, or not within the limit.
    #[error("the batch at offset {base_offset}, compressed with {compression}, cannot be inflated")]
    Inflate {
        /// Its first offset.
        base_offset: i64,
        /// Where the next batch begins.
        next_offset: i64,
        /// With what it is compressed.
        compression: Compression,
        /// Why.
        source: DecompressError,
    },
}

impl BatchError {
    /// The first offset of the batch.
    pub const fn base_offset(&self) -> i64 {
        match self {
            Self::UnsupportedMagic { base_offset, .. }
            | Self::Length { base_offset, .. }
            | Self::Field { base_offset, .. }
            | Self::Crc { base_offset, .. }
            | Self::Inflate { base_offset, .. } => *base_offset,
        }
    }

    /// Where the next batch begins, if that can be told.
    pub const fn next_offset(&self) -> Option<i64> {
        match self {
            Self::Crc { next_offset, .. } | Self::Inflate { next_offset, .. } => Some(*next_offset),
            _ => None,
        }
    }
}
