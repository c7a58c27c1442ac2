//! Commits as they are asked and answered.

use foldhash::{HashMap, HashMapExt};
use ottla_client::{GroupMetadata, TopicPartition};
use ottla_protocol::api::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse,
};
use ottla_protocol::{ErrorCode, Uuid};

use super::marks::Due;

/// An offset on its way to the group.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) due: Due,
    pub(super) at: TopicPartition,
    /// All zero if it is not known.
    pub(super) topic_id: Uuid,
}

/// What an answer means for an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Committed,
    /// Worth another attempt.
    Again(ErrorCode),
    /// Worth another attempt with another coordinator.
    Elsewhere(ErrorCode),
    /// The group has gone on without this member.
    Fenced(ErrorCode),
    Refused(ErrorCode),
}

pub(super) fn request(group: GroupMetadata, entries: &[Entry]) -> OffsetCommitRequest {
    let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
    let mut places: HashMap<u32, usize> = HashMap::new();
    for entry in entries {
        let topic = &entry.at.topic;
        let place = *places.entry(topic.slot()).or_insert_with(|| {
            topics.push(OffsetCommitRequestTopic {
                name: topic.name().to_owned(),
                topic_id: entry.topic_id,
                partitions: Vec::new(),
            });
            topics.len() - 1
        });
        if let Some(topic) = topics.get_mut(place) {
            topic.partitions.push(OffsetCommitRequestPartition {
                partition_index: entry.at.partition,
                committed_offset: entry.due.offset,
                committed_leader_epoch: entry.due.leader_epoch,
                ..OffsetCommitRequestPartition::default()
            });
        }
    }
    OffsetCommitRequest {
        group_id: group.group_id,
        generation_id_or_member_epoch: group.generation_id_or_member_epoch,
        member_id: group.member_id,
        group_instance_id: group.group_instance_id,
        topics,
        ..OffsetCommitRequest::default()
    }
}

/// A verdict for each entry, in their order. One the answer leaves out was not committed.
pub(super) fn verdicts(entries: &[Entry], response: &OffsetCommitResponse) -> Vec<Verdict> {
    let answer = |entry: &Entry| {
        let topic = response.topics.iter().find(|topic| {
            if topic.topic_id == Uuid::default() {
                topic.name == entry.at.topic.name()
            } else {
                topic.topic_id == entry.topic_id
            }
        })?;
        let mut partitions = topic.partitions.iter();
        let partition = partitions.find(|answer| answer.partition_index == entry.at.partition)?;
        Some(partition.error_code)
    };
    let left_out = ErrorCode::UNKNOWN_SERVER_ERROR;
    entries.iter().map(|entry| verdict(answer(entry).unwrap_or(left_out))).collect()
}

fn verdict(code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::NONE => Verdict::Committed,
        ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => {
            Verdict::Elsewhere(code)
        }
        ErrorCode::ILLEGAL_GENERATION
        | ErrorCode::UNKNOWN_MEMBER_ID
        | ErrorCode::FENCED_INSTANCE_ID => Verdict::Fenced(code),
        // The group is between two generations, of which this member has joined the second.
        ErrorCode::REBALANCE_IN_PROGRESS | ErrorCode::UNKNOWN_SERVER_ERROR => Verdict::Again(code),
        code if code.is_retriable() => Verdict::Again(code),
        code => Verdict::Refused(code),
    }
}
