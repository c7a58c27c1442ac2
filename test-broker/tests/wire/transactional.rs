//! A transactional producer that does nothing on its own.

use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, EndTxnRequest,
    InitProducerIdRequest, OffsetFetchRequest, OffsetFetchRequestTopic, ProduceRequest,
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla_protocol::records::{BatchKind, Sequence};
use ottla_test_broker::TestCluster;

use crate::support::{Peer, produce, sealed};

pub(crate) const ID: &str = "transaction";
pub(crate) const GROUP: &str = "group";

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Identity {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

pub(crate) struct Transactional {
    peer: Peer,
    pub(crate) identity: Identity,
    pub(crate) timeout: Duration,
    sequence: i32,
    /// By the features of the broker.
    second_protocol: bool,
}

impl Transactional {
    pub(crate) fn connect(cluster: &TestCluster) -> Self {
        Self::connect_to(cluster, 0)
    }

    pub(crate) fn connect_to(cluster: &TestCluster, broker: i32) -> Self {
        Self {
            peer: Peer::connect(cluster, broker),
            identity: Identity::default(),
            timeout: Duration::from_secs(60),
            sequence: 0,
            second_protocol: false,
        }
    }

    pub(crate) async fn start(cluster: &TestCluster) -> Self {
        let mut producer = Self::connect(cluster);
        assert_eq!(producer.init().await, ErrorCode::NONE);
        producer
    }

    pub(crate) async fn init(&mut self) -> ErrorCode {
        let features = self.peer.features().await;
        self.second_protocol =
            features.iter().any(|(name, level)| name == "transaction.version" && *level >= 2);
        let request = InitProducerIdRequest {
            transactional_id: Some(ID.to_owned()),
            transaction_timeout_ms: i32::try_from(self.timeout.as_millis()).expect("short"),
            ..Default::default()
        };
        let answer = self.peer.ask(&request, 4).await;
        if answer.error_code.is_ok() {
            self.take(answer.producer_id, answer.producer_epoch);
        }
        answer.error_code
    }

    fn take(&mut self, producer_id: i64, epoch: i16) {
        self.identity = Identity { producer_id, epoch };
        self.sequence = 0;
    }

    pub(crate) async fn add(&mut self, topic: &str, partition: i32) -> ErrorCode {
        let Identity { producer_id, epoch } = self.identity;
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: ID.to_owned(),
            v3_and_below_producer_id: producer_id,
            v3_and_below_producer_epoch: epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                name: topic.to_owned(),
                partitions: vec![partition],
            }],
            ..Default::default()
        };
        let answer = self.peer.ask(&request, 3).await;
        answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
    }

    pub(crate) async fn produce(&mut self, values: &[&str]) -> ErrorCode {
        let version = if self.second_protocol { 12 } else { 9 };
        self.produce_at(version, values).await
    }

    pub(crate) async fn produce_at(&mut self, version: i16, values: &[&str]) -> ErrorCode {
        let Identity { producer_id, epoch } = self.identity;
        let sequence =
            Sequence { producer_id, producer_epoch: epoch, base_sequence: self.sequence };
        let batch = sealed(values).freeze(sequence, BatchKind::Transactional);
        let request =
            ProduceRequest { transactional_id: Some(ID.to_owned()), ..produce("t", 0, batch, -1) };
        let answer = self.peer.ask(&request, version).await;
        let error = answer.responses[0].partition_responses[0].error_code;
        if error.is_ok() {
            self.sequence += i32::try_from(values.len()).expect("few");
        }
        error
    }

    pub(crate) async fn end(&mut self, commit: bool) -> ErrorCode {
        let Identity { producer_id, epoch } = self.identity;
        let request = EndTxnRequest {
            transactional_id: ID.to_owned(),
            producer_id,
            producer_epoch: epoch,
            committed: commit,
        };
        let answer = self.peer.ask(&request, if self.second_protocol { 5 } else { 3 }).await;
        if self.second_protocol && answer.error_code.is_ok() {
            self.take(answer.producer_id, answer.producer_epoch);
        }
        answer.error_code
    }

    /// Adds the group; the second protocol needs no request for it.
    pub(crate) async fn add_offsets(&mut self) {
        if self.second_protocol {
            return;
        }
        let Identity { producer_id, epoch } = self.identity;
        let request = AddOffsetsToTxnRequest {
            transactional_id: ID.to_owned(),
            producer_id,
            producer_epoch: epoch,
            group_id: GROUP.to_owned(),
        };
        assert_eq!(self.peer.ask(&request, 3).await.error_code, ErrorCode::NONE);
    }

    pub(crate) async fn commit_offset(&mut self, offset: i64) -> ErrorCode {
        let Identity { producer_id, epoch } = self.identity;
        let request = TxnOffsetCommitRequest {
            transactional_id: ID.to_owned(),
            group_id: GROUP.to_owned(),
            producer_id,
            producer_epoch: epoch,
            topics: vec![TxnOffsetCommitRequestTopic {
                name: "t".to_owned(),
                partitions: vec![TxnOffsetCommitRequestPartition {
                    committed_offset: offset,
                    ..Default::default()
                }],
            }],
            ..Default::default()
        };
        let answer = self.peer.ask(&request, if self.second_protocol { 5 } else { 3 }).await;
        answer.topics[0].partitions[0].error_code
    }

    /// What the group has committed.
    pub(crate) async fn committed(&mut self, require_stable: bool) -> (ErrorCode, i64) {
        let request = OffsetFetchRequest {
            group_id: GROUP.to_owned(),
            topics: Some(vec![OffsetFetchRequestTopic {
                name: "t".to_owned(),
                partition_indexes: vec![0],
            }]),
            require_stable,
            ..Default::default()
        };
        let answer = self.peer.ask(&request, 7).await;
        let partition = &answer.topics[0].partitions[0];
        (partition.error_code, partition.committed_offset)
    }
}
