//! The transactions in one partition's log: which are open, and which were aborted.
//!
//! Kafka keeps the first in `ProducerStateManager` and the second in `TransactionIndex`.

use std::collections::BTreeMap;

/// A transaction whose records a reader of committed ones has to skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    /// Of its first record.
    pub(crate) first_offset: i64,
    /// Of its marker.
    pub(crate) last_offset: i64,
}

/// What a log knows of transactions.
#[derive(Debug, Default)]
pub(crate) struct LogTransactions {
    /// The first offset of each open one, by producer.
    open: BTreeMap<i64, i64>,
    /// First and last offset of those whose marker may lie above the high watermark.
    ended: Vec<(i64, i64)>,
    /// In the order of their markers.
    aborted: Vec<Aborted>,
}

impl LogTransactions {
    pub(crate) fn is_open(&self, producer_id: i64) -> bool {
        self.open.contains_key(&producer_id)
    }

    /// A transactional batch was appended.
    pub(crate) fn wrote(&mut self, producer_id: i64, base_offset: i64) {
        self.open.entry(producer_id).or_insert(base_offset);
    }

    /// A marker was appended. One without records before it leaves no trace
    /// (`ProducerAppendInfo.appendEndTxnMarker`).
    pub(crate) fn marked(&mut self, producer_id: i64, at: i64, commit: bool) {
        let Some(first_offset) = self.open.remove(&producer_id) else { return };
        self.ended.push((first_offset, at));
        if !commit {
            self.aborted.push(Aborted { producer_id, first_offset, last_offset: at });
        }
    }

    /// Where reading of committed records ends: before the first record whose fate is not decided
    /// below the high watermark (`UnifiedLog.fetchLastStableOffsetMetadata`).
    pub(crate) fn last_stable(&self, high_watermark: i64, log_start: i64) -> i64 {
        let undecided = self.ended.iter().filter(|(_, last)| *last >= high_watermark);
        let first = undecided.map(|(first, _)| *first).chain(self.open.values().copied()).min();
        first.map_or(high_watermark, |first| first.max(log_start).min(high_watermark))
    }

    /// The aborted transactions with records in `from..to` (`TransactionIndex.collectAbortedTxns`).
    pub(crate) fn aborted_between(&self, from: i64, to: i64) -> impl Iterator<Item = &Aborted> {
        self.aborted.iter().filter(move |it| it.last_offset >= from && it.first_offset < to)
    }

    /// Everything below `high_watermark` is decided for good.
    pub(crate) fn settle(&mut self, high_watermark: i64) {
        self.ended.retain(|(_, last)| *last >= high_watermark);
    }

    /// The log begins at `offset` now.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.aborted.retain(|it| it.last_offset >= offset);
    }

    /// The log ends at `offset` now, and who wrote it is forgotten.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.open.clear();
        self.ended.retain(|(_, last)| *last < offset);
        self.aborted.retain(|it| it.last_offset < offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_before_the_oldest_open_transaction() {
        let mut log = LogTransactions::default();
        assert_eq!(log.last_stable(10, 0), 10);
        log.wrote(1, 4);
        log.wrote(2, 6);
        log.wrote(1, 8);
        assert_eq!(log.last_stable(10, 0), 4);
        log.marked(1, 10, true);
        assert_eq!(log.last_stable(11, 0), 6);
        log.marked(2, 11, false);
        assert_eq!(log.last_stable(12, 0), 12);
        assert_eq!(log.last_stable(11, 0), 6, "its marker is not replicated yet");
        log.settle(12);
        assert_eq!(log.last_stable(12, 0), 12);
    }

    #[test]
    fn records_that_were_deleted_hold_nobody_up() {
        let mut log = LogTransactions::default();
        log.wrote(1, 4);
        assert_eq!(log.last_stable(10, 7), 7);
    }

    #[test]
    fn aborted_transactions_are_told_to_who_reads_into_them() {
        let mut log = LogTransactions::default();
        for (producer_id, first, last) in [(1, 0, 3), (2, 2, 5), (1, 4, 6)] {
            log.wrote(producer_id, first);
            log.marked(producer_id, last, producer_id == 2);
        }
        // A marker alone leaves no trace.
        log.marked(9, 7, false);
        let told = |from, to| {
            let found = log.aborted_between(from, to);
            found.map(|it| (it.producer_id, it.first_offset)).collect::<Vec<_>>()
        };
        assert_eq!(told(0, 10), [(1, 0), (1, 4)]);
        assert_eq!(told(3, 4), [(1, 0)]);
        assert_eq!(told(4, 5), [(1, 4)]);
        assert_eq!(told(7, 10), []);
    }

    #[test]
    fn what_is_cut_off_is_forgotten() {
        let mut log = LogTransactions::default();
        log.wrote(1, 0);
        log.marked(1, 2, false);
        log.wrote(1, 3);
        log.truncate(2);
        assert_eq!(log.last_stable(2, 0), 2);
        assert_eq!(log.aborted_between(0, 9).count(), 0);
    }
}
