//! What was fetched of a partition and not yet handed out.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use ottla_protocol::records::{Batch, Batches};
use smallvec::SmallVec;

use crate::error::PartitionError;
use crate::fetch::Charge;
use crate::record_batch::Part;

/// How many batches of a partition are inflated at a time: the one that is handed out from and
/// the one after it. Uncompressed ones cost nothing more when they are ready, and do not count.
const INFLATED: usize = 2;

/// A batch as it came.
#[derive(Debug)]
pub(crate) struct RawEntry {
    pub(crate) batch: Batch,
    pub(crate) charge: Charge,
    /// The offset that was asked for: a batch comes whole, wherever in it that lies.
    pub(crate) from: i64,
}

/// In the order of the offsets: what is ready, what is being made ready, what is raw, and what
/// stopped the partition behind all of that.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    ready: VecDeque<Ready>,
    /// How many of `ready` take more memory than when they came.
    inflated: usize,
    /// At most one at a time, so that they come out in order.
    preparing: bool,
    raw: VecDeque<RawEntry>,
    failure: Option<(PartitionError, i64)>,
    /// Bytes on the wire of all of it.
    bytes: usize,
}

#[derive(Debug)]
struct Ready {
    part: Part,
    wire: usize,
    inflated: bool,
}

impl Buffer {
    /// Bytes waiting, as they came over the wire.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, entry: RawEntry) {
        self.bytes = self.bytes.saturating_add(entry.charge.bytes());
        self.raw.push_back(entry);
    }

    /// Nothing comes behind this.
    pub(super) fn fail(&mut self, error: PartitionError, resume_at: i64) {
        self.failure.get_or_insert((error, resume_at));
    }

    /// Whether there are records to hand out.
    pub(super) fn has_records(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether nothing is left but the failure, if there is one.
    pub(super) fn is_drained(&self) -> bool {
        self.ready.is_empty() && self.raw.is_empty() && !self.preparing
    }

    /// Whether it is the failure's turn.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some() && self.is_drained()
    }

    pub(super) fn take_failure(&mut self) -> Option<(PartitionError, i64)> {
        if self.is_drained() { self.failure.take() } else { None }
    }

    /// The next batch to make ready, if it is time for it.
    pub(super) fn next_to_prepare(&mut self) -> Option<RawEntry> {
        use ottla_protocol::compression::Compression;
        let next = self.raw.front()?;
        let compressed = next.batch.compression() != Compression::None;
        if self.preparing || (compressed && self.inflated >= INFLATED) {
            return None;
        }
        self.preparing = true;
        self.raw.pop_front()
    }

    /// Takes back what `next_to_prepare` gave, made ready.
    ///
    /// A batch without records only moves the position: of what is ready before it, or, if
    /// nothing is, of the partition, to the offset that is returned.
    pub(super) fn prepared(
        &mut self,
        wire: usize,
        next_offset: i64,
        inflated: bool,
        outcome: Result<Option<Part>, PartitionError>,
    ) -> Option<i64> {
        self.preparing = false;
        match outcome {
            Ok(Some(part)) => {
                self.inflated += usize::from(inflated);
                self.ready.push_back(Ready { part, wire, inflated });
                None
            }
            Ok(None) => {
                self.bytes = self.bytes.saturating_sub(wire);
                match self.ready.back_mut() {
                    Some(last) => {
                        last.part.next_offset = next_offset;
                        None
                    }
                    None => Some(next_offset),
                }
            }
            Err(error) => {
                // What lies behind a broken batch would be handed out as if it followed.
                self.raw.clear();
                self.bytes = self.ready.iter().map(|ready| ready.wire).sum();
                self.failure = Some((error, next_offset));
                None
            }
        }
    }

    /// Up to `max` records, in as few parts as they lie in.
    pub(super) fn take(&mut self, max: usize) -> SmallVec<[Part; 1]> {
        let mut taken = SmallVec::new();
        let mut left = u32::try_from(max).unwrap_or(u32::MAX).max(1);
        while left > 0 {
            let Some(first) = self.ready.front_mut() else { break };
            if first.part.count <= left {
                left -= first.part.count;
                self.bytes = self.bytes.saturating_sub(first.wire);
                self.inflated = self.inflated.saturating_sub(usize::from(first.inflated));
                taken.extend(self.ready.pop_front().map(|ready| ready.part));
            } else {
                taken.push(split_front(&mut first.part, left));
                left = 0;
            }
        }
        taken
    }

    /// Gives back what was taken last.
    pub(super) fn put_back(&mut self, parts: impl DoubleEndedIterator<Item = Part>) {
        for part in parts.rev() {
            // Its bytes were counted off when it was taken; it does not keep the partition from
            // being fetched a second time.
            self.ready.push_front(Ready { part, wire: 0, inflated: false });
        }
    }

    /// Copies what is buffered out of the answers it came in, which other partitions share.
    pub(super) fn detach(&mut self) {
        for entry in &mut self.raw {
            let copy = Bytes::copy_from_slice(entry.batch.bytes());
            if let Some(Ok(batch)) = Batches::new(copy).next() {
                entry.batch = batch;
            }
        }
        for Ready { part, .. } in &mut self.ready {
            if let Some(chunk) = Arc::get_mut(&mut part.chunk) {
                chunk.records = Bytes::copy_from_slice(&chunk.records);
            }
        }
    }

    pub(super) fn first_offset(&self) -> Option<i64> {
        let Ready { part, .. } = self.ready.front()?;
        let first = part.cursor.clone().next(&part.chunk.records)?.ok()?;
        Some(first.offset)
    }
}

/// Splits `count` records off the front, of which there must be more.
fn split_front(part: &mut Part, count: u32) -> Part {
    let mut front = Part { count, ..part.clone() };
    for _ in 0..count {
        // Invariant of `Part`: there are as many records, and they can be read.
        if let Some(Ok(record)) = part.cursor.next(&part.chunk.records) {
            front.next_offset = record.offset.saturating_add(1);
        }
    }
    part.count = part.count.saturating_sub(count);
    front
}
