//! What members are given, and how they tell each other.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ottla_protocol::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolTopicPartitions,
};

/// Partitions by topic and number.
pub(crate) type PartitionSet = BTreeSet<(String, i32)>;

/// The newest version of what members tell each other; older members read what they know of it.
const SUBSCRIPTION_VERSION: i16 = 3;

/// What a member is given, as it is written.
pub(super) fn assignment(topics: BTreeMap<String, Vec<i32>>) -> Bytes {
    let assigned_partitions = topics
        .into_iter()
        .map(|(topic, partitions)| ConsumerProtocolTopicPartitions { topic, partitions })
        .collect();
    encode(&ConsumerProtocolAssignment { assigned_partitions, user_data: None })
}

/// What a member is given. No bytes at all stand for nothing: the coordinator's answer to a member
/// that the leader has forgotten.
pub(super) fn read_assignment(
    bytes: &Bytes,
) -> Result<PartitionSet, ottla_protocol::wire::DecodeError> {
    if bytes.is_empty() {
        return Ok(PartitionSet::new());
    }
    let assignment: ConsumerProtocolAssignment = consumer_protocol::decode(bytes)?;
    let topics = assignment.assigned_partitions.into_iter();
    Ok(topics
        .flat_map(|topic| {
            let name = topic.topic;
            topic.partitions.into_iter().map(move |partition| (name.clone(), partition))
        })
        .collect())
}

/// Partitions as they are written.
pub(super) fn by_topic(partitions: &PartitionSet) -> Vec<ConsumerProtocolTopicPartitions> {
    let mut topics: BTreeMap<&String, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    let topics = topics.into_iter();
    topics
        .map(|(topic, partitions)| ConsumerProtocolTopicPartitions {
            topic: topic.clone(),
            partitions,
        })
        .collect()
}

/// A subscription or an assignment as bytes.
pub(super) fn encode<T: ottla_protocol::wire::Encode>(message: &T) -> Bytes {
    consumer_protocol::encode(message, SUBSCRIPTION_VERSION).unwrap_or_else(|error| {
        // Only a name longer than 32767 bytes gets here, and no topic has one.
        tracing::error!(%error, "a subscription cannot be written");
        Bytes::new()
    })
}
