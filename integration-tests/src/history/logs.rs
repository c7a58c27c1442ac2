//! What the cluster has in the end, as read by somebody else.

use std::collections::BTreeMap;

use super::{
    batch::Batch,
    commit::Commit,
    event::{Group, Place, RecordId},
};

/// Everything that is in the logs.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// The records of every partition, by offset. A partition without records is there as well.
    pub records: BTreeMap<Place, Vec<Logged>>,
    /// The batches of every partition, by offset.
    pub batches: BTreeMap<Place, Vec<Batch>>,
    /// All commits; those of a group in the order in which its coordinators wrote them.
    pub commits: Vec<Commit>,
    /// What Kafka's own tool says is committed.
    pub committed: BTreeMap<(Group, Place), i64>,
}

/// A record in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in milliseconds since the epoch; in [`Topic::Copies`](super::Topic::Copies)
    /// when it was appended.
    pub timestamp: u64,
    /// The number in its key.
    pub key: Option<u32>,
    /// What it says it is.
    pub content: Content,
}

/// What the value of a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// This record, as it was sent.
    Record(RecordId),
    /// The copy of a record that was read at this place and offset.
    Copy(Place, i64, RecordId),
    /// Nothing that anybody sent.
    Garbled,
}

impl Logs {
    /// The record at an offset.
    #[must_use]
    pub fn at(&self, place: Place, offset: i64) -> Option<&Logged> {
        let records = self.records.get(&place)?;
        let index = records.binary_search_by_key(&offset, |record| record.offset).ok()?;
        records.get(index)
    }

    /// The first offset of a partition that has a record, from `from` on and before `to`.
    #[must_use]
    pub fn first_within(&self, place: Place, from: i64, to: i64) -> Option<i64> {
        let records = self.records.get(&place)?;
        let index = records.partition_point(|record| record.offset < from);
        records.get(index).map(|record| record.offset).filter(|offset| *offset < to)
    }

    /// The offset behind the last record of a partition.
    #[must_use]
    pub fn end(&self, place: Place) -> i64 {
        let last = self.records.get(&place).and_then(|records| records.last());
        last.map_or(0, |record| record.offset + 1)
    }
}
