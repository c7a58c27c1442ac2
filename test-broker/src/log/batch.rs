//! The part of a record batch that a broker reads: its header.
//!
//! It is read here on its own, not through the client's side of the library, so that the two
//! check each other. Records are not looked at: what a compressed batch holds is its producer's
//! affair.

use bytes::{Buf, Bytes, BytesMut};
use ottla_protocol::ErrorCode;

use crate::producer_state::Sequenced;
use crate::transaction::Identity;

/// Up to the records (`DefaultRecordBatch.RECORD_BATCH_OVERHEAD`).
pub(crate) const HEADER_LEN: usize = 61;
/// The base offset and the length itself are not in the length.
const LENGTH_END: usize = 12;
const LEADER_EPOCH_AT: usize = 12;
const CRC_AT: usize = 17;
/// The CRC covers everything from the attributes on.
const CRC_START: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;

const CODEC: i16 = 0b111;
const ZSTD: i16 = 4;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// A batch's header as its producer wrote it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchHeader {
    pub(crate) base_offset: i64,
    pub(crate) magic: i8,
    crc: u32,
    attributes: i16,
    pub(crate) last_offset_delta: i32,
    pub(crate) max_timestamp: i64,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    count: i32,
}

impl BatchHeader {
    /// Reads the header of the batch that `bytes` is, from end to end.
    ///
    /// # Errors
    /// `CORRUPT_MESSAGE` if it is not all there, `INVALID_RECORD` if it is not the only one: a
    /// produce request has one batch a partition since v3 (`ProduceRequest.validateRecords`).
    pub(crate) fn read(bytes: &Bytes) -> Result<Self, ErrorCode> {
        if bytes.len() < HEADER_LEN {
            return Err(ErrorCode::CORRUPT_MESSAGE);
        }
        let mut at: &[u8] = bytes;
        let base_offset = at.get_i64();
        let length = usize::try_from(at.get_i32()).map_err(|_| ErrorCode::CORRUPT_MESSAGE)?;
        if length > bytes.len() - LENGTH_END || length < HEADER_LEN - LENGTH_END {
            return Err(ErrorCode::CORRUPT_MESSAGE);
        }
        if length < bytes.len() - LENGTH_END {
            return Err(ErrorCode::INVALID_RECORD);
        }
        at.advance(size_of::<i32>());
        let magic = at.get_i8();
        let crc = at.get_u32();
        let attributes = at.get_i16();
        let last_offset_delta = at.get_i32();
        at.advance(size_of::<i64>());
        Ok(Self {
            base_offset,
            magic,
            crc,
            attributes,
            last_offset_delta,
            max_timestamp: at.get_i64(),
            producer_id: at.get_i64(),
            producer_epoch: at.get_i16(),
            base_sequence: at.get_i32(),
            count: at.get_i32(),
        })
    }

    /// What Kafka requires of a client's batch (`ProduceRequest.validateRecords`,
    /// `UnifiedLog.analyzeAndValidateRecords`, `LogValidator.validateBatch`).
    ///
    /// # Errors
    /// `INVALID_RECORD` or `CORRUPT_MESSAGE`.
    pub(crate) fn validate(&self, bytes: &Bytes) -> Result<(), ErrorCode> {
        if self.magic != 2 || self.base_offset != 0 {
            return Err(ErrorCode::INVALID_RECORD);
        }
        let covered = bytes.get(CRC_START..).unwrap_or_default();
        if crc32c::crc32c(covered) != self.crc {
            return Err(ErrorCode::CORRUPT_MESSAGE);
        }
        let counted = i64::from(self.last_offset_delta) + 1;
        if self.count <= 0 || i64::from(self.count) != counted {
            return Err(ErrorCode::INVALID_RECORD);
        }
        if self.attributes & CONTROL != 0 {
            return Err(ErrorCode::INVALID_RECORD);
        }
        if self.producer_id >= 0 && self.base_sequence < 0 {
            return Err(ErrorCode::INVALID_RECORD);
        }
        Ok(())
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Who wrote it, if it belongs to a transaction.
    pub(crate) fn transactional_identity(&self) -> Option<Identity> {
        let (producer_id, epoch) = (self.producer_id, self.producer_epoch);
        self.is_transactional().then_some(Identity { producer_id, epoch })
    }

    pub(crate) fn is_zstd(&self) -> bool {
        self.attributes & CODEC == ZSTD
    }

    /// The numbers its producer gave it, if it has any.
    pub(crate) fn sequenced(&self) -> Option<Sequenced> {
        let records = u32::try_from(self.count).unwrap_or_default();
        (self.producer_id >= 0).then(|| {
            Sequenced::new(self.producer_id, self.producer_epoch, self.base_sequence, records)
        })
    }
}

/// Writes what a broker adds to a batch. The offset and the epoch lie outside of the CRC; the
/// time of the append does not, so that the CRC is computed again.
pub(crate) fn stamp(
    batch: &mut BytesMut,
    base_offset: i64,
    leader_epoch: i32,
    append_time: Option<i64>,
) {
    put(batch, 0, &base_offset.to_be_bytes());
    put(batch, LEADER_EPOCH_AT, &leader_epoch.to_be_bytes());
    let Some(time) = append_time else { return };
    let attributes = batch.get(CRC_START..).and_then(|rest| rest.first_chunk::<2>());
    let attributes = attributes.map_or(0, |bytes| i16::from_be_bytes(*bytes)) | LOG_APPEND_TIME;
    put(batch, CRC_START, &attributes.to_be_bytes());
    put(batch, MAX_TIMESTAMP_AT, &time.to_be_bytes());
    let crc = crc32c::crc32c(batch.get(CRC_START..).unwrap_or_default());
    put(batch, CRC_AT, &crc.to_be_bytes());
}

fn put(batch: &mut BytesMut, at: usize, value: &[u8]) {
    if let Some(place) = batch.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}
