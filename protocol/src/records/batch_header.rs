//! The 61 bytes in front of a batch's records (magic 2, KIP-98).
//!
//! ```text
//!  0 base offset i64      16 magic i8          27 base timestamp i64    51 producer epoch i16
//!  8 length i32           17 CRC-32C u32       35 max timestamp i64     53 base sequence i32
//! 12 leader epoch i32     21 attributes i16    43 producer id i64       57 record count i32
//!                         23 last offset delta i32                      61 records
//! ```
//!
//! The length counts from 12 and the CRC covers everything from 21, so a broker can set base offset
//! and leader epoch without touching the CRC.

use bytes::{Buf, BufMut};

/// Bytes of a batch before its records.
pub const BATCH_HEADER_LEN: usize = 61;

/// Base offset and length, which the length does not count.
pub(super) const LENGTH_END: usize = 12;
pub(super) const MAGIC_AT: usize = 16;
pub(super) const CRC_START: usize = 21;
pub(super) const MAGIC: i8 = 2;

pub(super) const LOG_APPEND_TIME: i16 = 1 << 3;
pub(super) const TRANSACTIONAL: i16 = 1 << 4;
pub(super) const CONTROL: i16 = 1 << 5;
/// The base timestamp is the delete horizon of a compacted batch (KIP-534).
pub(super) const DELETE_HORIZON: i16 = 1 << 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchHeader {
    pub(super) base_offset: i64,
    pub(super) length: i32,
    pub(super) leader_epoch: i32,
    pub(super) magic: i8,
    pub(super) crc: u32,
    pub(super) attributes: i16,
    pub(super) last_offset_delta: i32,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) count: i32,
}

impl BatchHeader {
    pub(super) fn read(bytes: &[u8; BATCH_HEADER_LEN]) -> Self {
        let mut rest = &bytes[..];
        Self {
            base_offset: rest.get_i64(),
            length: rest.get_i32(),
            leader_epoch: rest.get_i32(),
            magic: rest.get_i8(),
            crc: rest.get_u32(),
            attributes: rest.get_i16(),
            last_offset_delta: rest.get_i32(),
            base_timestamp: rest.get_i64(),
            max_timestamp: rest.get_i64(),
            producer_id: rest.get_i64(),
            producer_epoch: rest.get_i16(),
            base_sequence: rest.get_i32(),
            count: rest.get_i32(),
        }
    }

    pub(super) fn write(&self) -> [u8; BATCH_HEADER_LEN] {
        let mut bytes = [0; BATCH_HEADER_LEN];
        let mut rest = &mut bytes[..];
        rest.put_i64(self.base_offset);
        rest.put_i32(self.length);
        rest.put_i32(self.leader_epoch);
        rest.put_i8(self.magic);
        rest.put_u32(self.crc);
        rest.put_i16(self.attributes);
        rest.put_i32(self.last_offset_delta);
        rest.put_i64(self.base_timestamp);
        rest.put_i64(self.max_timestamp);
        rest.put_i64(self.producer_id);
        rest.put_i16(self.producer_epoch);
        rest.put_i32(self.base_sequence);
        rest.put_i32(self.count);
        bytes
    }

    /// The same with the CRC of itself and `payload`.
    pub(super) fn with_crc<'a>(self, payload: impl Iterator<Item = &'a [u8]>) -> Self {
        let own = crc32c::crc32c(self.write().get(CRC_START..).unwrap_or_default());
        Self { crc: payload.fold(own, crc32c::crc32c_append), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives() {
        let mut bytes = [0; BATCH_HEADER_LEN];
        for (index, byte) in (1..).zip(&mut bytes) {
            *byte = index;
        }
        let header = BatchHeader::read(&bytes);
        assert_eq!(header.write(), bytes);
        assert_eq!(header.crc, u32::from_be_bytes([18, 19, 20, 21]));
        assert_eq!(header.count, i32::from_be_bytes([58, 59, 60, 61]));
    }
}
