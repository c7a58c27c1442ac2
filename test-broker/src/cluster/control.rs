//! What a test does to a cluster behind its clients' backs.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use tokio::io::DuplexStream;

use super::{NewTopic, TestCluster, TopicConfig};
use crate::faults::Faults;
use crate::log::BatchHeader;
use crate::{connection, listener};

impl TestCluster {
    /// The addresses of the brokers that are up, as `host:port`.
    pub fn bootstrap(&self) -> Vec<String> {
        let state = self.shared.state.lock();
        let up = state.brokers.values().filter(|broker| broker.up);
        up.map(|broker| format!("{}:{}", broker.host, broker.port)).collect()
    }

    /// Connects to a broker over an in-memory pipe, by the address clients are told.
    ///
    /// # Errors
    /// `ConnectionRefused` if no broker of that name is up.
    pub fn connect(&self, host: &str, port: u16) -> io::Result<DuplexStream> {
        let (id, life) = {
            let state = self.shared.state.lock();
            let broker = state
                .brokers
                .values()
                .find(|broker| broker.up && broker.host == host && broker.port == port)
                .ok_or(io::ErrorKind::ConnectionRefused)?;
            (broker.id, broker.connections.clone())
        };
        let (ours, theirs) = tokio::io::duplex(self.shared.settings.pipe_capacity);
        tokio::spawn(connection::serve(Arc::clone(&self.shared), id, ours, life));
        Ok(theirs)
    }

    /// Listens on 127.0.0.1, one free port for each broker, and tells clients these addresses
    /// from now on. Pipes are still served under them.
    ///
    /// # Errors
    /// A port cannot be had.
    pub async fn listen(&self) -> io::Result<Vec<String>> {
        listener::listen(&self.shared).await?;
        Ok(self.bootstrap())
    }

    /// Things that go wrong on demand.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// As CreateTopics answers.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), ErrorCode> {
        self.create_topic_with(name, partitions, TopicConfig::default())
    }

    /// Creates a topic with its configuration.
    ///
    /// # Errors
    /// As CreateTopics answers.
    pub fn create_topic_with(
        &self,
        name: &str,
        partitions: i32,
        config: TopicConfig,
    ) -> Result<(), ErrorCode> {
        let mut state = self.shared.state.lock();
        let factor = self.shared.settings.replication_factor();
        let assignment = state.assign(partitions, factor)?;
        state.create_topic(NewTopic { name: name.into(), assignment, config }).map(|_| ())
    }

    /// Deletes a topic with all its records and the offsets committed for it; says whether it was
    /// there.
    pub fn delete_topic(&self, name: &str) -> bool {
        let deleted = self.shared.state.lock().delete_topic(name).is_some();
        self.shared.coordination.for_each(|_| true, |group| group.offsets.forget_topic(name));
        deleted
    }

    /// Gives a topic more partitions; says whether it has that many now.
    pub fn grow_topic(&self, name: &str, partitions: i32) -> bool {
        self.shared.state.lock().grow_topic(
            name,
            partitions,
            self.shared.settings.replication_factor(),
        )
    }

    /// Makes another broker the leader of a partition, under a new epoch; says whether the
    /// partition and the broker are there.
    pub fn move_leader(&self, topic: &str, partition: i32, broker: i32) -> bool {
        let mut state = self.shared.state.lock();
        if !state.is_up(broker) {
            return false;
        }
        let Some(partition) = state.partition_mut(topic, partition) else { return false };
        for set in [&mut partition.replicas, &mut partition.isr] {
            if !set.contains(&broker) {
                set.push(broker);
            }
        }
        partition.elect(Some(broker));
        true
    }

    /// Says which replicas of a partition are in sync; with fewer than `min.insync.replicas` a
    /// write with acks=all is refused with `NOT_ENOUGH_REPLICAS`. (For
    /// `NOT_ENOUGH_REPLICAS_AFTER_APPEND` arm a fault that fails after the fact.) Says whether the
    /// partition is there.
    pub fn set_isr(&self, topic: &str, partition: i32, isr: &[i32]) -> bool {
        let mut state = self.shared.state.lock();
        let Some(partition) = state.partition_mut(topic, partition) else { return false };
        partition.isr = isr.to_vec();
        partition.wake();
        true
    }

    /// Holds a partition's high watermark at an offset while its log grows on: consumers read no
    /// further, and writes with acks=all end in `REQUEST_TIMED_OUT`. Says whether the partition is
    /// there.
    pub fn hold_high_watermark(&self, topic: &str, partition: i32, at: i64) -> bool {
        self.set_high_watermark(topic, partition, Some(at))
    }

    /// Lets a partition's high watermark follow its log's end again.
    pub fn release_high_watermark(&self, topic: &str, partition: i32) -> bool {
        self.set_high_watermark(topic, partition, None)
    }

    fn set_high_watermark(&self, topic: &str, partition: i32, at: Option<i64>) -> bool {
        let mut state = self.shared.state.lock();
        let Some(partition) = state.partition_mut(topic, partition) else { return false };
        partition.hold_high_watermark(at);
        true
    }

    /// Takes a partition's leader away, under a new epoch, until one is given to it again.
    pub fn remove_leader(&self, topic: &str, partition: i32) -> bool {
        let mut state = self.shared.state.lock();
        state.partition_mut(topic, partition).map(|partition| partition.elect(None)).is_some()
    }

    /// Makes another broker the coordinator of a group. It reads the group from its log: members
    /// stay, a rebalance under way is forgotten. Says whether the broker is up.
    pub fn move_coordinator(&self, group: &str, broker: i32) -> bool {
        let slot = super::State::coordinator_slot(group);
        {
            let mut state = self.shared.state.lock();
            if !state.is_up(broker) {
                return false;
            }
            state.moved_coordinators.insert(slot, broker);
        }
        let now = self.shared.clock.now();
        self.shared
            .coordination
            .for_each(|id| super::State::coordinator_slot(id) == slot, |group| group.reload(now));
        true
    }

    /// Removes a group with its offsets; its members learn that they are unknown.
    pub fn delete_group(&self, group: &str) -> bool {
        self.shared.coordination.remove(group)
    }

    /// Stops a broker: its connections are cut and new ones refused, its partitions are led by
    /// other replicas or by nobody, its groups move. Says whether it was up.
    pub fn stop_broker(&self, id: i32) -> bool {
        let slots: Vec<i32> = {
            let mut state = self.shared.state.lock();
            if !state.is_up(id) {
                return false;
            }
            let before = state.coordinators();
            state.stop_broker(id, &self.shared.ended);
            before
                .into_iter()
                .filter(|(_, broker)| *broker == Some(id))
                .map(|(slot, _)| slot)
                .collect()
        };
        self.reload_groups(&slots);
        true
    }

    /// Starts a broker again, with its logs: partitions that have no leader take it. Says whether
    /// it was down.
    pub fn start_broker(&self, id: i32) -> bool {
        let slots: Vec<i32> = {
            let mut state = self.shared.state.lock();
            if !state.brokers.contains_key(&id) || state.is_up(id) {
                return false;
            }
            let before = state.coordinators();
            state.start_broker(id);
            let after = state.coordinators();
            let moved = before.into_iter().zip(after).filter(|(before, after)| before != after);
            moved.map(|((slot, _), _)| slot).collect()
        };
        self.reload_groups(&slots);
        true
    }

    /// Cuts a broker's connections; new ones are welcome.
    pub fn cut_connections(&self, id: i32) {
        let mut state = self.shared.state.lock();
        if let Some(broker) = state.brokers.get_mut(&id) {
            broker.cut_connections(&self.shared.ended);
        }
    }

    /// Forgets a broker's fetch sessions, as its cache does when it is full.
    pub fn forget_fetch_sessions(&self, id: i32) {
        let mut state = self.shared.state.lock();
        if let Some(broker) = state.brokers.get_mut(&id) {
            broker.fetch_sessions.clear();
        }
    }

    /// Forgets the producers of a partition, as Kafka does some time after their last record.
    pub fn forget_producers(&self, topic: &str, partition: i32) {
        if let Some(partition) = self.shared.state.lock().partition_mut(topic, partition) {
            partition.producers.forget();
        }
    }

    /// Appends a batch without the checks made of a client's: test data, odd batches included.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`, or that it is not one batch.
    pub fn append(&self, topic: &str, partition: i32, batch: &Bytes) -> Result<i64, ErrorCode> {
        let header = BatchHeader::read(batch)?;
        let time = self.shared.clock.millis();
        let mut state = self.shared.state.lock();
        let topic = state.topic_mut(topic).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let append_time = topic.config.log_append_time.then_some(time);
        let partition =
            topic.partition_mut(partition).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let epoch = partition.leader_epoch;
        let offset = partition.log.append(batch, &header, epoch, append_time);
        partition.wake();
        Ok(offset)
    }

    /// Deletes a partition's batches that lie wholly before `offset`, which becomes its start.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) {
        if let Some(partition) = self.shared.state.lock().partition_mut(topic, partition) {
            partition.delete_before(offset);
        }
    }

    /// Drops a partition's batches from the one that holds `offset` on, as an unclean election
    /// does; the leader stays, under a new epoch.
    pub fn truncate(&self, topic: &str, partition: i32, offset: i64) {
        if let Some(partition) = self.shared.state.lock().partition_mut(topic, partition) {
            partition.truncate(offset);
        }
    }

    fn reload_groups(&self, slots: &[i32]) {
        let now = self.shared.clock.now();
        self.shared.coordination.for_each(
            |id| slots.contains(&super::State::coordinator_slot(id)),
            |group| group.reload(now),
        );
    }
}
