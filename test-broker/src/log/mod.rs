//! A partition's log, in memory.
//!
//! A batch is copied once, into a chunk that it shares with its neighbours; reading hands out
//! slices of the chunks.

mod batch;
mod epochs;
mod search;
#[cfg(test)]
mod tests;
mod transactions;

use bytes::{Bytes, BytesMut};

pub(crate) use batch::BatchHeader;
pub(crate) use epochs::{EpochEnd, LeaderEpochs};
pub(crate) use search::Found;
pub(crate) use transactions::LogTransactions;

/// The first chunk of a log, so that a thousand idle partitions cost little.
const FIRST_CHUNK: usize = 4 << 10;
/// Later chunks double up to this.
const LARGEST_CHUNK: usize = 1 << 20;

/// The batches of one partition, in the order of their offsets.
#[derive(Debug, Default)]
pub(crate) struct Log {
    batches: Vec<StoredBatch>,
    /// Records before this have been deleted.
    start_offset: i64,
    /// The offset of the next record.
    end_offset: i64,
    epochs: LeaderEpochs,
    /// Room for the next batches; empty between appends.
    chunk: BytesMut,
    chunk_size: usize,
}

/// One batch as it is in the log.
#[derive(Debug, Clone)]
pub(crate) struct StoredBatch {
    pub(crate) last_offset: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) bytes: Bytes,
}

/// How much a read may give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Batches from this offset on are not shown.
    pub(crate) end_offset: i64,
    pub(crate) max_bytes: usize,
    /// The first batch comes whatever its size, so that a reader gets on (KIP-74).
    pub(crate) at_least_one: bool,
    /// Whether the last batch is cut where the bytes end, as Kafka does, or left out.
    pub(crate) cut: bool,
}

/// What a read found.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    pub(crate) batches: Vec<Bytes>,
    pub(crate) len: usize,
    /// The offset behind the last batch, if there is one.
    pub(crate) end_offset: Option<i64>,
}

impl Log {
    pub(crate) fn start_offset(&self) -> i64 {
        self.start_offset
    }

    pub(crate) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    pub(crate) fn epochs(&self) -> &LeaderEpochs {
        &self.epochs
    }

    pub(crate) fn batches(&self) -> &[StoredBatch] {
        &self.batches
    }

    /// Appends a batch and returns the offset of its first record.
    ///
    /// `append_time` replaces the producer's timestamps (`message.timestamp.type`).
    pub(crate) fn append(
        &mut self,
        bytes: &Bytes,
        header: &BatchHeader,
        leader_epoch: i32,
        append_time: Option<i64>,
    ) -> i64 {
        let base_offset = self.end_offset;
        self.make_room_for(bytes.len());
        self.chunk.extend_from_slice(bytes);
        batch::stamp(&mut self.chunk, base_offset, leader_epoch, append_time);
        let last_offset = base_offset + i64::from(header.last_offset_delta.max(0));
        self.batches.push(StoredBatch {
            last_offset,
            max_timestamp: append_time.unwrap_or(header.max_timestamp),
            bytes: self.chunk.split().freeze(),
        });
        self.epochs.assign(leader_epoch, base_offset);
        self.end_offset = last_offset + 1;
        base_offset
    }

    /// The batches from the one that holds `offset` on, as many as the limits allow.
    pub(crate) fn read(&self, offset: i64, limits: Limits) -> Slice {
        let mut slice = Slice::default();
        for batch in self.shown(offset, limits.end_offset) {
            let first = slice.batches.is_empty() && limits.at_least_one;
            let room = limits.max_bytes.saturating_sub(slice.len);
            if !first && batch.bytes.len() > room {
                if limits.cut && room > 0 {
                    slice.len += room;
                    slice.end_offset = Some(batch.last_offset + 1);
                    slice.batches.push(batch.bytes.slice(..room));
                }
                break;
            }
            slice.len += batch.bytes.len();
            slice.end_offset = Some(batch.last_offset + 1);
            slice.batches.push(batch.bytes.clone());
        }
        slice
    }

    /// How many bytes a read from `offset` to `end_offset` could give, counting no further than
    /// `enough`.
    pub(crate) fn available(&self, offset: i64, end_offset: i64, enough: usize) -> usize {
        let mut bytes = 0;
        for batch in self.shown(offset, end_offset) {
            bytes += batch.bytes.len();
            if bytes >= enough {
                break;
            }
        }
        bytes
    }

    /// Deletes the batches that lie wholly before `offset`, as retention would.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        let offset = offset.clamp(self.start_offset, self.end_offset);
        self.start_offset = offset;
        let gone = self.position(offset);
        self.batches.drain(..gone);
    }

    /// Drops the records from `offset` on, as a follower does that becomes leader without them.
    /// A batch that `offset` lies in goes as a whole.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.batches.truncate(self.position(offset.max(self.start_offset)));
        self.end_offset =
            self.batches.last().map_or(self.start_offset, |last| last.last_offset + 1);
        self.epochs.truncate(self.end_offset);
    }

    /// The batches from the one that holds `offset` up to `end_offset`.
    fn shown(&self, offset: i64, end_offset: i64) -> impl Iterator<Item = &StoredBatch> {
        let batches = self.batches.get(self.position(offset)..).unwrap_or_default();
        batches.iter().take_while(move |batch| batch.last_offset < end_offset)
    }

    /// The index of the batch that holds `offset` or, in a gap, of the one after.
    fn position(&self, offset: i64) -> usize {
        self.batches.partition_point(|batch| batch.last_offset < offset)
    }

    /// Leaves `self.chunk` empty, with capacity for `len` bytes.
    fn make_room_for(&mut self, len: usize) {
        if self.chunk.capacity() < len {
            self.chunk_size = (self.chunk_size * 2).clamp(FIRST_CHUNK, LARGEST_CHUNK);
            self.chunk = BytesMut::with_capacity(self.chunk_size.max(len));
        }
    }
}
