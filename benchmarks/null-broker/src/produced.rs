//! What is looked at in a produced batch: nothing is believed that the header says.

use std::collections::HashMap;

use anyhow::{Context, ensure};

use crate::inflate::inflate;
use crate::wire::Reader;

/// What was produced to one partition.
#[derive(Debug, Default)]
pub struct Partition {
    pub batches: u64,
    pub records: u64,
    /// Of the batches.
    pub bytes: u64,
    /// Of the numbers in the values, wrapping.
    pub sum: u64,
    /// Of their squares, wrapping.
    pub squares: u64,
    /// Batches whose sequence did not follow on, and records whose number was not greater than the one before.
    pub disorder: u64,
    /// Batches that came a second time.
    pub repeated: u64,
    /// Batches that were compressed.
    pub compressed: u64,
    inflated: Vec<u8>,
    next_sequence: HashMap<(i64, i16), i32>,
    next_number: u64,
}

impl Partition {
    /// Checks the batches of a request; returns the offset of the first record.
    pub fn append(&mut self, records: &[u8]) -> anyhow::Result<i64> {
        let base = self.records as i64;
        let mut left = records;
        while !left.is_empty() {
            let length = u32::from_be_bytes(
                left.get(8..12).context("batch without a length")?.try_into().expect("four bytes"),
            );
            let (batch, rest) = left
                .split_at_checked(12 + length as usize)
                .context("batch is longer than its request")?;
            self.batch(batch)?;
            left = rest;
        }
        Ok(base)
    }

    fn batch(&mut self, batch: &[u8]) -> anyhow::Result<()> {
        let mut header = Reader::new(batch);
        header.take(12)?;
        header.i32()?; // leader epoch
        ensure!(header.i8()? == 2, "batch is not of magic 2");
        let checksum = header.u32()?;
        ensure!(crc32c::crc32c(&batch[21..]) == checksum, "checksum of a batch is wrong");
        let attributes = header.i16()?;
        let last_delta = header.i32()?;
        header.i64()?;
        header.i64()?;
        let producer = (header.i64()?, header.i16()?);
        let sequence = header.i32()?;
        let count = header.i32()?;
        ensure!(count > 0 && last_delta == count - 1, "batch of {count}, last is {last_delta}");
        if producer.0 >= 0 {
            // Sequences wrap to zero behind the largest.
            let after = ((i64::from(sequence) + i64::from(count)) & i64::from(i32::MAX)) as i32;
            let next = self.next_sequence.entry(producer).or_insert(0);
            if sequence < *next {
                self.repeated += 1;
                return Ok(());
            }
            self.disorder += u64::from(sequence != *next);
            *next = after;
        }
        self.batches += 1;
        self.bytes += batch.len() as u64;
        if attributes & 7 == 0 {
            self.records(header, count)?;
        } else {
            self.compressed += 1;
            let mut inflated = std::mem::take(&mut self.inflated);
            inflate(attributes & 7, header.rest(), &mut inflated)?;
            self.records(Reader::new(&inflated), count)?;
            self.inflated = inflated;
        }
        self.records += count as u64;
        Ok(())
    }

    fn records(&mut self, mut records: Reader<'_>, count: i32) -> anyhow::Result<()> {
        for index in 0..i64::from(count) {
            let length = records.varint()?;
            let mut record = Reader::new(records.take(usize::try_from(length)?)?);
            record.i8()?;
            record.varint()?;
            ensure!(record.varint()? == index, "record {index} has another offset");
            let key = record.varint()?;
            record.take(usize::try_from(key).unwrap_or(0))?;
            let value = usize::try_from(record.varint()?)?;
            let number = number(record.take(value)?).context("value without a number")?;
            self.disorder += u64::from(number < self.next_number);
            self.next_number = number + 1;
            self.sum = self.sum.wrapping_add(number);
            self.squares = self.squares.wrapping_add(number.wrapping_mul(number));
        }
        ensure!(records.is_empty(), "{} bytes behind the last record", records.remaining());
        Ok(())
    }
}

/// The number of a value: its first eight bytes or, of JSON, hexadecimal digits.
fn number(value: &[u8]) -> Option<u64> {
    let Some(json) = value.strip_prefix(b"{\"number\":\"") else {
        return value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    };
    json.get(..16)?.iter().try_fold(0, |number, digit| {
        Some(number << 4 | u64::from(char::from(*digit).to_digit(16)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepared::Prepared;

    /// Three batches of four records, numbered and sequenced one after the other.
    fn batches() -> Vec<Vec<u8>> {
        let prepared = Prepared::new(16, 4, 400);
        (0..3)
            .map(|number| {
                let mut batch = Vec::new();
                let bytes = prepared.batch_bytes();
                prepared.read(&mut batch, number * 4, 12, bytes, true);
                batch
            })
            .collect()
    }

    fn after(batches: &[&Vec<u8>]) -> Partition {
        let mut partition = Partition::default();
        for batch in batches {
            partition.append(batch).unwrap();
        }
        partition
    }

    #[test]
    fn what_comes_in_order_is_in_order() {
        let [a, b, c] = batches().try_into().unwrap();
        let seen = after(&[&[a, b].concat(), &c]);
        assert_eq!((seen.batches, seen.records, seen.disorder, seen.repeated), (3, 12, 0, 0));
        assert_eq!((seen.sum, seen.squares), (66, 506));
    }

    #[test]
    fn a_lost_batch_is_noticed() {
        let [a, _, c] = batches().try_into().unwrap();
        let seen = after(&[&a, &c]);
        assert_eq!((seen.records, seen.disorder), (8, 1));
        assert_ne!(seen.sum, 66);
    }

    #[test]
    fn a_batch_that_comes_twice_is_noticed() {
        let [a, b, _] = batches().try_into().unwrap();
        let seen = after(&[&a, &b, &b]);
        assert_eq!((seen.records, seen.repeated), (8, 1));
    }

    #[test]
    fn batches_that_change_places_are_noticed() {
        let [a, b, c] = batches().try_into().unwrap();
        assert!(after(&[&a, &c, &b]).disorder > 0);
    }

    #[test]
    fn records_that_change_places_are_noticed_without_sequences() {
        let plain = |batch: &Vec<u8>| {
            let mut batch = batch.clone();
            batch[43..51].copy_from_slice(&(-1_i64).to_be_bytes());
            let checksum = crc32c::crc32c(&batch[21..]);
            batch[17..21].copy_from_slice(&checksum.to_be_bytes());
            batch
        };
        let [a, b, c] = batches().try_into().unwrap();
        assert_eq!(after(&[&plain(&a), &plain(&b), &plain(&c)]).disorder, 0);
        assert_eq!(after(&[&plain(&b), &plain(&a), &plain(&c)]).disorder, 1);
    }

    #[test]
    fn any_damaged_byte_is_noticed() {
        let good = batches().remove(0);
        // The base offset and the leader's epoch are the broker's to write.
        for at in (8..12).chain(16..good.len()) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(Partition::default().append(&bad).is_err(), "byte {at}");
        }
    }
}
