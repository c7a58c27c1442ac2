//! The heads of the batches in a log file: who wrote them, under which sequence.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// A batch of the log, of format 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The offset of its first record.
    pub base_offset: i64,
    /// How many records it has.
    pub count: i32,
    /// The producer that wrote it; -1 if it is not idempotent.
    pub producer_id: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// The sequence of its first record.
    pub base_sequence: i32,
}

/// Reads all batches of a log file of Kafka, as the broker has it on its disk. What the broker
/// has not written completely is left out.
///
/// # Errors
/// If the file cannot be read, or has a batch of an older format.
pub fn read_batches(file: &Path) -> io::Result<Vec<Batch>> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(file)?);
    let mut batches = Vec::new();
    let mut head = [0; HEAD as usize];
    loop {
        match file.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(batches),
            Err(error) => return Err(error),
        }
        // Files are made larger than what is in them in advance.
        let length = i32::from_be_bytes(field(&head, 8)?);
        if length == 0 {
            return Ok(batches);
        }
        if field(&head, 16)? != [2] {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a batch of an older format"));
        }
        batches.push(Batch {
            base_offset: i64::from_be_bytes(field(&head, 0)?),
            producer_id: i64::from_be_bytes(field(&head, 43)?),
            producer_epoch: i16::from_be_bytes(field(&head, 51)?),
            base_sequence: i32::from_be_bytes(field(&head, 53)?),
            count: i32::from_be_bytes(field(&head, 57)?),
        });
        // The length counts from behind itself.
        file.seek_relative(i64::from(length) + 12 - i64::from(HEAD))?;
    }
}

fn field<const N: usize>(head: &[u8; HEAD as usize], at: usize) -> io::Result<[u8; N]> {
    let bytes = head.get(at..at + N).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Bytes before the first record of a batch.
const HEAD: u8 = 61;
