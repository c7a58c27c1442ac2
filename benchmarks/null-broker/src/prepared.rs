//! The log that consumers read: a ring of prepared batches, repeated up to the end offset.

use crate::wire::{put_unsigned_varint, put_varint};

/// A ring of batches of one size. A batch at offset `o` is the ring's batch of `o % period`, with its base offset,
/// which the checksum does not cover, written in.
///
/// The value of the record at offset `o` begins with `o % period`, as eight bytes.
#[derive(Debug)]
pub struct Prepared {
    ring: Vec<u8>,
    batch_bytes: usize,
    batch_records: usize,
    /// Records of the ring.
    pub period: i64,
}

const BASE_OFFSET: std::ops::Range<usize> = 0..8;
/// Base offset and length are not counted in the length; neither they nor the epoch, magic and checksum are in the checksum.
const LENGTH_AT: usize = 8;
const CHECKSUM_AT: usize = 17;
const CHECKED_FROM: usize = 21;
/// Milliseconds since the epoch, of every batch.
const TIMESTAMP: i64 = 1_790_000_000_000;

impl Prepared {
    pub const fn nothing() -> Self {
        Self { ring: Vec::new(), batch_bytes: 0, batch_records: 0, period: 0 }
    }

    pub fn new(value_size: usize, batch_records: usize, ring_bytes: usize) -> Self {
        let mut ring = Vec::new();
        let mut number = 0;
        let mut batches = 0;
        let mut batch_bytes = 0;
        while ring.len() < ring_bytes.max(1) {
            let start = ring.len();
            put_batch(&mut ring, &mut number, value_size, batch_records);
            batch_bytes = ring.len() - start;
            batches += 1;
        }
        debug_assert_eq!(ring.len(), batch_bytes * batches, "batches are of one size");
        Self { ring, batch_bytes, batch_records, period: number as i64 }
    }

    /// Bytes of one batch.
    pub const fn batch_bytes(&self) -> usize {
        self.batch_bytes
    }

    /// Records of one batch.
    pub const fn batch_records(&self) -> usize {
        self.batch_records
    }

    /// Appends the log from the batch that has `offset` in it up to `end`: at most `limit` bytes, cut wherever that
    /// is, as Kafka does it; but if `whole_first`, the first batch is whole.
    pub fn read(&self, out: &mut Vec<u8>, offset: i64, end: i64, limit: usize, whole_first: bool) {
        let records = self.batch_records as i64;
        let mut batch = offset / records;
        let first = batch;
        let mut left = limit;
        while left > 0 && batch * records < end {
            let start = (batch % (self.period / records)) as usize * self.batch_bytes;
            let whole = &self.ring[start..start + self.batch_bytes];
            let taken = if whole_first && batch == first {
                self.batch_bytes
            } else {
                left.min(self.batch_bytes)
            };
            let at = out.len();
            out.extend_from_slice(&whole[..taken]);
            let base = (batch * records).to_be_bytes();
            let patched = taken.min(BASE_OFFSET.end);
            out[at..at + patched].copy_from_slice(&base[..patched]);
            left = left.saturating_sub(taken);
            batch += 1;
        }
    }
}

/// A batch as an idempotent producer writes it; all numbers are of a fixed width or fit one, so that all have one size.
fn put_batch(out: &mut Vec<u8>, number: &mut u64, value_size: usize, records: usize) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_AT + 4]);
    out.extend_from_slice(&0_i32.to_be_bytes()); // leader epoch
    out.push(2); // magic
    out.extend_from_slice(&[0; 4]); // checksum
    out.extend_from_slice(&0_i16.to_be_bytes()); // attributes
    out.extend_from_slice(&(records as i32 - 1).to_be_bytes()); // last offset delta
    out.extend_from_slice(&TIMESTAMP.to_be_bytes());
    out.extend_from_slice(&TIMESTAMP.to_be_bytes());
    out.extend_from_slice(&4000_i64.to_be_bytes()); // producer id
    out.extend_from_slice(&0_i16.to_be_bytes()); // its epoch
    out.extend_from_slice(&(*number as i32).to_be_bytes()); // sequence
    out.extend_from_slice(&(records as i32).to_be_bytes());
    let mut record = Vec::new();
    for index in 0..records {
        record.clear();
        record.push(0); // attributes
        put_varint(&mut record, 0); // timestamp delta
        put_varint(&mut record, index as i64); // offset delta
        put_varint(&mut record, -1); // no key
        put_varint(&mut record, value_size as i64);
        record.extend_from_slice(&number.to_be_bytes());
        record.resize(record.len() + value_size - 8, b'v');
        put_unsigned_varint(&mut record, 0); // no headers
        put_varint(out, record.len() as i64);
        out.extend_from_slice(&record);
        *number += 1;
    }
    let length = (out.len() - start - LENGTH_AT - 4) as i32;
    out[start + LENGTH_AT..start + LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&out[start + CHECKED_FROM..]);
    out[start + CHECKSUM_AT..start + CHECKSUM_AT + 4].copy_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_at(log: &[u8], at: usize) -> i64 {
        i64::from_be_bytes(log[at..at + 8].try_into().unwrap())
    }

    #[test]
    fn the_log_repeats_with_other_offsets() {
        let prepared = Prepared::new(10, 5, 1);
        let size = prepared.batch_bytes();
        assert_eq!(prepared.period, 5);
        let mut log = Vec::new();
        prepared.read(&mut log, 7, 20, 10 * size, true);
        assert_eq!(log.len(), 3 * size, "from the batch that has offset 7 to the end");
        assert_eq!([0, size, 2 * size].map(|at| offset_at(&log, at)), [5, 10, 15]);
        assert_eq!(log[8..size], log[size + 8..2 * size]);
    }

    #[test]
    fn the_log_is_cut_where_the_limit_is_but_for_the_first_batch() {
        let prepared = Prepared::new(10, 5, 1);
        let size = prepared.batch_bytes();
        let read = |limit, whole| {
            let mut log = Vec::new();
            prepared.read(&mut log, 0, 20, limit, whole);
            log.len()
        };
        assert_eq!(read(size + 3, true), size + 3);
        assert_eq!(read(3, true), size);
        assert_eq!(read(3, false), 3);
    }
}
