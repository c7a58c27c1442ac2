//! What a test may look at: records as stored, offsets, groups, leaders.

use bytes::Bytes;
use ottla_protocol::Uuid;
use ottla_protocol::compression::Codecs;
use ottla_protocol::records::Batches;

use super::TestCluster;
use crate::counters::Counters;
use crate::group::{Group, GroupPhase, Member};

/// The most that one compressed batch may inflate to when a test looks at it.
const INFLATE_LIMIT: usize = 1 << 30;

/// A record as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRecord {
    /// Its offset.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<StoredHeader>,
    /// The producer that wrote it; -1 if it is not idempotent.
    pub producer_id: i64,
    /// That producer's epoch.
    pub producer_epoch: i16,
    /// The epoch of the leader that appended it.
    pub leader_epoch: i32,
    /// Whether it belongs to a transaction.
    pub transactional: bool,
}

/// A header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredHeader {
    /// Its key, if need be with replacements for what is not UTF-8.
    pub key: String,
    /// Its value.
    pub value: Option<Bytes>,
}

/// A partition as the cluster sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionView {
    /// The broker that leads it.
    pub leader: Option<i32>,
    /// How often its leader has changed.
    pub leader_epoch: i32,
    /// The brokers that have it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
    /// The offset of its first record.
    pub start_offset: i64,
    /// The offset of its next record.
    pub end_offset: i64,
    /// The offset behind the last record that consumers may see.
    pub high_watermark: i64,
    /// The offset behind the last record that consumers of committed records may see.
    pub last_stable_offset: i64,
    /// How many batches it holds.
    pub batches: usize,
}

/// A group as its coordinator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupView {
    /// Where it is in its life.
    pub phase: GroupPhase,
    /// How often it has gathered.
    pub generation: i32,
    /// How its partitions are assigned.
    pub protocol: Option<String>,
    /// The id of the member that assigns.
    pub leader: Option<String>,
    /// Its members, in the order in which they joined.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMember {
    /// Its id.
    pub id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// What it says about itself for the group's protocol, as it sent it.
    pub metadata: Bytes,
    /// What the leader assigned to it, as it was sent.
    pub assignment: Bytes,
}

impl TestCluster {
    /// The id of the cluster.
    pub fn cluster_id(&self) -> String {
        self.shared.state.lock().cluster_id.clone()
    }

    /// The names of the topics.
    pub fn topics(&self) -> Vec<String> {
        self.shared.state.lock().topics.keys().map(|name| name.to_string()).collect()
    }

    /// The id of a topic.
    pub fn topic_id(&self, topic: &str) -> Option<Uuid> {
        self.shared.state.lock().topics.get(topic).map(|topic| topic.id)
    }

    /// How many partitions a topic has; 0 if it is not there.
    pub fn partitions(&self, topic: &str) -> i32 {
        let state = self.shared.state.lock();
        let count = state.topics.get(topic).map_or(0, |topic| topic.partitions.len());
        i32::try_from(count).unwrap_or(i32::MAX)
    }

    /// A partition as the cluster sees it.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<PartitionView> {
        let state = self.shared.state.lock();
        let partition = state.partition(topic, partition)?;
        Some(PartitionView {
            leader: partition.leader,
            leader_epoch: partition.leader_epoch,
            replicas: partition.replicas.clone(),
            isr: partition.isr.clone(),
            start_offset: partition.log.start_offset(),
            end_offset: partition.log.end_offset(),
            high_watermark: partition.high_watermark(),
            last_stable_offset: partition.last_stable_offset(),
            batches: partition.log.batches().len(),
        })
    }

    /// The offset of a partition's next record; 0 if it is not there.
    pub fn log_end(&self, topic: &str, partition: i32) -> i64 {
        let state = self.shared.state.lock();
        state.partition(topic, partition).map_or(0, |partition| partition.log.end_offset())
    }

    /// All records of a partition, in order; those of open and aborted transactions as well, the
    /// markers of transactions not.
    ///
    /// # Panics
    /// If what a producer has written cannot be read.
    pub fn records(&self, topic: &str, partition: i32) -> Vec<StoredRecord> {
        let mut records = Vec::new();
        for bytes in self.batches(topic, partition) {
            decode(&bytes, &mut records);
        }
        records
    }

    /// All batches of a partition as they are stored, in order.
    pub fn batches(&self, topic: &str, partition: i32) -> Vec<Bytes> {
        let state = self.shared.state.lock();
        let batches = state.partition(topic, partition).map(|found| found.log.batches());
        batches.unwrap_or_default().iter().map(|batch| batch.bytes.clone()).collect()
    }

    /// What a group has committed for a partition.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let find =
            |group: &mut Group| group.offsets.get(topic, partition).map(|found| found.offset);
        self.shared.coordination.with(group, find).flatten()
    }

    /// The ids of the groups.
    pub fn groups(&self) -> Vec<String> {
        self.shared.coordination.ids()
    }

    /// A group as its coordinator sees it.
    pub fn group(&self, group: &str) -> Option<GroupView> {
        self.shared.coordination.with(group, |group| GroupView::of(group))
    }

    /// The broker that coordinates a group.
    pub fn coordinator(&self, group: &str) -> Option<i32> {
        self.shared.state.lock().coordinator(group)
    }

    /// How many fetch sessions a broker remembers.
    pub fn fetch_sessions(&self, broker: i32) -> usize {
        let state = self.shared.state.lock();
        state.brokers.get(&broker).map_or(0, |broker| broker.fetch_sessions.len())
    }

    /// What has gone over the wire.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }
}

impl GroupView {
    fn of(group: &Group) -> Self {
        let protocol = group.protocol().unwrap_or_default();
        let member = |member: &Member| GroupMember {
            id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            metadata: member.metadata(protocol),
            assignment: member.assignment.clone(),
        };
        Self {
            phase: group.phase(),
            generation: group.generation(),
            protocol: group.protocol().map(str::to_owned),
            leader: group.leader().map(str::to_owned),
            members: group.members().iter().map(member).collect(),
        }
    }
}

/// Reads the records of one stored batch.
#[expect(
    clippy::expect_used,
    reason = "invariant: a test that looks at damaged records wants to fail"
)]
fn decode(bytes: &Bytes, into: &mut Vec<StoredRecord>) {
    let codecs = Codecs::default();
    for batch in Batches::new(bytes.clone()) {
        let batch = batch.expect("a stored batch has a sound header");
        if batch.is_control() {
            continue;
        }
        let records = batch.inflate(&codecs, INFLATE_LIMIT).expect("a stored batch inflates");
        for record in &records {
            let record = record.expect("a stored record can be read");
            into.push(StoredRecord {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(Bytes::copy_from_slice),
                value: record.value.map(Bytes::copy_from_slice),
                headers: record
                    .headers()
                    .map(|header| {
                        let (key, value) = match header {
                            Ok(header) => (header.key.as_bytes(), header.value),
                            Err(invalid) => (invalid.key, invalid.value),
                        };
                        StoredHeader {
                            key: String::from_utf8_lossy(key).into_owned(),
                            value: value.map(Bytes::copy_from_slice),
                        }
                    })
                    .collect(),
                producer_id: batch.producer_id(),
                producer_epoch: batch.producer_epoch(),
                leader_epoch: batch.leader_epoch(),
                transactional: batch.is_transactional(),
            });
        }
    }
}
