//! A closed batch in the form that goes to the broker.

use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

use super::batch_header::{
    BATCH_HEADER_LEN, BatchHeader, CONTROL, LENGTH_END, MAGIC, TRANSACTIONAL,
};
use super::raw_batch::RawBatch;
use super::record_iter::RecordError;
use super::record_set::Records;
use crate::compression::{Codec, Codecs, CompressError, Compression, DecompressError};

/// A closed batch in the form that goes to the broker: compressed once, sequenced as often as it
/// must be sent.
///
/// A clone shares its memory.
#[derive(Clone)]
pub struct SealedBatch {
    body: Body,
    raw_len: usize,
    count: u32,
    base_timestamp: i64,
    max_timestamp: i64,
}

#[derive(Clone)]
enum Body {
    Raw(RawBatch),
    Compressed { compression: Compression, payload: Bytes, capacity: usize },
}

/// Who produced a batch, and where it is in the producer's sequence of records (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The producer's id, -1 without idempotence.
    pub producer_id: i64,
    /// The epoch of that id, -1 without idempotence.
    pub producer_epoch: i16,
    /// The sequence of the batch's first record, -1 without idempotence.
    pub base_sequence: i32,
}

impl Sequence {
    /// Of a producer without idempotence.
    pub const NONE: Self = Self { producer_id: -1, producer_epoch: -1, base_sequence: -1 };
}

/// What a batch is besides its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchKind {
    /// Not part of a transaction.
    #[default]
    Plain,
    /// Part of the producer's open transaction.
    Transactional,
    /// A transaction's marker, which only brokers write.
    TransactionMarker,
}

impl SealedBatch {
    /// Compresses a batch. It may take milliseconds.
    ///
    /// The raw memory is released with `raw` unless a clone keeps it. If the result is not smaller
    /// the batch stays uncompressed, which brokers accept whatever the topic's setting.
    ///
    /// `level` is the codec's own scale, `None` its default.
    ///
    /// # Errors
    ///
    /// If the codec fails or has no such level; the batch is given back.
    pub fn compress(
        raw: RawBatch,
        codec: &dyn Codec,
        level: Option<i32>,
    ) -> Result<Self, CompressFailed> {
        let compression = codec.compression();
        if compression == Compression::None || raw.is_empty() {
            return Ok(raw.into());
        }
        let mut out = Vec::new();
        let chunks: SmallVec<[&[u8]; 32]> =
            raw.chunks.iter().map(|chunk| chunk.bytes.as_ref()).collect();
        let done = codec.compress(&chunks, level, &mut out);
        drop(chunks);
        if let Err(source) = done {
            return Err(CompressFailed { batch: raw, source });
        }
        if out.len() >= raw.payload_len {
            return Ok(raw.into());
        }
        // What a codec reserved for its worst case would be charged until the broker answers.
        if out.capacity() > out.len() + out.len() / 4 {
            out.shrink_to_fit();
        }
        Ok(Self {
            raw_len: raw.encoded_len(),
            count: raw.count,
            base_timestamp: raw.base_timestamp,
            max_timestamp: raw.max_timestamp,
            body: Body::Compressed {
                compression,
                capacity: out.capacity(),
                payload: Bytes::from(out),
            },
        })
    }

    /// Records in the batch.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the whole batch as it is sent, its header included.
    pub fn encoded_len(&self) -> usize {
        match &self.body {
            Body::Raw(raw) => raw.encoded_len(),
            Body::Compressed { payload, .. } => BATCH_HEADER_LEN + payload.len(),
        }
    }

    /// Bytes of the whole batch before it was compressed.
    pub const fn raw_len(&self) -> usize {
        self.raw_len
    }

    /// Bytes allocated: what a memory budget charges.
    pub fn capacity(&self) -> usize {
        match &self.body {
            Body::Raw(raw) => raw.capacity(),
            Body::Compressed { capacity, .. } => *capacity,
        }
    }

    /// The codec of the records.
    pub const fn compression(&self) -> Compression {
        match self.body {
            Body::Raw(_) => Compression::None,
            Body::Compressed { compression, .. } => compression,
        }
    }

    /// The largest timestamp of a record.
    pub fn max_timestamp(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max_timestamp)
    }

    /// The batch as it goes into a request: a header of its own and the payload by reference.
    ///
    /// It may be called again with another sequence while the bytes of an earlier call are still on
    /// their way. A batch without records must not be sent.
    pub fn freeze(&self, sequence: Sequence, kind: BatchKind) -> Records {
        debug_assert!(self.count > 0, "brokers refuse a batch without records");
        match &self.body {
            Body::Raw(raw) => {
                self.frame(sequence, kind, raw.chunks.iter().map(|chunk| &chunk.bytes))
            }
            Body::Compressed { payload, .. } => {
                self.frame(sequence, kind, std::iter::once(payload))
            }
        }
    }

    /// The records, readable again: inflated if they were compressed, else by reference.
    ///
    /// # Errors
    ///
    /// If the codec is not there or fails, or if it did not keep what it was given.
    pub fn to_raw(&self, codecs: &Codecs) -> Result<RawBatch, ReopenError> {
        match &self.body {
            Body::Raw(raw) => Ok(raw.clone()),
            Body::Compressed { compression, payload, .. } => {
                let mut out = Vec::new();
                let limit = self.raw_len - BATCH_HEADER_LEN;
                codecs
                    .get(*compression)
                    .map_err(DecompressError::from)
                    .and_then(|codec| codec.decompress(payload, limit, &mut out))
                    .map_err(ReopenError::Inflate)?;
                RawBatch::from_records(&Bytes::from(out), self.base_timestamp, self.count)
                    .map_err(ReopenError::Record)
            }
        }
    }

    fn frame<'a>(
        &self,
        sequence: Sequence,
        kind: BatchKind,
        payload: impl Iterator<Item = &'a Bytes> + Clone,
    ) -> Records {
        let count = clamp(self.count as usize);
        let kind = match kind {
            BatchKind::Plain => 0,
            BatchKind::Transactional => TRANSACTIONAL,
            BatchKind::TransactionMarker => TRANSACTIONAL | CONTROL,
        };
        let header = BatchHeader {
            base_offset: 0,
            length: clamp(self.encoded_len() - LENGTH_END),
            leader_epoch: NO_LEADER_EPOCH,
            magic: MAGIC,
            crc: 0,
            attributes: self.compression().id() | kind,
            last_offset_delta: (count - 1).max(0),
            base_timestamp: self.base_timestamp,
            max_timestamp: if self.count > 0 { self.max_timestamp } else { NO_TIMESTAMP },
            producer_id: sequence.producer_id,
            producer_epoch: sequence.producer_epoch,
            base_sequence: sequence.base_sequence,
            count,
        };
        let header = header.with_crc(payload.clone().map(AsRef::as_ref));
        let header = Bytes::copy_from_slice(&header.write());
        Records::from_chunks(std::iter::once(header).chain(payload.cloned()))
    }
}

impl From<RawBatch> for SealedBatch {
    /// The batch as it is, uncompressed.
    fn from(raw: RawBatch) -> Self {
        Self {
            raw_len: raw.encoded_len(),
            count: raw.count,
            base_timestamp: raw.base_timestamp,
            max_timestamp: raw.max_timestamp,
            body: Body::Raw(raw),
        }
    }
}

impl fmt::Debug for SealedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedBatch")
            .field("count", &self.count)
            .field("compression", &self.compression())
            .field("encoded_len", &self.encoded_len())
            .field("raw_len", &self.raw_len)
            .finish_non_exhaustive()
    }
}

/// A batch could not be compressed.
#[derive(Debug, thiserror::Error)]
#[error("a batch of {} records cannot be compressed", batch.count())]
#[non_exhaustive]
pub struct CompressFailed {
    /// The batch, unchanged.
    pub batch: RawBatch,
    /// Why.
    pub source: CompressError,
}

/// Why the records of a sealed batch cannot be read again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReopenError {
    /// The codec is not there or fails.
    #[error("the batch cannot be inflated again")]
    Inflate(#[source] DecompressError),
    /// What was inflated is not what was compressed.
    #[error("the codec did not keep the batch")]
    Record(#[source] RecordError),
}

/// Invariant: appending bounds count and length to `i32`, and compression only makes it shorter.
fn clamp(value: usize) -> i32 {
    debug_assert!(i32::try_from(value).is_ok(), "bounded when records are appended");
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Set by the broker.
const NO_LEADER_EPOCH: i32 = -1;
const NO_TIMESTAMP: i64 = -1;
