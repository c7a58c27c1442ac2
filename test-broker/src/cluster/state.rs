//! What the cluster knows of itself: brokers, topics, leaders, groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_protocol::{ErrorCode, Uuid};
use tokio_util::sync::CancellationToken;

use super::topic::validate_name;
use super::{Broker, NewTopic, Partition, Settings, Topic};
use crate::fetch_session::{PartitionKey, TopicKey};
use crate::transaction::Transactions;

/// Group coordinators are spread over as many slots as Kafka's offsets topic has partitions
/// (`offsets.topic.num.partitions`).
pub(super) const COORDINATOR_SLOTS: i32 = 50;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) cluster_id: String,
    pub(crate) brokers: BTreeMap<i32, Broker>,
    pub(crate) topics: BTreeMap<Arc<str>, Topic>,
    topic_names: BTreeMap<Uuid, Arc<str>>,
    /// Coordinators that were moved by hand, by slot.
    pub(crate) moved_coordinators: BTreeMap<i32, i32>,
    /// Coordinators of transactions that were moved by hand, by slot.
    pub(crate) moved_transaction_coordinators: BTreeMap<i32, i32>,
    pub(crate) transactions: Transactions,
    /// Where the first partition of the next topic goes.
    next_leader: usize,
    pub(crate) rng: fastrand::Rng,
}

impl State {
    pub(crate) fn new(settings: &Settings, ended: &CancellationToken) -> Self {
        let mut rng = fastrand::Rng::with_seed(settings.seed);
        let cluster_id = uuid(&mut rng).to_string();
        let brokers = settings
            .broker_ids()
            .zip(0..)
            .map(|(id, at)| (id, Broker::new(id, settings.rack(at), ended)))
            .collect();
        Self {
            cluster_id,
            brokers,
            topics: BTreeMap::new(),
            topic_names: BTreeMap::new(),
            moved_coordinators: BTreeMap::new(),
            moved_transaction_coordinators: BTreeMap::new(),
            transactions: Transactions::new(settings.transactions.clone()),
            next_leader: 0,
            rng,
        }
    }

    pub(crate) fn is_up(&self, id: i32) -> bool {
        self.brokers.get(&id).is_some_and(|broker| broker.up)
    }

    /// KRaft answers with any broker, since each forwards; here it is the first that is up.
    pub(crate) fn controller(&self) -> i32 {
        self.brokers.values().find(|broker| broker.up).map_or(-1, |broker| broker.id)
    }

    pub(crate) fn topic_by_key(&self, key: &TopicKey) -> Result<&Topic, ErrorCode> {
        match key {
            TopicKey::Name(name) => {
                self.topics.get(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            }
            TopicKey::Id(id) => self
                .topic_names
                .get(id)
                .and_then(|name| self.topics.get(name))
                .ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
        }
    }

    pub(crate) fn topic_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.topics.get_mut(name)
    }

    pub(crate) fn partition(&self, topic: &str, index: i32) -> Option<&Partition> {
        self.topics.get(topic)?.partition(index)
    }

    pub(crate) fn partition_mut(&mut self, topic: &str, index: i32) -> Option<&mut Partition> {
        self.topics.get_mut(topic)?.partition_mut(index)
    }

    pub(crate) fn partition_by_key_mut(&mut self, key: &PartitionKey) -> Option<&mut Partition> {
        let name = Arc::clone(&self.topic_by_key(&key.topic).ok()?.name);
        self.partition_mut(&name, key.partition)
    }

    /// The name behind an id; the id itself means none.
    pub(crate) fn topic_name(&self, id: Uuid) -> Option<Arc<str>> {
        self.topic_names.get(&id).map(Arc::clone)
    }

    /// Replicas for `partitions` partitions, spread over the brokers that are up.
    ///
    /// # Errors
    /// The numbers make no sense, or there are not that many brokers.
    pub(crate) fn assign(
        &mut self,
        partitions: i32,
        replication_factor: i16,
    ) -> Result<Vec<Vec<i32>>, ErrorCode> {
        if partitions <= 0 {
            return Err(ErrorCode::INVALID_PARTITIONS);
        }
        let up: Vec<i32> =
            self.brokers.values().filter(|broker| broker.up).map(|broker| broker.id).collect();
        let factor = usize::try_from(replication_factor).unwrap_or_default();
        if factor == 0 || factor > up.len() {
            return Err(ErrorCode::INVALID_REPLICATION_FACTOR);
        }
        let first = self.next_leader;
        self.next_leader = (first + usize::try_from(partitions).unwrap_or_default()) % up.len();
        let replicas = |leader: usize| {
            up.iter().copied().cycle().skip(leader % up.len()).take(factor).collect()
        };
        Ok((first..).take(usize::try_from(partitions).unwrap_or_default()).map(replicas).collect())
    }

    /// Creates a topic, or only says whether it could be.
    ///
    /// # Errors
    /// `INVALID_TOPIC_EXCEPTION` or `TOPIC_ALREADY_EXISTS`.
    pub(crate) fn create_topic(&mut self, new: NewTopic) -> Result<&Topic, ErrorCode> {
        self.check_new_topic(&new.name)?;
        let id = uuid(&mut self.rng);
        let brokers = &self.brokers;
        let alive = |id: i32| brokers.get(&id).is_some_and(|broker| broker.up);
        let partitions = (0..)
            .zip(new.assignment)
            .map(|(index, replicas)| Partition::new(index, replicas, alive))
            .collect();
        self.topic_names.insert(id, Arc::clone(&new.name));
        let topic = Topic { name: Arc::clone(&new.name), id, config: new.config, partitions };
        Ok(self.topics.entry(new.name).or_insert(topic))
    }

    /// Whether a topic of this name could be created.
    ///
    /// # Errors
    /// As [`create_topic`](Self::create_topic).
    pub(crate) fn check_new_topic(&self, name: &str) -> Result<(), ErrorCode> {
        validate_name(name).map_err(|_| ErrorCode::INVALID_TOPIC_EXCEPTION)?;
        if self.topics.contains_key(name) {
            return Err(ErrorCode::TOPIC_ALREADY_EXISTS);
        }
        Ok(())
    }

    /// Adds partitions until there are `partitions`.
    pub(crate) fn grow_topic(&mut self, name: &str, partitions: i32, factor: i16) -> bool {
        let Some(topic) = self.topics.get(name) else { return false };
        let Ok(have) = i32::try_from(topic.partitions.len()) else { return false };
        let Some(more) = partitions.checked_sub(have).filter(|more| *more >= 0) else {
            return false;
        };
        let Ok(assignment) = self.assign(more.max(1), factor) else { return false };
        let Some(topic) = self.topics.get_mut(name) else { return false };
        for (index, replicas) in (have..partitions).zip(assignment) {
            topic.partitions.push(Partition::new(index, replicas, |_| true));
        }
        true
    }

    pub(crate) fn delete_topic(&mut self, name: &str) -> Option<Topic> {
        let mut topic = self.topics.remove(name)?;
        self.topic_names.remove(&topic.id);
        for partition in &mut topic.partitions {
            partition.wake();
        }
        Some(topic)
    }

    /// The slot that a group or transactional id hashes to (`Utils.abs(id.hashCode) % partitions`).
    pub(crate) fn coordinator_slot(key: &str) -> i32 {
        let hash = key
            .encode_utf16()
            .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        // Not `abs`: Kafka's `Utils.abs` clears the sign bit's effect on MIN by giving 0.
        hash.checked_abs().unwrap_or_default() % COORDINATOR_SLOTS
    }

    /// The broker that coordinates a group; `None` while there is none.
    pub(crate) fn coordinator(&self, key: &str) -> Option<i32> {
        self.coordinator_of_slot(Self::coordinator_slot(key))
    }

    /// The broker that coordinates a transactional id; `None` while there is none.
    pub(crate) fn transaction_coordinator(&self, id: &str) -> Option<i32> {
        self.broker_of_slot(Self::coordinator_slot(id), &self.moved_transaction_coordinators)
    }

    pub(super) fn coordinator_of_slot(&self, slot: i32) -> Option<i32> {
        self.broker_of_slot(slot, &self.moved_coordinators)
    }

    fn broker_of_slot(&self, slot: i32, moved: &BTreeMap<i32, i32>) -> Option<i32> {
        let moved = moved.get(&slot).copied();
        if let Some(moved) = moved.filter(|id| self.is_up(*id)) {
            return Some(moved);
        }
        let ids: Vec<i32> = self.brokers.keys().copied().collect();
        let first = usize::try_from(slot).unwrap_or_default() % ids.len().max(1);
        ids.iter().cycle().skip(first).take(ids.len()).copied().find(|id| self.is_up(*id))
    }

    /// A fetch session id that `broker` does not use.
    pub(crate) fn fresh_session_id(&mut self, broker: i32) -> i32 {
        loop {
            let id = self.rng.i32(1..);
            let taken = |broker: &Broker| broker.fetch_sessions.has(id);
            if !self.brokers.get(&broker).is_some_and(taken) {
                return id;
            }
        }
    }

    /// What follows the client id in a member id.
    pub(crate) fn fresh_member_suffix(&mut self) -> String {
        let Uuid(bytes) = uuid(&mut self.rng);
        let value = u128::from_be_bytes(bytes);
        let part = |shift: u32, bits: u32| (value >> shift) & ((1 << bits) - 1);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

/// A random (version 4) id.
fn uuid(rng: &mut fastrand::Rng) -> Uuid {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let random = rng.u128(..) & !VERSION & !VARIANT;
    Uuid((random | 0x4 << 76 | 0b10 << 62).to_be_bytes())
}
