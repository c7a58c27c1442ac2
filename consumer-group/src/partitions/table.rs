//! All partitions of a consumer.

use std::collections::VecDeque;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use ottla_client::{BrokerId, TopicPartition};
use ottla_protocol::{ErrorCode, Uuid};

use super::partition::{Leader, Partition, Phase};
use crate::config::{OffsetReset, Start};
use crate::error::{NotAssigned, PartitionError};
use crate::fetch::{Job, Prepared};
use crate::mark::AssignmentEpoch;
use crate::record_batch::{Messages, RecordBatch};

/// The number of a partition in its consumer. It never means another partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u32);

/// A partition during one assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) slot: Slot,
    pub(crate) epoch: AssignmentEpoch,
    pub(crate) at: TopicPartition,
}

/// The settings that decide what is fetched.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) low_water_bytes: usize,
    pub(crate) partition_fetch_bytes: usize,
    pub(crate) max_wait: Duration,
    pub(crate) offset_reset: OffsetReset,
    pub(crate) has_group: bool,
    pub(crate) seed: u64,
}

/// See the [module](super).
#[derive(Debug)]
pub(crate) struct PartitionTable {
    pub(super) limits: Limits,
    slots: Vec<Partition>,
    index: HashMap<TopicPartition, Slot>,
    /// Those with an epoch.
    pub(super) assigned: Vec<Slot>,
    /// Those that have something to hand out, in the order of their turns.
    ready: VecDeque<Slot>,
    turn: usize,
}

/// What there is to hand out.
#[derive(Debug)]
pub(crate) enum Taken {
    Records { slot: Slot, batch: RecordBatch },
    Failed { at: TopicPartition, error: PartitionError, resume_at: i64 },
}

impl PartitionTable {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: Vec::new(),
            index: HashMap::new(),
            assigned: Vec::new(),
            ready: VecDeque::new(),
            turn: 0,
        }
    }

    // What the application asks.

    pub(crate) fn slot_of(&self, at: &TopicPartition) -> Option<Slot> {
        let slot = *self.index.get(at)?;
        self.get(slot)?.epoch.map(|_| slot)
    }

    pub(crate) fn at(&self, slot: Slot) -> Option<&TopicPartition> {
        Some(&self.get(slot)?.at)
    }

    /// The partition and the id of its topic, all zero if that is not known.
    pub(crate) fn identity(&self, slot: Slot) -> Option<(TopicPartition, Uuid)> {
        let partition = self.get(slot)?;
        let topic_id = partition.leader.map(|leader| leader.topic_id).unwrap_or_default();
        Some((partition.at.clone(), topic_id))
    }

    pub(crate) fn assignment(&self) -> Vec<(TopicPartition, AssignmentEpoch)> {
        let assigned = self.assigned.iter().filter_map(|&slot| self.get(slot));
        assigned.filter_map(|p| Some((p.at.clone(), p.epoch?))).collect()
    }

    pub(crate) fn position(&self, at: &TopicPartition) -> Option<i64> {
        self.get(self.slot_of(at)?)?.position
    }

    pub(crate) fn high_watermark(&self, at: &TopicPartition) -> Option<i64> {
        self.get(self.slot_of(at)?)?.high_watermark
    }

    // What the application wants.

    /// The slot, and the broker that now has something to do.
    pub(crate) fn seek(
        &mut self,
        at: &TopicPartition,
        start: Start,
    ) -> Result<(Slot, Option<BrokerId>), NotAssigned> {
        let slot = self.slot_of(at).ok_or_else(|| NotAssigned { at: at.clone() })?;
        let broker = self.get_mut(slot).and_then(|partition| {
            partition.restart(start);
            partition.leader.map(|leader| leader.broker)
        });
        Ok((slot, broker))
    }

    pub(crate) fn pause(&mut self, at: &TopicPartition, paused: bool) -> Option<BrokerId> {
        let slot = self.slot_of(at)?;
        let partition = self.get_mut(slot)?;
        partition.paused = paused;
        if paused {
            // It may lie there for long: it must not keep whole answers in memory.
            partition.buffer.detach();
        }
        let broker = partition.leader.map(|leader| leader.broker);
        self.queue_if_ready(slot);
        broker
    }

    // Assignment.

    /// A new stay of a partition. `held` until the application has been told of it.
    pub(crate) fn assign(&mut self, at: &TopicPartition, start: Start, held: bool) -> Stay {
        let slot = self.intern(at);
        let epoch = AssignmentEpoch::fresh();
        if let Some(partition) = self.get_mut(slot) {
            let is_new = partition.epoch.is_none();
            partition.assign(epoch, start, held);
            if is_new {
                self.assigned.push(slot);
            }
        }
        Stay { slot, epoch, at: at.clone() }
    }

    /// The application knows of them: fetching may begin.
    pub(crate) fn release(&mut self, stays: &[Stay]) {
        for stay in stays {
            if let Some(partition) = self.get_mut(stay.slot) {
                partition.held &= partition.epoch != Some(stay.epoch);
            }
        }
    }

    /// The broker that leads a partition, as far as is known.
    pub(crate) fn broker_of(&self, slot: Slot) -> Option<BrokerId> {
        Some(self.get(slot)?.leader?.broker)
    }

    /// No more records of these.
    pub(crate) fn begin_revoking(&mut self, stays: &[Stay]) {
        for stay in stays {
            if let Some(partition) = self.get_mut(stay.slot) {
                partition.revoking |= partition.epoch == Some(stay.epoch);
            }
        }
    }

    /// The stays that are not over; of these topics and partitions, or of all.
    pub(crate) fn stays(&self) -> Vec<Stay> {
        let stay = |&slot: &Slot| {
            let partition = self.get(slot)?;
            Some(Stay { slot, epoch: partition.epoch?, at: partition.at.clone() })
        };
        self.assigned.iter().filter_map(stay).collect()
    }

    /// These stays are over, unless they were already.
    pub(crate) fn unassign(&mut self, stays: &[Stay]) {
        for stay in stays {
            if let Some(partition) = self.get_mut(stay.slot) {
                if partition.epoch == Some(stay.epoch) {
                    partition.unassign();
                }
            }
        }
        let mut assigned = std::mem::take(&mut self.assigned);
        assigned.retain(|&slot| self.get(slot).is_some_and(|partition| partition.epoch.is_some()));
        self.assigned = assigned;
    }

    // Leaders.

    /// The partitions that need a leader, with the one they have.
    pub(crate) fn leaders(&self) -> impl Iterator<Item = (Slot, &TopicPartition, Option<Leader>)> {
        let assigned = self.assigned.iter();
        assigned.filter_map(|&slot| self.get(slot).map(|p| (slot, &p.at, p.leader)))
    }

    /// Whether anything changed.
    pub(crate) fn set_leader(&mut self, slot: Slot, leader: Option<Leader>) -> bool {
        let Some(partition) = self.get_mut(slot) else { return false };
        if partition.leader == leader {
            return false;
        }
        if partition.leader.map(|old| old.broker) != leader.map(|new| new.broker) {
            // What is under way with the old one may still be answered; the offset it was asked
            // for tells whether the answer is of use.
            partition.in_flight = false;
        }
        partition.leader = leader;
        // A leader that failed before may work now.
        partition.retry_at = None;
        true
    }

    /// The cluster refuses the topic of a partition.
    pub(crate) fn refuse(&mut self, slot: Slot, code: ErrorCode) {
        let Some(partition) = self.get_mut(slot) else { return };
        if partition.epoch.is_some() && partition.phase != Phase::Stopped {
            let resume_at = partition.position.unwrap_or(0);
            partition.stop(PartitionError::Refused(code), resume_at);
            self.queue_if_ready(slot);
        }
    }

    // Making ready and handing out.

    /// The next batch of a partition to make ready.
    pub(crate) fn next_job(&mut self, slot: Slot) -> Option<Job> {
        let partition = self.get_mut(slot)?;
        let epoch = partition.epoch?;
        let entry = partition.buffer.next_to_prepare()?;
        Some(Job {
            slot,
            epoch,
            generation: partition.generation,
            at: partition.at.clone(),
            from: entry.from,
            batch: entry.batch,
            charge: entry.charge,
        })
    }

    /// Takes back a job; whether there is something to hand out.
    pub(crate) fn job_done(&mut self, prepared: Prepared) -> bool {
        let slot = prepared.slot;
        let Some(partition) = self.current(slot, prepared.generation) else { return false };
        let failed = prepared.outcome.is_err();
        let moved = partition.buffer.prepared(
            prepared.wire,
            prepared.next_offset,
            prepared.inflated,
            prepared.outcome,
        );
        if failed {
            partition.phase = Phase::Stopped;
        }
        if let Some(position) = moved {
            partition.position = Some(position);
        }
        self.queue_if_ready(slot)
    }

    /// What is next to hand out: partitions take turns.
    pub(crate) fn take(&mut self, max: usize) -> Option<Taken> {
        while let Some(slot) = self.ready.pop_front() {
            let Some(partition) = self.get_mut(slot) else { continue };
            partition.queued = false;
            if !partition.is_ready() {
                continue;
            }
            if let Some((error, resume_at)) = partition.buffer.take_failure() {
                let at = partition.at.clone();
                return Some(Taken::Failed { at, error, resume_at });
            }
            let parts = partition.buffer.take(max);
            if let Some(last) = parts.last() {
                partition.position = Some(last.next_offset);
            }
            self.queue_if_ready(slot);
            if let Some(batch) = RecordBatch::new(parts) {
                return Some(Taken::Records { slot, batch });
            }
        }
        None
    }

    /// The broker that may be asked for more of a partition, now that some was taken.
    pub(crate) fn hungry(&self, slot: Slot) -> Option<BrokerId> {
        let partition = self.get(slot)?;
        let low = partition.buffer.bytes() < self.limits.low_water_bytes;
        partition.leader.filter(|_| low && !partition.in_flight).map(|leader| leader.broker)
    }

    /// Whether nothing can be handed out.
    pub(crate) fn is_dry(&self) -> bool {
        !self.ready.iter().any(|&slot| self.get(slot).is_some_and(Partition::is_ready))
    }

    /// What was taken but not given to the application, if it still may be. Of a paused
    /// partition it goes back where it came from.
    pub(crate) fn still_current(&mut self, messages: Messages) -> Option<Messages> {
        let chunk = messages.source()?;
        let (slot, generation) = (chunk.slot, chunk.generation);
        let partition = self.current(slot, generation)?;
        if partition.revoking {
            return None;
        }
        if partition.paused {
            self.put_back(messages);
            return None;
        }
        Some(messages)
    }

    /// Gives back what was taken last.
    pub(crate) fn put_back(&mut self, messages: Messages) {
        let Some(chunk) = messages.source() else { return };
        let (slot, generation) = (chunk.slot, chunk.generation);
        if let Some(partition) = self.current(slot, generation) {
            partition.buffer.put_back(messages.into_parts());
            partition.position = partition.buffer.first_offset().or(partition.position);
            self.queue_if_ready(slot);
        }
    }

    // Inside.

    pub(super) fn next_turn(&mut self) -> usize {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    pub(super) fn assigned_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Partition)> {
        let slots = (0_u32..).map(Slot).zip(&mut self.slots);
        slots.filter(|(_, partition)| partition.epoch.is_some())
    }

    /// The partition, unless it has been revoked or sought away since `generation`.
    pub(super) fn current(&mut self, slot: Slot, generation: u64) -> Option<&mut Partition> {
        let partition = self.get_mut(slot)?;
        (partition.generation == generation && partition.epoch.is_some()).then_some(partition)
    }

    pub(super) fn queue_if_ready(&mut self, slot: Slot) -> bool {
        let Some(partition) = self.get_mut(slot) else { return false };
        let ready = partition.is_ready();
        if ready && !partition.queued {
            partition.queued = true;
            self.ready.push_back(slot);
        }
        ready
    }

    fn intern(&mut self, at: &TopicPartition) -> Slot {
        if let Some(&slot) = self.index.get(at) {
            return slot;
        }
        let number = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let slot = Slot(number);
        let seed = self.limits.seed.wrapping_add(u64::from(number));
        let size = self.limits.partition_fetch_bytes;
        self.slots.push(Partition::new(at.clone(), size, seed));
        self.index.insert(at.clone(), slot);
        slot
    }

    fn get(&self, slot: Slot) -> Option<&Partition> {
        self.slots.get(slot.0 as usize)
    }

    fn get_mut(&mut self, slot: Slot) -> Option<&mut Partition> {
        self.slots.get_mut(slot.0 as usize)
    }
}
