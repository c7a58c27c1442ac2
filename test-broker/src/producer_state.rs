//! What a partition remembers of each producer, and the checks made of it before a batch is appended.
//!
//! The rules are those of Kafka's `ProducerStateManager`, `ProducerStateEntry` and
//! `ProducerAppendInfo` (storage module): without them a client that repeats, skips or reorders
//! batches would pass its tests here and corrupt a log elsewhere.

use std::collections::{BTreeMap, VecDeque};

use ottla_protocol::ErrorCode;

/// Kafka keeps the last five batches of a producer, the most a client may have in flight
/// (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`).
const BATCHES_REMEMBERED: usize = 5;

/// A batch as its producer numbered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sequenced {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) first: i32,
    pub(crate) last: i32,
}

impl Sequenced {
    /// The batch of `records` records whose first sequence number is `first`; numbers wrap from
    /// `i32::MAX` to 0 (`DefaultRecordBatch.incrementSequence`).
    pub(crate) fn new(producer_id: i64, epoch: i16, first: i32, records: u32) -> Self {
        let steps = i64::from(records.max(1)) - 1;
        let last = (i64::from(first) + steps) % (i64::from(i32::MAX) + 1);
        Self { producer_id, epoch, first, last: i32::try_from(last).unwrap_or(i32::MAX) }
    }
}

/// Where an earlier append put a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    pub(crate) timestamp: i64,
}

/// What to do with a batch that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is next in line.
    Append,
    /// It is in the log already: answer with success and the offset it got then.
    Duplicate(Appended),
}

/// The producers known to one partition.
#[derive(Debug, Default)]
pub(crate) struct ProducerStates {
    producers: BTreeMap<i64, ProducerEntry>,
}

#[derive(Debug)]
struct ProducerEntry {
    epoch: i16,
    recent: VecDeque<RecentBatch>,
}

#[derive(Debug, Clone, Copy)]
struct RecentBatch {
    first: i32,
    last: i32,
    at: Appended,
}

impl ProducerStates {
    /// Judges a batch by what its producer wrote before.
    ///
    /// A producer that this partition does not know may start at any sequence: Kafka cannot tell
    /// a lost beginning from one that retention deleted (`ProducerAppendInfo.checkSequence`).
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH` for an epoch older than the last seen;
    /// `OUT_OF_ORDER_SEQUENCE_NUMBER` for a gap, for a repetition older than the batches
    /// remembered, and for a new epoch that does not start at 0.
    pub(crate) fn check(&self, batch: Sequenced) -> Result<Verdict, ErrorCode> {
        let Some(entry) = self.producers.get(&batch.producer_id) else {
            return Ok(Verdict::Append);
        };
        if batch.epoch == entry.epoch {
            if let Some(known) = entry.find(batch) {
                return Ok(Verdict::Duplicate(known.at));
            }
        }
        if batch.epoch < entry.epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        let in_order = if batch.epoch > entry.epoch {
            batch.first == 0
        } else {
            // After a marker of this epoch and before its first batch, 0 is next.
            entry.recent.back().map_or(batch.first == 0, |last| follows(last.last, batch.first))
        };
        if in_order { Ok(Verdict::Append) } else { Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) }
    }

    /// Remembers a batch that was appended at `at`.
    pub(crate) fn record(&mut self, batch: Sequenced, at: Appended) {
        let entry = self
            .producers
            .entry(batch.producer_id)
            .or_insert_with(|| ProducerEntry { epoch: batch.epoch, recent: VecDeque::new() });
        if entry.epoch != batch.epoch {
            entry.epoch = batch.epoch;
            entry.recent.clear();
        }
        if entry.recent.len() == BATCHES_REMEMBERED {
            entry.recent.pop_front();
        }
        entry.recent.push_back(RecentBatch { first: batch.first, last: batch.last, at });
    }

    /// The epoch last seen of a producer.
    pub(crate) fn epoch(&self, producer_id: i64) -> Option<i16> {
        self.producers.get(&producer_id).map(|entry| entry.epoch)
    }

    /// A marker of this producer was appended: what it wrote under older epochs is no longer
    /// recognised (`ProducerStateEntry.update`).
    pub(crate) fn marked(&mut self, producer_id: i64, epoch: i16) {
        let new = || ProducerEntry { epoch, recent: VecDeque::new() };
        let entry = self.producers.entry(producer_id).or_insert_with(new);
        if entry.epoch != epoch {
            *entry = new();
        }
    }

    /// Forgets every producer, as when retention has deleted all that they wrote.
    pub(crate) fn forget(&mut self) {
        self.producers.clear();
    }
}

impl ProducerEntry {
    fn find(&self, batch: Sequenced) -> Option<&RecentBatch> {
        self.recent.iter().find(|known| known.first == batch.first && known.last == batch.last)
    }
}

fn follows(last: i32, next: i32) -> bool {
    i64::from(next) == i64::from(last) + 1 || (next == 0 && last == i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCER: i64 = 7;

    fn batch(epoch: i16, first: i32, records: u32) -> Sequenced {
        Sequenced::new(PRODUCER, epoch, first, records)
    }

    /// Appends as a log would, at offset = sequence.
    fn append(states: &mut ProducerStates, batch: Sequenced) -> Result<Verdict, ErrorCode> {
        let verdict = states.check(batch)?;
        if verdict == Verdict::Append {
            let at = Appended { base_offset: i64::from(batch.first), timestamp: 0 };
            states.record(batch, at);
        }
        Ok(verdict)
    }

    #[test]
    fn a_gap_is_out_of_order() {
        let mut states = ProducerStates::default();
        append(&mut states, batch(0, 0, 10)).unwrap();
        let gap = append(&mut states, batch(0, 11, 1));
        assert_eq!(gap, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
        assert_eq!(append(&mut states, batch(0, 10, 1)), Ok(Verdict::Append));
    }

    #[test]
    fn the_last_five_batches_are_recognised_when_repeated() {
        let mut states = ProducerStates::default();
        for first in 0..6 {
            append(&mut states, batch(0, first, 1)).unwrap();
        }
        for first in 1..6 {
            let again = append(&mut states, batch(0, first, 1));
            let at = Appended { base_offset: i64::from(first), timestamp: 0 };
            assert_eq!(again, Ok(Verdict::Duplicate(at)));
        }
        let forgotten = append(&mut states, batch(0, 0, 1));
        assert_eq!(forgotten, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    }

    #[test]
    fn a_repetition_with_other_records_is_not_a_duplicate() {
        let mut states = ProducerStates::default();
        append(&mut states, batch(0, 0, 10)).unwrap();
        let longer = append(&mut states, batch(0, 0, 11));
        assert_eq!(longer, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
    }

    #[test]
    fn a_new_epoch_starts_at_zero_and_fences_the_old_one() {
        let mut states = ProducerStates::default();
        append(&mut states, batch(0, 0, 3)).unwrap();
        let late = append(&mut states, batch(1, 3, 1));
        assert_eq!(late, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
        assert_eq!(append(&mut states, batch(1, 0, 1)), Ok(Verdict::Append));
        let stale = append(&mut states, batch(0, 3, 1));
        assert_eq!(stale, Err(ErrorCode::INVALID_PRODUCER_EPOCH));
        let stale_duplicate = append(&mut states, batch(0, 0, 3));
        assert_eq!(stale_duplicate, Err(ErrorCode::INVALID_PRODUCER_EPOCH));
    }

    #[test]
    fn what_an_older_epoch_wrote_is_no_duplicate() {
        let mut states = ProducerStates::default();
        append(&mut states, batch(0, 0, 2)).unwrap();
        append(&mut states, batch(0, 2, 2)).unwrap();
        append(&mut states, batch(1, 0, 2)).unwrap();
        assert_eq!(append(&mut states, batch(1, 2, 2)), Ok(Verdict::Append));
    }

    #[test]
    fn an_unknown_producer_may_start_anywhere() {
        let mut states = ProducerStates::default();
        assert_eq!(append(&mut states, batch(4, 1_000, 5)), Ok(Verdict::Append));
        let gap = append(&mut states, batch(4, 1_006, 1));
        assert_eq!(gap, Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
        states.forget();
        assert_eq!(append(&mut states, batch(4, 1_006, 1)), Ok(Verdict::Append));
    }

    #[test]
    fn sequences_wrap_after_the_largest() {
        let mut states = ProducerStates::default();
        let across = batch(0, i32::MAX - 1, 4);
        assert_eq!(across.last, 1);
        append(&mut states, across).unwrap();
        assert_eq!(append(&mut states, batch(0, 2, 1)), Ok(Verdict::Append));

        let mut states = ProducerStates::default();
        append(&mut states, batch(0, i32::MAX, 1)).unwrap();
        assert_eq!(append(&mut states, batch(0, 0, 1)), Ok(Verdict::Append));
    }
}
