//! The offsets a group has committed, and those that wait for the end of a transaction.

use std::collections::BTreeMap;

use ottla_protocol::ErrorCode;

/// `offset.metadata.max.bytes`
const MAX_METADATA: usize = 4096;

/// One committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

impl CommittedOffset {
    /// Whether it is one that the broker keeps.
    ///
    /// # Errors
    /// `OFFSET_METADATA_TOO_LARGE`.
    pub(crate) fn check(&self) -> Result<(), ErrorCode> {
        let fits = self.metadata.len() <= MAX_METADATA;
        if fits { Ok(()) } else { Err(ErrorCode::OFFSET_METADATA_TOO_LARGE) }
    }
}

/// By topic, then partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommittedOffsets {
    topics: BTreeMap<String, BTreeMap<i32, CommittedOffset>>,
    /// By producer.
    pending: BTreeMap<i64, Vec<PendingOffset>>,
    /// When each partition's offset was written; Kafka has the offset of the record for this.
    written: BTreeMap<(String, i32), u64>,
    writes: u64,
}

/// An offset that counts once its transaction is committed.
#[derive(Debug, Clone)]
struct PendingOffset {
    topic: String,
    partition: i32,
    offset: CommittedOffset,
    written: u64,
}

impl CommittedOffsets {
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.topics.get(topic)?.get(&partition)
    }

    pub(crate) fn set(&mut self, topic: &str, partition: i32, offset: CommittedOffset) {
        self.writes += 1;
        self.put(topic, partition, offset, self.writes);
    }

    /// Keeps an offset until its producer's transaction ends.
    pub(crate) fn set_pending(
        &mut self,
        producer_id: i64,
        topic: &str,
        partition: i32,
        offset: CommittedOffset,
    ) {
        self.writes += 1;
        let pending =
            PendingOffset { topic: topic.to_owned(), partition, offset, written: self.writes };
        self.pending.entry(producer_id).or_default().push(pending);
    }

    /// A producer's transaction has ended. What was committed otherwise after a pending offset was
    /// written stands (`OffsetMetadataManager.replayEndTransactionMarker`).
    pub(crate) fn end_transaction(&mut self, producer_id: i64, commit: bool) {
        let pending = self.pending.remove(&producer_id).unwrap_or_default();
        for PendingOffset { topic, partition, offset, written } in pending {
            let newer =
                self.written.get(&(topic.clone(), partition)).is_some_and(|it| *it > written);
            if commit && !newer {
                self.put(&topic, partition, offset, written);
            }
        }
    }

    /// Whether an open transaction may change this partition's offset.
    pub(crate) fn is_unstable(&self, topic: &str, partition: i32) -> bool {
        let mut pending = self.pending.values().flatten();
        pending.any(|it| it.topic == topic && it.partition == partition)
    }

    /// Forgets a partition's offset; says whether there was one.
    pub(crate) fn remove(&mut self, topic: &str, partition: i32) -> bool {
        let Some(partitions) = self.topics.get_mut(topic) else { return false };
        let there = partitions.remove(&partition).is_some();
        if partitions.is_empty() {
            self.topics.remove(topic);
        }
        there
    }

    /// Forgets a topic that was deleted.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.topics.remove(topic);
        for pending in self.pending.values_mut() {
            pending.retain(|it| it.topic != topic);
        }
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = (&str, &BTreeMap<i32, CommittedOffset>)> {
        self.topics.iter().map(|(topic, partitions)| (topic.as_str(), partitions))
    }

    fn put(&mut self, topic: &str, partition: i32, offset: CommittedOffset, written: u64) {
        self.written.insert((topic.to_owned(), partition), written);
        match self.topics.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, offset);
            }
            None => {
                self.topics.insert(topic.to_owned(), BTreeMap::from([(partition, offset)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> CommittedOffset {
        CommittedOffset { offset, leader_epoch: -1, metadata: String::new() }
    }

    fn found(offsets: &CommittedOffsets) -> Option<i64> {
        offsets.get("t", 0).map(|it| it.offset)
    }

    #[test]
    fn a_pending_offset_counts_with_its_own_producers_commit() {
        let mut offsets = CommittedOffsets::default();
        offsets.set_pending(1, "t", 0, at(5));
        offsets.set_pending(2, "t", 0, at(6));
        assert_eq!(found(&offsets), None);
        offsets.end_transaction(2, false);
        assert!(offsets.is_unstable("t", 0));
        assert!(!offsets.is_unstable("t", 1));
        offsets.end_transaction(1, true);
        assert_eq!(found(&offsets), Some(5));
        assert!(!offsets.is_unstable("t", 0));
        offsets.end_transaction(1, true);
        assert_eq!(found(&offsets), Some(5));
    }

    #[test]
    fn what_was_written_last_stands() {
        let mut offsets = CommittedOffsets::default();
        offsets.set("t", 0, at(1));
        offsets.set_pending(1, "t", 0, at(5));
        offsets.set("t", 0, at(3));
        offsets.end_transaction(1, true);
        assert_eq!(found(&offsets), Some(3));
        offsets.set_pending(1, "t", 0, at(6));
        offsets.set_pending(1, "t", 0, at(7));
        offsets.end_transaction(1, true);
        assert_eq!(found(&offsets), Some(7));
    }

    #[test]
    fn a_topic_that_is_gone_does_not_come_back_with_a_commit() {
        let mut offsets = CommittedOffsets::default();
        offsets.set_pending(1, "t", 0, at(5));
        offsets.forget_topic("t");
        offsets.end_transaction(1, true);
        assert_eq!(found(&offsets), None);
    }
}
