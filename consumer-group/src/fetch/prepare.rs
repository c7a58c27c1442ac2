//! A batch made ready to be handed out: checked, inflated, and read through once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ottla_client::TopicPartition;
use ottla_protocol::compression::{Codecs, Compression, DecompressError};
use ottla_protocol::records::{Batch, BatchError, Inflated, RecordCursor};

use super::budget::{Budget, Charge};
use crate::error::PartitionError;
use crate::mark::AssignmentEpoch;
use crate::partitions::Slot;
use crate::record_batch::{Chunk, Part};

/// Above this many compressed bytes inflating takes long enough (some 100 µs) to be moved off the
/// threads that other tasks run on.
const HEAVY: usize = 32 * 1024;

/// A batch that is to be made ready.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) slot: Slot,
    pub(crate) epoch: AssignmentEpoch,
    pub(crate) generation: u64,
    pub(crate) at: TopicPartition,
    pub(crate) batch: Batch,
    /// Of the batch as it came.
    pub(crate) charge: Charge,
    /// Records before it are not wanted: a batch comes whole, wherever in it one starts to read.
    pub(crate) from: i64,
}

/// What came of a job.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) slot: Slot,
    pub(crate) generation: u64,
    /// Bytes as it came.
    pub(crate) wire: usize,
    /// Whether it takes more memory now than it did then.
    pub(crate) inflated: bool,
    /// Where to go on behind the batch.
    pub(crate) next_offset: i64,
    /// `None` for a batch without records to hand out, such as a transaction's marker.
    pub(crate) outcome: Result<Option<Part>, PartitionError>,
}

impl Job {
    /// Whether it may take long.
    pub(crate) fn is_heavy(&self) -> bool {
        self.batch.compression() != Compression::None && self.charge.bytes() > HEAVY
    }

    pub(crate) fn run(self, codecs: &Codecs, limit: usize, budget: &Arc<Budget>) -> Prepared {
        Prepared {
            slot: self.slot,
            generation: self.generation,
            wire: self.charge.bytes(),
            inflated: self.batch.compression() != Compression::None,
            next_offset: self.batch.next_offset(),
            outcome: self.prepare_whole(codecs, limit, budget),
        }
    }

    /// A codec may be the user's own: its panic must not leave the partition waiting for ever.
    fn prepare_whole(
        self,
        codecs: &Codecs,
        limit: usize,
        budget: &Arc<Budget>,
    ) -> Result<Option<Part>, PartitionError> {
        let base_offset = self.batch.base_offset();
        let prepare = AssertUnwindSafe(|| self.prepare(codecs, limit, budget));
        std::panic::catch_unwind(prepare).unwrap_or_else(|_| {
            let reason = "its codec panicked".to_owned();
            Err(PartitionError::Unsupported { base_offset, reason })
        })
    }

    fn prepare(
        self,
        codecs: &Codecs,
        limit: usize,
        budget: &Arc<Budget>,
    ) -> Result<Option<Part>, PartitionError> {
        let batch = self.batch;
        batch.check_crc().map_err(|error| batch_error(&error, limit))?;
        if batch.is_control() {
            return Ok(None);
        }
        let records = batch.inflate(codecs, limit).map_err(|error| batch_error(&error, limit))?;
        let charge = match batch.compression() {
            Compression::None => self.charge,
            _ => budget.charge(records.len()),
        };
        let Some((cursor, count)) = read_through(&records, self.from)? else {
            return Ok(None);
        };
        let next_offset = batch.next_offset();
        let chunk = Chunk {
            at: self.at,
            slot: self.slot,
            epoch: self.epoch,
            generation: self.generation,
            leader_epoch: batch.leader_epoch(),
            records: records.into_bytes(),
            _charge: charge,
        };
        Ok(Some(Part { chunk: Arc::new(chunk), cursor, count, next_offset }))
    }
}

/// Reads every record once, so that nobody who iterates later meets an error halfway: a cursor at
/// the first record that is wanted, and how many there are from it on.
fn read_through(
    records: &Inflated,
    from: i64,
) -> Result<Option<(RecordCursor, u32)>, PartitionError> {
    let corrupt = |error: &dyn std::error::Error| PartitionError::Corrupt {
        base_offset: records.base_offset(),
        reason: error.to_string(),
    };
    let mut start = records.cursor();
    let mut cursor = records.cursor();
    if records.base_offset() < from {
        while let Some(record) = cursor.next(records) {
            if record.map_err(|error| corrupt(&error))?.offset >= from {
                break;
            }
            start = cursor.clone();
        }
        cursor = start.clone();
    }
    let mut count = 0_u32;
    while let Some(record) = cursor.next(records) {
        record.map_err(|error| corrupt(&error))?;
        count = count.saturating_add(1);
    }
    Ok((count > 0).then_some((start, count)))
}

/// An error of the batch as the application gets to see it.
pub(crate) fn batch_error(error: &BatchError, limit: usize) -> PartitionError {
    let base_offset = error.base_offset();
    match error {
        BatchError::UnsupportedMagic { .. } => {
            PartitionError::Unsupported { base_offset, reason: error.to_string() }
        }
        BatchError::Inflate { source: DecompressError::TooLarge { .. }, .. } => {
            PartitionError::TooLarge { base_offset, limit }
        }
        BatchError::Inflate { source: source @ DecompressError::Missing(_), .. } => {
            PartitionError::Unsupported { base_offset, reason: source.to_string() }
        }
        BatchError::Inflate { source, .. } => {
            PartitionError::Corrupt { base_offset, reason: source.to_string() }
        }
        error => PartitionError::Corrupt { base_offset, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use bytes::Bytes;
    use ottla_client::Client;
    use ottla_protocol::records::Batches;
    use smallvec::smallvec;

    use super::*;
    use crate::record_batch::RecordBatch;

    /// The offsets and values that are handed out of a file of the corpus of record formats, read
    /// from an offset on, and the position behind them.
    fn handed_out(name: &str, from: i64) -> (Vec<(i64, String)>, i64) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/records");
        let bytes = Bytes::from(fs::read(corpus.join(format!("{name}.bin"))).unwrap());
        let client = Client::builder().bootstrap(["nowhere:1"]).build().unwrap();
        let at = TopicPartition::new(client.topic("old"), 0);
        let budget = Budget::new(1 << 20);
        let (mut seen, mut position) = (Vec::new(), from);
        for batch in Batches::new(bytes).map(Result::unwrap).filter(|b| b.next_offset() > from) {
            let charge = budget.charge(batch.bytes().len());
            let (slot, epoch) = (Slot(0), AssignmentEpoch::fresh());
            let job = Job { slot, epoch, generation: 0, at: at.clone(), batch, charge, from };
            let prepared = job.run(&Codecs::default(), 1 << 20, &budget);
            position = prepared.next_offset;
            let Some(part) = prepared.outcome.unwrap() else { continue };
            let records = RecordBatch::new(smallvec![part]).unwrap();
            assert_eq!(records.len(), records.iter().count());
            for (record, message) in records.iter().zip(records.messages()) {
                let value = record.value().map(String::from_utf8_lossy).unwrap_or_default();
                assert_eq!(message.value(), record.value());
                assert_eq!(message.detach().key(), record.key());
                assert_eq!(
                    (message.timestamp(), message.headers().count()),
                    (record.timestamp(), 0)
                );
                seen.push((record.offset(), value.into_owned()));
            }
        }
        (seen, position)
    }

    #[tokio::test]
    async fn logs_of_every_format_are_handed_out_from_any_offset() {
        let (all, end) = handed_out("mixed-v2-v1", 3);
        assert_eq!((all.len(), end), (20, 23));
        for from in 4..23 {
            // Most of these lie within a compressed message, which only tells its last offset.
            let (part, end) = handed_out("mixed-v2-v1", from);
            assert_eq!(part, all[all.len() - part.len()..], "from {from}");
            assert_eq!((part[0].0, end), (from, 23));
        }
        let (compacted, end) = handed_out("v1-wrapper-relative", 101);
        let offsets: Vec<_> = compacted.iter().map(|(offset, _)| *offset).collect();
        assert_eq!((offsets, end), (vec![101, 104], 105));
    }
}
