//! What a case is made of: requests, and the words in which two brokers' answers are compared.

use std::time::Duration;

use ottla::protocol::{
    ErrorCode,
    api::*,
    records::{BatchKind, Sequence},
};
use ottla_integration_tests::unique_name;

use super::peer::{Peer, batch};

/// Who a producer is, or holds itself to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

impl Who {
    pub(super) fn epoch(self, by: i16) -> Self {
        Self { epoch: self.epoch + by, ..self }
    }

    pub(super) fn stranger(self) -> Self {
        Self { id: self.id + 1_000_000, ..self }
    }
}

/// One broker and names that nobody else uses.
pub(super) struct Subject {
    pub(super) peer: Peer,
    pub(super) topic: String,
    pub(super) transaction: String,
    pub(super) group: String,
    trace: Vec<String>,
    /// Producer ids in the order in which they came up: brokers give out different ones.
    ids: Vec<i64>,
}

impl Subject {
    pub(super) async fn new(bootstrap: &str) -> Self {
        let mut subject = Self {
            peer: Peer::connect(bootstrap).await,
            topic: unique_name("parity"),
            transaction: unique_name("parity"),
            group: unique_name("parity"),
            trace: Vec::new(),
            ids: Vec::new(),
        };
        subject.create_topic().await;
        subject.find_coordinators().await;
        subject
    }

    /// Waits until the coordinators of the group and the transaction are there and know it: until
    /// then Kafka even calls a heartbeat of nobody a good one.
    async fn find_coordinators(&mut self) {
        for (key, key_type) in [(self.group.clone(), 0), (self.transaction.clone(), 1)] {
            let find = FindCoordinatorRequest { key, key_type, ..Default::default() };
            while self.peer.ask(3, &find).await.error_code != ErrorCode::NONE {
                pause().await;
            }
        }
        let groups = vec![self.group.clone()];
        let describe = DescribeGroupsRequest { groups, ..Default::default() };
        while NOT_YET.contains(&self.peer.ask(5, &describe).await.groups[0].error_code) {
            pause().await;
        }
        while NOT_YET.contains(&self.describe_transaction().await.error_code) {
            pause().await;
        }
    }

    async fn create_topic(&mut self) {
        let topic = CreatableTopic {
            name: self.topic.clone(),
            num_partitions: 2,
            replication_factor: 1,
            ..Default::default()
        };
        let request =
            CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
        let created = self.peer.ask(5, &request).await;
        assert_eq!(created.topics[0].error_code, ErrorCode::NONE);
        while self.end(0).await.is_err() {
            pause().await;
        }
    }

    async fn end(&mut self, isolation_level: i8) -> Result<i64, ErrorCode> {
        let answer = self.list_offsets_of(0, -1, -1, isolation_level).await;
        if answer.0.is_ok() { Ok(answer.1) } else { Err(answer.0) }
    }

    pub(super) fn into_trace(self) -> Vec<String> {
        self.trace
    }

    pub(super) fn note(&mut self, step: &str, found: impl std::fmt::Display) {
        self.trace.push(format!("{step}: {found}"));
    }

    fn id(&mut self, id: i64) -> String {
        if id < 0 {
            return id.to_string();
        }
        let at = self.ids.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.ids.push(id);
            self.ids.len() - 1
        });
        format!("p{at}")
    }

    /// Asks for an epoch; `as_who` is whom the producer holds itself to be.
    pub(super) async fn init_at(
        &mut self,
        version: i16,
        timeout_ms: i32,
        as_who: Option<Who>,
    ) -> Who {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.transaction.clone()),
            transaction_timeout_ms: timeout_ms,
            producer_id: as_who.map_or(-1, |who| who.id),
            producer_epoch: as_who.map_or(-1, |who| who.epoch),
        };
        let mut answer = self.peer.ask(version, &request).await;
        // A broker that has only just come to be has no producer ids to give out either.
        while NOT_YET.contains(&answer.error_code) {
            pause().await;
            answer = self.peer.ask(version, &request).await;
        }
        let id = self.id(answer.producer_id);
        let epoch = answer.producer_epoch;
        self.note(&format!("init v{version}"), format!("{} {id}/{epoch}", answer.error_code));
        Who { id: answer.producer_id, epoch }
    }

    pub(super) async fn init(&mut self) -> Who {
        self.init_at(4, 60_000, None).await
    }

    /// Adds a partition of the topic.
    pub(super) async fn add(&mut self, version: i16, who: Who, partition: i32) -> ErrorCode {
        let topic = self.topic.clone();
        self.add_all(version, who, &[(&topic, partition)]).await
    }

    pub(super) async fn add_all(
        &mut self,
        version: i16,
        who: Who,
        partitions: &[(&str, i32)],
    ) -> ErrorCode {
        let topics = partitions.iter().map(|(name, partition)| AddPartitionsToTxnTopic {
            name: (*name).to_owned(),
            partitions: vec![*partition],
        });
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.transaction.clone(),
            v3_and_below_producer_id: who.id,
            v3_and_below_producer_epoch: who.epoch,
            v3_and_below_topics: topics.collect(),
            ..Default::default()
        };
        let answer = self.peer.ask(version, &request).await;
        let mut codes: Vec<(String, i32, ErrorCode)> = Vec::new();
        for topic in answer.results_by_topic_v3_and_below {
            for it in topic.results_by_partition {
                codes.push((topic.name.clone(), it.partition_index, it.partition_error_code));
            }
        }
        // Brokers answer in any order.
        codes.sort_by_key(|(name, partition, _)| (*name != self.topic, *partition));
        let codes: Vec<ErrorCode> = codes.into_iter().map(|(_, _, code)| code).collect();
        let words: Vec<String> = codes.iter().map(ToString::to_string).collect();
        self.note(&format!("add v{version}"), words.join(" "));
        codes.first().copied().unwrap_or_default()
    }

    /// Produces a batch of records; a transactional one if there is a transactional id.
    pub(super) async fn produce_as(
        &mut self,
        version: i16,
        who: Who,
        partition: i32,
        first: i32,
        transactional: (bool, bool),
    ) -> ErrorCode {
        let (with_id, in_transaction) = transactional;
        let kind = if in_transaction { BatchKind::Transactional } else { BatchKind::Plain };
        let sequence =
            Sequence { producer_id: who.id, producer_epoch: who.epoch, base_sequence: first };
        let data =
            PartitionProduceData { index: partition, records: Some(batch(2, sequence, kind)) };
        let request = ProduceRequest {
            transactional_id: with_id.then(|| self.transaction.clone()),
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![TopicProduceData {
                name: self.topic.clone(),
                partition_data: vec![data],
                ..Default::default()
            }],
        };
        let answer = self.peer.ask(version, &request).await;
        let answer = &answer.responses[0].partition_responses[0];
        let (code, offset) = (answer.error_code, answer.base_offset);
        self.note(&format!("produce v{version} {first}"), format!("{code} at {offset}"));
        code
    }

    /// Produces two records of the transaction.
    pub(super) async fn produce(&mut self, version: i16, who: Who, first: i32) -> ErrorCode {
        self.produce_as(version, who, 0, first, (true, true)).await
    }

    /// Produces two records of an idempotent producer.
    pub(super) async fn produce_plain(&mut self, who: Who, first: i32) -> ErrorCode {
        self.produce_as(9, who, 0, first, (false, false)).await
    }

    pub(super) async fn end_txn(&mut self, version: i16, who: Who, commit: bool) -> Who {
        let request = EndTxnRequest {
            transactional_id: self.transaction.clone(),
            producer_id: who.id,
            producer_epoch: who.epoch,
            committed: commit,
        };
        let answer = self.peer.ask(version, &request).await;
        let (id, epoch) = (self.id(answer.producer_id), answer.producer_epoch);
        let what = if commit { "commit" } else { "abort" };
        self.note(&format!("{what} v{version}"), format!("{} {id}/{epoch}", answer.error_code));
        Who { id: answer.producer_id, epoch }
    }

    /// Waits until the markers are written, and says in which state the transaction is.
    pub(super) async fn settle(&mut self) {
        let state = loop {
            let answer = self.describe_transaction().await;
            if !answer.transaction_state.starts_with("Prepare") {
                break answer;
            }
            pause().await;
        };
        let id = self.id(state.producer_id);
        let found = format!("{} {id}/{}", state.transaction_state, state.producer_epoch);
        self.note("settled", found);
    }

    pub(super) async fn describe_transaction(&mut self) -> DescribeTransactionsTransactionState {
        let transactional_ids = vec![self.transaction.clone()];
        let request = DescribeTransactionsRequest { transactional_ids };
        self.peer.ask(0, &request).await.transaction_states.swap_remove(0)
    }

    /// What readers of both kinds are given from `offset` on.
    pub(super) async fn fetch(&mut self, offset: i64) {
        for isolation_level in [0, 1] {
            let partition = FetchPartition {
                partition: 0,
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            };
            let request = FetchRequest {
                max_wait_ms: 0,
                min_bytes: 1,
                max_bytes: 1 << 20,
                isolation_level,
                session_epoch: -1,
                topics: vec![FetchTopic {
                    topic: self.topic.clone(),
                    partitions: vec![partition],
                    ..Default::default()
                }],
                ..Default::default()
            };
            let mut answer = self.peer.ask(11, &request).await;
            let mut answer = answer.responses.swap_remove(0).partitions.swap_remove(0);
            let mut aborted = Vec::new();
            for it in answer.aborted_transactions.take().unwrap_or_default() {
                aborted.push(format!("{}@{}", self.id(it.producer_id), it.first_offset));
            }
            let mut batches = Vec::new();
            let records = answer.records.take().unwrap_or_default();
            for batch in ottla::protocol::records::Batches::from(records) {
                let batch = batch.unwrap();
                let kind = if batch.is_control() { "marker " } else { "" };
                let (id, epoch) = (self.id(batch.producer_id()), batch.producer_epoch());
                let to = batch.last_offset();
                batches.push(format!("{kind}{}-{to} by {id}/{epoch}", batch.base_offset()));
            }
            let found = format!(
                "{} hw {} lso {} start {} aborted {aborted:?} {batches:?}",
                answer.error_code,
                answer.high_watermark,
                answer.last_stable_offset,
                answer.log_start_offset
            );
            self.note(&format!("fetch {offset} isolation {isolation_level}"), found);
        }
    }

    pub(super) async fn list_offsets_of(
        &mut self,
        partition: i32,
        timestamp: i64,
        leader_epoch: i32,
        isolation_level: i8,
    ) -> (ErrorCode, i64) {
        let partition = ListOffsetsPartition {
            partition_index: partition,
            current_leader_epoch: leader_epoch,
            timestamp,
        };
        let topics =
            vec![ListOffsetsTopic { name: self.topic.clone(), partitions: vec![partition] }];
        let request =
            ListOffsetsRequest { replica_id: -1, isolation_level, topics, ..Default::default() };
        let answer = self.peer.ask(7, &request).await;
        let answer = &answer.topics[0].partitions[0];
        (answer.error_code, answer.offset)
    }

    pub(super) async fn list_offsets(&mut self, timestamp: i64, leader_epoch: i32) {
        for isolation_level in [0, 1] {
            let (code, offset) =
                self.list_offsets_of(0, timestamp, leader_epoch, isolation_level).await;
            let step =
                format!("offset of {timestamp} epoch {leader_epoch} isolation {isolation_level}");
            self.note(&step, format!("{code} {offset}"));
        }
    }

    pub(super) async fn add_offsets(&mut self, who: Who) {
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.transaction.clone(),
            producer_id: who.id,
            producer_epoch: who.epoch,
            group_id: self.group.clone(),
        };
        let answer = self.peer.ask(3, &request).await;
        self.note("add offsets", answer.error_code);
    }

    /// Commits the offset of a partition within the transaction, on behalf of nobody or of a member.
    pub(super) async fn txn_commit(
        &mut self,
        version: i16,
        who: Who,
        (partition, offset): (i32, i64),
        (generation_id, member_id): (i32, &str),
    ) {
        let partition = TxnOffsetCommitRequestPartition {
            partition_index: partition,
            committed_offset: offset,
            ..Default::default()
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.transaction.clone(),
            group_id: self.group.clone(),
            producer_id: who.id,
            producer_epoch: who.epoch,
            generation_id,
            member_id: member_id.to_owned(),
            topics: vec![TxnOffsetCommitRequestTopic {
                name: self.topic.clone(),
                partitions: vec![partition],
            }],
            ..Default::default()
        };
        let answer = self.peer.ask(version, &request).await;
        let code = answer.topics[0].partitions[0].error_code;
        self.note(&format!("offset {offset} in transaction v{version}"), code);
    }

    /// What the group has committed, as both kinds of readers are told.
    pub(super) async fn committed(&mut self) {
        for require_stable in [false, true] {
            let request = OffsetFetchRequest {
                group_id: self.group.clone(),
                topics: Some(vec![OffsetFetchRequestTopic {
                    name: self.topic.clone(),
                    partition_indexes: vec![0],
                }]),
                require_stable,
                ..Default::default()
            };
            let answer = self.peer.ask(7, &request).await;
            let found = answer.topics.first().map(|topic| &topic.partitions[0]);
            let found = found.map(|it| format!("{} {}", it.error_code, it.committed_offset));
            let found = format!("{} {}", answer.error_code, found.unwrap_or_default());
            self.note(&format!("committed stable {require_stable}"), found);
        }
    }

    pub(super) async fn commit(
        &mut self,
        version: i16,
        offset: i64,
        generation: i32,
        member_id: &str,
    ) {
        let partition = OffsetCommitRequestPartition {
            partition_index: 0,
            committed_offset: offset,
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: generation,
            member_id: member_id.to_owned(),
            topics: vec![OffsetCommitRequestTopic {
                name: self.topic.clone(),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self.peer.ask(version, &request).await;
        let code = answer.topics[0].partitions[0].error_code;
        self.note(&format!("commit v{version} of generation {generation}"), code);
    }
}

/// What coordinators say that have only just come to be.
const NOT_YET: [ErrorCode; 3] = [
    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ErrorCode::NOT_COORDINATOR,
];

pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
