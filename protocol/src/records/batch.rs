//! One batch as read from a broker or a producer.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::batch_header::{
    BATCH_HEADER_LEN, BatchHeader, CONTROL, CRC_START, DELETE_HORIZON, LOG_APPEND_TIME, MAGIC,
    TRANSACTIONAL,
};
use super::inflated::Inflated;
use super::message_set::{self, BadMessage, Message, MessageFault};
use super::record_iter::Frame;
use super::sealed_batch::Sequence;
use crate::compression::{Codecs, Compression, DecompressError};

/// A view of one whole batch; a clone costs a refcount.
///
/// The header was checked for what cannot be, the CRC was not: see [`check_crc`](Self::check_crc).
///
/// In the formats of before Kafka 0.11 (magic 0 and 1) every message is a batch, with one record or,
/// if it is compressed, with all those in it. Such a batch has no producer, no leader epoch and no
/// kind but the plain one.
#[derive(Clone)]
pub struct Batch {
    bytes: Bytes,
    header: BatchHeader,
    compression: Compression,
}

/// What the timestamps of a batch's records mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// There are none (magic 0): all are -1.
    NoTimestamp,
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

    /// A view of `bytes`, which are one message of magic 0 or 1 as its length says.
    pub(super) fn from_message(bytes: Bytes, length: i32) -> Result<Self, BatchError> {
        let entry = bytes.clone();
        let message = Message::read(&entry).map_err(|_| {
            let base_offset = bytes.first_chunk().map_or(0, |offset| i64::from_be_bytes(*offset));
            BatchError::Length { base_offset, length }
        })?;
        let base_offset = message.offset;
        let invalid = |field, value| BatchError::Field { base_offset, field, value };
        if base_offset < 0 || base_offset == i64::MAX {
            return Err(invalid("offset", base_offset));
        }
        let attributes = i16::from(message.attributes);
        let Some(compression) = message.compression() else {
            return Err(invalid("compression", (attributes & Compression::ATTRIBUTES_MASK).into()));
        };
        // Whatever else the attributes say means something only in magic 2, or only in magic 1.
        let meant = if message.magic == 0 { 0 } else { LOG_APPEND_TIME };
        let header = BatchHeader {
            base_offset,
            length,
            leader_epoch: -1,
            magic: message.magic,
            crc: message.crc,
            attributes: attributes & (Compression::ATTRIBUTES_MASK | meant),
            last_offset_delta: 0,
            base_timestamp: message.timestamp,
            max_timestamp: message.timestamp,
            producer_id: Sequence::NONE.producer_id,
            producer_epoch: Sequence::NONE.producer_epoch,
            base_sequence: Sequence::NONE.base_sequence,
            count: i32::from(compression == Compression::None),
        };
        Ok(Self { bytes, header, compression })
    }

    /// The version of the batch's format: 0, 1 or 2.
    pub const fn magic(&self) -> i8 {
        self.header.magic
    }

    /// The offset of the first record the batch was written with.
    ///
    /// A compressed message of magic 0 or 1 only tells its last one, which this is then; after
    /// inflating, [`Inflated::base_offset`] is the first.
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
        if self.header.magic == 0 {
            TimestampType::NoTimestamp
        } else if self.has(LOG_APPEND_TIME) {
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

    /// The time from which the batch's tombstones, or its transaction's marker, may be removed by
    /// compaction (KIP-534), in milliseconds since the epoch. It takes the place of the base
    /// timestamp.
    pub const fn delete_horizon(&self) -> Option<i64> {
        if self.has(DELETE_HORIZON) { Some(self.header.base_timestamp) } else { None }
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

    /// Offsets the batch covers: the records it was written with. A message of magic 0 or 1 covers
    /// one as far as its header tells.
    pub fn offset_count(&self) -> u32 {
        // Invariant: not negative, checked on reading.
        self.header.last_offset_delta.unsigned_abs() + 1
    }

    /// Records in the batch as its header counts them. Reserve nothing by it: it may lie.
    ///
    /// A compressed message of magic 0 or 1 does not count what is in it: 0.
    pub const fn count(&self) -> u32 {
        // Invariant: not negative, checked on reading.
        self.header.count.unsigned_abs()
    }

    /// All bytes of the batch.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Compares the checksum with the batch's bytes: in magic 2 a CRC-32C, before it a CRC-32.
    ///
    /// # Errors
    ///
    /// [`BatchError::Crc`]
    pub fn check_crc(&self) -> Result<(), BatchError> {
        let computed = if self.header.magic == MAGIC {
            crc32c::crc32c(self.bytes.get(CRC_START..).unwrap_or_default())
        } else {
            Message::read(&self.bytes).map_or(0, |message| message.computed_crc())
        };
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

    /// The records, of at most `limit` bytes if they must be inflated.
    ///
    /// Those of an uncompressed batch of magic 2 are a slice of what was received and have no limit
    /// of their own. Messages of magic 0 and 1 are translated to the records of magic 2, which takes
    /// memory of their size once more; the checksums of those within a wrapper are compared.
    ///
    /// # Errors
    ///
    /// [`BatchError::Inflate`] if the codec is not there, or the bytes are not its, or are too many;
    /// [`BatchError::Message`] for a message of magic 0 or 1 that cannot be read.
    pub fn inflate(&self, codecs: &Codecs, limit: usize) -> Result<Inflated, BatchError> {
        if self.header.magic != MAGIC {
            return self.inflate_messages(codecs, limit);
        }
        let payload = self.bytes.slice(BATCH_HEADER_LEN.min(self.bytes.len())..);
        if self.compression == Compression::None {
            return Ok(Inflated::new(payload, self.frame()));
        }
        let mut out = Vec::new();
        codecs
            .get(self.compression)
            .map_err(DecompressError::from)
            .and_then(|codec| codec.decompress(&payload, limit, &mut out))
            .map_err(|source| self.not_inflated(source))?;
        Ok(Inflated::new(Bytes::from(out), self.frame()))
    }

    fn inflate_messages(&self, codecs: &Codecs, limit: usize) -> Result<Inflated, BatchError> {
        let failed = |bad: BadMessage| BatchError::Message {
            base_offset: self.base_offset(),
            next_offset: self.next_offset(),
            index: bad.index,
            fault: bad.fault,
        };
        let message = Message::read(&self.bytes).map_err(|fault| failed(fault.at(0)))?;
        if self.compression == Compression::None {
            return message_set::single(&message).map_err(failed);
        }
        let (_, value) = message.fields().map_err(|fault| failed(fault.at(0)))?;
        let value = value.ok_or_else(|| failed(MessageFault::Null.at(0)))?;
        let mut set = Vec::new();
        codecs
            .get(self.compression)
            .map_err(DecompressError::from)
            .and_then(|codec| match self.header.magic {
                0 => codec.decompress_magic_0(value, limit, &mut set),
                _ => codec.decompress(value, limit, &mut set),
            })
            .map_err(|source| self.not_inflated(source))?;
        message_set::wrapped(&message, &set).map_err(failed)
    }

    fn not_inflated(&self, source: DecompressError) -> BatchError {
        BatchError::Inflate {
            base_offset: self.base_offset(),
            next_offset: self.next_offset(),
            compression: self.compression,
            source,
        }
    }

    /// A copy as a broker stores it: at this offset, by the leader of this epoch.
    ///
    /// Both lie outside the CRC. Of a message of magic 0 or 1 there is no such copy; it stays what
    /// it is.
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

    pub(super) const fn frame(&self) -> Frame {
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
        if header.magic != MAGIC {
            return self.bytes.clone();
        }
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
        /// Its first offset.
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
    /// A message of magic 0 or 1 cannot be read.
    #[error("message {index} in the message set at offset {base_offset}: {fault}")]
    Message {
        /// The offset of the message or wrapper.
        base_offset: i64,
        /// Where the next one begins.
        next_offset: i64,
        /// Which message, counted from 0 in its wrapper.
        index: u32,
        /// What is wrong.
        fault: MessageFault,
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
            | Self::Inflate { base_offset, .. }
            | Self::Message { base_offset, .. } => *base_offset,
        }
    }

    /// Where the next batch begins, if that can be told.
    pub const fn next_offset(&self) -> Option<i64> {
        match self {
            Self::Crc { next_offset, .. }
            | Self::Inflate { next_offset, .. }
            | Self::Message { next_offset, .. } => Some(*next_offset),
            _ => None,
        }
    }
}
