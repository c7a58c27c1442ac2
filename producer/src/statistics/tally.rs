use std::sync::atomic::{AtomicU64, Ordering};

use super::snapshot::RecordStatistics;
use crate::outcome::Why;

/// What became of the records of one partition, or of those that wait for their topic.
///
/// Records count as entered when their batch is closed; whoever takes a snapshot adds those of the
/// open one.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    closed: AtomicU64,
    /// Of those in `closed`: they went on to another partition and are counted there as well.
    moved: AtomicU64,
    written: AtomicU64,
    expired: AtomicU64,
    discarded: AtomicU64,
    unknown: AtomicU64,
    retried: AtomicU64,
    batches: AtomicU64,
    raw_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    errors: AtomicU64,
}

impl Tally {
    /// A batch takes no more records.
    pub(crate) fn closed(&self, records: u32) {
        add(&self.closed, records.into());
    }

    /// Records went on to another partition.
    pub(crate) fn moved(&self, records: u64) {
        add(&self.moved, records);
    }

    /// A batch is sent for the first time.
    pub(crate) fn sent(&self, raw_bytes: usize, sent_bytes: usize) {
        add(&self.batches, 1);
        add(&self.raw_bytes, raw_bytes as u64);
        add(&self.sent_bytes, sent_bytes as u64);
    }

    /// A batch is sent again.
    pub(crate) fn retried(&self, records: u32) {
        add(&self.retried, records.into());
    }

    /// A try to send a batch had no success.
    pub(crate) fn error(&self) {
        add(&self.errors, 1);
    }

    pub(crate) fn written(&self, records: u32) {
        add(&self.written, records.into());
    }

    pub(crate) fn failed(&self, records: u64, why: &Why) {
        let counter = match why {
            Why::NotWritten(reason) if reason.is_expiry() => &self.expired,
            Why::NotWritten(_) => &self.discarded,
            Why::Unknown(_) => &self.unknown,
        };
        add(counter, records);
    }

    /// Records of closed batches that are counted here and nowhere else.
    pub(crate) fn entered(&self) -> u64 {
        let moved = self.moved.load(Ordering::Relaxed);
        self.closed.load(Ordering::Relaxed).saturating_sub(moved)
    }

    /// Records of all batches that were ever closed.
    pub(crate) fn ever(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    /// What is counted. `entered` is asked for last, so that no outcome shows without its entry.
    pub(crate) fn read(&self, entered: impl FnOnce() -> u64) -> RecordStatistics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RecordStatistics {
            written: get(&self.written),
            expired: get(&self.expired),
            discarded: get(&self.discarded),
            unknown: get(&self.unknown),
            retried: get(&self.retried),
            batches: get(&self.batches),
            raw_bytes: get(&self.raw_bytes),
            sent_bytes: get(&self.sent_bytes),
            errors: get(&self.errors),
            entered: entered(),
        }
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
