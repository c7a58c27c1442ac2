//! What to ask a broker for next.

use std::time::Duration;

use ottla_client::{BrokerId, TopicPartition};
use ottla_protocol::Uuid;
use tokio::time::Instant;

use super::table::{PartitionTable, Slot};

/// Which connection the fetch takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The broker's usual one, which may be parked in a long poll.
    Regular,
    /// The one for what cannot wait until that ends.
    Spare,
}

/// One fetch.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) wanted: Vec<Wanted>,
    /// How long the broker may wait for data. Zero unless every partition of it that could be
    /// fetched is listed: one that has to wait behind a parked fetch would stall.
    pub(crate) max_wait: Duration,
}

/// A partition in a fetch, with what tells whether the answer is still wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) slot: Slot,
    pub(crate) generation: u64,
    pub(crate) at: TopicPartition,
    pub(crate) topic_id: Uuid,
    pub(crate) leader_epoch: i32,
    pub(crate) offset: i64,
    pub(crate) max_bytes: usize,
}

impl Plan {
    /// All that may come, if no other limit ends the answer.
    pub(crate) fn bytes(&self) -> usize {
        self.wanted.iter().fold(0, |sum: usize, wanted| sum.saturating_add(wanted.max_bytes))
    }
}

impl PartitionTable {
    /// What to ask `broker` for now, of what nobody has asked it for yet; `Err` with the time when
    /// there may be something, if only time is missing.
    pub(crate) fn plan_fetch(
        &mut self,
        broker: BrokerId,
        lane: Lane,
        now: Instant,
    ) -> Result<Plan, Option<Instant>> {
        let mut wanted = Vec::new();
        let mut all_listed = true;
        let mut wake_at: Option<Instant> = None;
        let low_water = self.limits.low_water_bytes;
        for (slot, partition) in self.assigned_mut() {
            let Some(leader) = partition.leader.filter(|leader| leader.broker == broker) else {
                continue;
            };
            if !partition.is_fetching() {
                continue;
            }
            if lane == Lane::Regular {
                partition.waits_for_regular = false;
            }
            if partition.in_flight || partition.waits_for_regular {
                continue;
            }
            if let Some(at) = partition.retry_at.filter(|&at| at > now) {
                wake_at = Some(wake_at.map_or(at, |earliest| earliest.min(at)));
                continue;
            }
            if partition.buffer.bytes() >= low_water {
                all_listed = false;
                continue;
            }
            wanted.push(Wanted {
                slot,
                generation: partition.generation,
                at: partition.at.clone(),
                topic_id: leader.topic_id,
                leader_epoch: leader.epoch,
                offset: partition.fetch_offset,
                max_bytes: partition.fetch_size.bytes(),
            });
        }
        if wanted.is_empty() {
            return Err(wake_at);
        }
        // Brokers fill an answer from the front: everybody gets to be there.
        let turn = self.next_turn() % wanted.len();
        wanted.rotate_left(turn);
        let max_wait = match lane {
            Lane::Regular if all_listed => {
                let until_retry = wake_at.map(|at| at.saturating_duration_since(now));
                self.limits.max_wait.min(until_retry.unwrap_or(Duration::MAX))
            }
            _ => Duration::ZERO,
        };
        Ok(Plan { wanted, max_wait })
    }

    /// The plan is on its way: nobody else asks for these.
    pub(crate) fn fetch_sent(&mut self, plan: &Plan) {
        for wanted in &plan.wanted {
            if let Some(partition) = self.current(wanted.slot, wanted.generation) {
                partition.in_flight = true;
            }
        }
    }

    /// The fetch is over, answered or not; partitions it says nothing of may be asked for again.
    pub(crate) fn fetch_ended(&mut self, plan: &Plan) {
        for wanted in &plan.wanted {
            if let Some(partition) = self.current(wanted.slot, wanted.generation) {
                partition.in_flight = false;
            }
        }
    }

    /// The fetch failed as a whole: its partitions wait before they are tried again.
    pub(crate) fn fetch_failed(&mut self, plan: &Plan, now: Instant) {
        for wanted in &plan.wanted {
            if let Some(partition) = self.current(wanted.slot, wanted.generation) {
                partition.in_flight = false;
                partition.back_off(now);
            }
        }
    }
}
