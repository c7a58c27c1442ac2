//! What is looked at in a produced batch: nothing is believed that the header says.

use std::collections::HashMap;

use anyhow::{Context, ensure};

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
    /// Batches that were compressed, so that nothing of their records was seen.
    pub opaque: u64,
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
            self.opaque += 1;
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
            ensure!(record.varint()? >= 8, "value without a number");
            let number = record.u64()?;
            self.disorder += u64::from(number < self.next_number);
            self.next_number = number + 1;
            self.sum = self.sum.wrapping_add(number);
            self.squares = self.squares.wrapping_add(number.wrapping_mul(number));
        }
        ensure!(records.is_empty(), "{} bytes behind the last record", records.remaining());
        Ok(())
    }
}
