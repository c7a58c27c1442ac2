//! Finding records by their timestamps: the one thing for which batches are opened.

use ottla_protocol::ErrorCode;
use ottla_protocol::compression::Codecs;
use ottla_protocol::records::Batches;

use super::{Log, StoredBatch};

/// The most that one batch may inflate to.
const INFLATE_LIMIT: usize = 1 << 30;

/// A record found by its timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) leader_epoch: i32,
}

impl Found {
    /// What is answered when there is no such record.
    pub(crate) const NOTHING: Self = Self { offset: -1, timestamp: -1, leader_epoch: -1 };
}

impl Log {
    /// The first record that is not older than `timestamp`.
    ///
    /// # Errors
    /// `CORRUPT_MESSAGE` if a batch that might hold it cannot be read.
    pub(crate) fn first_since(&self, timestamp: i64) -> Result<Option<Found>, ErrorCode> {
        for batch in self.batches.iter().filter(|batch| batch.max_timestamp >= timestamp) {
            if let Some(found) = self.first_in(batch, timestamp)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp.
    ///
    /// # Errors
    /// `CORRUPT_MESSAGE` if its batch cannot be read.
    pub(crate) fn latest_timestamp(&self) -> Result<Option<Found>, ErrorCode> {
        let largest = self.batches.iter().map(|batch| batch.max_timestamp).max();
        largest.map_or(Ok(None), |timestamp| self.first_since(timestamp))
    }

    fn first_in(&self, batch: &StoredBatch, timestamp: i64) -> Result<Option<Found>, ErrorCode> {
        let corrupt = ErrorCode::CORRUPT_MESSAGE;
        let mut batches = Batches::new(batch.bytes.clone());
        let batch = batches.next().and_then(Result::ok).ok_or(corrupt)?;
        let records = batch.inflate(&Codecs::default(), INFLATE_LIMIT).map_err(|_| corrupt)?;
        for record in &records {
            let record = record.map_err(|_| corrupt)?;
            if record.timestamp >= timestamp && record.offset >= self.start_offset {
                return Ok(Some(Found {
                    offset: record.offset,
                    timestamp: record.timestamp,
                    leader_epoch: batch.leader_epoch(),
                }));
            }
        }
        Ok(None)
    }
}
