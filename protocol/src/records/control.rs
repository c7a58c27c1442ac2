//! The records of control batches: the ends of transactions.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::builder::BatchBuilder;
use super::chunk_pool::ChunkPool;
use super::record::{RecordParts, RecordView};
use super::sealed_batch::{BatchKind, SealedBatch, Sequence};

/// A record of a control batch (KIP-98): it takes an offset and is not given to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRecord {
    /// What it says.
    pub kind: ControlKind,
    /// The epoch of the transaction coordinator, if it ends a transaction and has its usual value.
    pub coordinator_epoch: Option<i32>,
}

/// What a control record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlKind {
    /// The producer's transaction is aborted: its records since the last marker do not count.
    Abort,
    /// The producer's transaction is committed.
    Commit,
    /// Something else, such as those of a KRaft log. It is skipped.
    Other(i16),
}

impl ControlRecord {
    /// Reads a record of a control batch.
    ///
    /// A later version of the key may be longer and is read alike, as Java does.
    ///
    /// # Errors
    ///
    /// If its key is not that of a control record.
    pub fn parse(record: &RecordView<'_>) -> Result<Self, ControlError> {
        let key = record.key.unwrap_or_default();
        let &[v0, v1, k0, k1, ..] = key else {
            return Err(ControlError::Key { offset: record.offset, len: key.len() });
        };
        let version = i16::from_be_bytes([v0, v1]);
        if version < 0 {
            return Err(ControlError::Version { offset: record.offset, version });
        }
        let kind = match i16::from_be_bytes([k0, k1]) {
            ABORT => ControlKind::Abort,
            COMMIT => ControlKind::Commit,
            other => ControlKind::Other(other),
        };
        let coordinator_epoch = match (kind, record.value) {
            (ControlKind::Other(_), _) => None,
            (_, Some(&[_, _, e0, e1, e2, e3, ..])) => Some(i32::from_be_bytes([e0, e1, e2, e3])),
            _ => None,
        };
        Ok(Self { kind, coordinator_epoch })
    }

    /// The batch with which a broker ends a transaction, at offset 0 for now.
    ///
    /// `timestamp` is in milliseconds since the epoch.
    pub fn to_batch(self, producer_id: i64, producer_epoch: i16, timestamp: i64) -> Bytes {
        let mut key = [0; 4];
        let kind = match self.kind {
            ControlKind::Abort => ABORT,
            ControlKind::Commit => COMMIT,
            ControlKind::Other(kind) => kind,
        };
        let mut rest = &mut key[..];
        rest.put_i16(KEY_VERSION);
        rest.put_i16(kind);
        let mut value = BytesMut::with_capacity(6);
        value.put_i16(VALUE_VERSION);
        value.put_i32(self.coordinator_epoch.unwrap_or(-1));
        let record = RecordParts { key: Some(&key), value: Some(&value), headers: &[] };
        let mut batch = BatchBuilder::new();
        let appended = batch.append(timestamp, &record, &ChunkPool::new(0));
        debug_assert!(appended.is_ok(), "an empty batch takes ten bytes");
        let sequence = Sequence { producer_id, producer_epoch, base_sequence: -1 };
        SealedBatch::from(batch.seal()).freeze(sequence, BatchKind::TransactionMarker).into_bytes()
    }
}

/// Why a record of a control batch cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The key is too short.
    #[error("the control record at offset {offset} has a key of {len} bytes, less than 4")]
    Key {
        /// Where.
        offset: i64,
        /// Bytes of the key.
        len: usize,
    },
    /// The version is negative.
    #[error("the control record at offset {offset} has version {version}")]
    Version {
        /// Where.
        offset: i64,
        /// As read.
        version: i16,
    },
}

const KEY_VERSION: i16 = 0;
const VALUE_VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;
