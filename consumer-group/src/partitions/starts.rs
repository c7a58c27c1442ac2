//! Where partitions start: what is looked up, and what was found.

use std::time::Duration;

use ottla_client::{BrokerId, TopicPartition};
use tokio::time::Instant;

use super::partition::{Leader, Partition, Phase};
use super::table::{PartitionTable, Slot};
use crate::config::{OffsetReset, Start};
use crate::error::PartitionError;

/// A partition whose start is to be looked up.
#[derive(Debug, Clone)]
pub(crate) struct StartLookup {
    pub(crate) slot: Slot,
    pub(crate) generation: u64,
    pub(crate) at: TopicPartition,
    pub(crate) leader: Option<Leader>,
}

/// The look-ups that are due.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    /// From the group.
    pub(crate) committed: Vec<StartLookup>,
    /// From the leaders, with the timestamps that stand for the ends of a log.
    pub(crate) ends: Vec<(StartLookup, i64)>,
    /// When there may be more, if only time is missing.
    pub(crate) wake_at: Option<Instant>,
    /// Some partition may not start anywhere.
    pub(crate) stopped: bool,
}

/// ListOffsets' names for the ends of a log.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// Once one look-up is due, those that would be so soon after go with it: each is repeated at a time
/// of its own, and thousands would make as many requests. Shorter than the shortest wait.
const TOGETHER: Duration = Duration::from_millis(50);

impl PartitionTable {
    /// The look-ups that are due, which are then under way.
    pub(crate) fn take_lookups(&mut self, now: Instant) -> Lookups {
        let mut lookups = Lookups::default();
        let waits = |partition: &Partition| {
            matches!(partition.phase, Phase::Finding { asked: false, .. })
                && partition.retry_at.is_some_and(|at| at <= now)
        };
        let some_due = self.assigned_mut().any(|(_, partition)| waits(partition));
        let due = if some_due { now + TOGETHER } else { now };
        let reset = self.limits.offset_reset;
        let has_group = self.limits.has_group;
        for (slot, partition) in self.assigned_mut() {
            let Phase::Finding { start, asked: false } = partition.phase else { continue };
            if partition.held || partition.revoking {
                continue;
            }
            if let Some(at) = partition.retry_at.filter(|&at| at > due) {
                lookups.wake_at = Some(lookups.wake_at.map_or(at, |earliest| earliest.min(at)));
                continue;
            }
            let lookup = StartLookup {
                slot,
                generation: partition.generation,
                at: partition.at.clone(),
                leader: partition.leader,
            };
            let timestamp = match (start, reset) {
                (Start::Committed, _) if has_group => {
                    lookups.committed.push(lookup);
                    partition.phase = Phase::Finding { start, asked: true };
                    continue;
                }
                (Start::Beginning, _) | (Start::Committed, OffsetReset::Earliest) => EARLIEST,
                (Start::End, _) | (Start::Committed, OffsetReset::Latest) => LATEST,
                (Start::Committed, OffsetReset::None) => {
                    partition.stop(PartitionError::NoPosition { out_of_range: None }, 0);
                    lookups.stopped = true;
                    continue;
                }
                (Start::Offset(offset), _) => {
                    partition.start_at(offset);
                    continue;
                }
            };
            if lookup.leader.is_some() {
                partition.phase = Phase::Finding { start, asked: true };
                lookups.ends.push((lookup, timestamp));
            }
        }
        if lookups.stopped {
            for slot in self.assigned.clone() {
                self.queue_if_ready(slot);
            }
        }
        lookups
    }

    /// The start was found; the broker that now has something to do.
    pub(crate) fn start_found(
        &mut self,
        lookup: &StartLookup,
        offset: Option<i64>,
    ) -> Option<BrokerId> {
        let reset = self.limits.offset_reset;
        let partition = self.current(lookup.slot, lookup.generation)?;
        partition.retry_at = None;
        match (offset, reset) {
            (Some(offset), _) => partition.start_at(offset),
            (None, OffsetReset::Earliest) => {
                partition.phase = Phase::Finding { start: Start::Beginning, asked: false };
            }
            (None, OffsetReset::Latest) => {
                partition.phase = Phase::Finding { start: Start::End, asked: false };
            }
            (None, OffsetReset::None) => {
                partition.stop(PartitionError::NoPosition { out_of_range: None }, 0);
            }
        }
        let broker = partition.leader.map(|leader| leader.broker);
        self.queue_if_ready(lookup.slot);
        broker
    }

    /// The look-up failed: it is repeated later, or the partition stops.
    pub(crate) fn start_failed(
        &mut self,
        lookup: &StartLookup,
        error: Option<PartitionError>,
        now: Instant,
    ) {
        let Some(partition) = self.current(lookup.slot, lookup.generation) else { return };
        match error {
            Some(error) => {
                let resume_at = partition.position.unwrap_or(0);
                partition.stop(error, resume_at);
            }
            None => {
                if let Phase::Finding { start, .. } = partition.phase {
                    partition.phase = Phase::Finding { start, asked: false };
                }
                partition.back_off(now);
            }
        }
        self.queue_if_ready(lookup.slot);
    }
}
