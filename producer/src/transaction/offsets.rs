//! Offsets of a consumer group that are committed with a transaction (KIP-447).

use std::sync::Arc;

use ottla_client::{GroupMetadata, GroupOffset, TopicPartition};
use ottla_protocol::api::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};

use crate::idempotence::Identity;

/// Offsets on their way to the group's coordinator.
#[derive(Clone, Debug)]
pub(super) struct GroupOffsets {
    group: GroupMetadata,
    topics: Vec<TxnOffsetCommitRequestTopic>,
}

impl GroupOffsets {
    pub(super) fn new(
        group: &GroupMetadata,
        offsets: impl IntoIterator<Item = (TopicPartition, GroupOffset)>,
    ) -> Self {
        let mut topics: Vec<TxnOffsetCommitRequestTopic> = Vec::new();
        for (at, offset) in offsets {
            let partition = TxnOffsetCommitRequestPartition {
                partition_index: at.partition,
                committed_offset: offset.offset,
                committed_leader_epoch: offset.leader_epoch.unwrap_or(-1),
                committed_metadata: Some(offset.metadata),
            };
            let name = at.topic.name();
            match topics.iter_mut().find(|topic| topic.name == name) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(TxnOffsetCommitRequestTopic {
                    name: name.to_owned(),
                    partitions: vec![partition],
                }),
            }
        }
        Self { group: group.clone(), topics }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.topics.iter().map(|topic| topic.partitions.len()).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(super) fn group_id(&self) -> Arc<str> {
        self.group.group_id.as_str().into()
    }

    /// The request, which lets the coordinator check that the offsets are still this member's.
    pub(super) fn request(&self, id: &str, identity: Identity) -> TxnOffsetCommitRequest {
        TxnOffsetCommitRequest {
            transactional_id: id.to_owned(),
            group_id: self.group.group_id.clone(),
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            generation_id: self.group.generation_id_or_member_epoch,
            member_id: self.group.member_id.clone(),
            group_instance_id: self.group.group_instance_id.clone(),
            topics: self.topics.clone(),
        }
    }
}
