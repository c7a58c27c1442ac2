//! A metadata answer put into a snapshot: nothing goes backwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_protocol::api::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

use super::{Broker, Cluster, PartitionMetadata, TopicMetadata};
use crate::broker::BrokerId;
use crate::connector::Address;
use crate::topic::Topic;

impl Cluster {
    /// This snapshot with an answer put into it, or `None` if the answer tells nothing new.
    ///
    /// `known` gives the topic of a name; what nobody asked for is left out. Brokers are replaced
    /// as a whole. Of topics, answers of different age may arrive in any order, so:
    ///
    /// - a partition's older leader epoch does not replace a newer one (KIP-320);
    /// - another topic id means that the topic was made anew: everything of the old one is
    ///   forgotten, and its id cannot come back;
    /// - a topic that cannot be described now keeps what was known (a topic that is "unknown" for
    ///   a moment must not lose its state).
    pub(crate) fn merged(
        &self,
        answer: &MetadataResponse,
        known: impl Fn(&str) -> Option<Topic>,
    ) -> Option<Self> {
        let mut next = self.clone();
        if let Some(id) = &answer.cluster_id {
            if self.id.as_deref() != Some(id) {
                if let Some(earlier) = &self.id {
                    tracing::warn!(%earlier, now = %id.escape_debug(), "another cluster answers at these addresses");
                }
                next.id = Some(id.as_str().into());
            }
        }
        next.brokers = brokers(&answer.brokers);
        next.controller =
            Some(BrokerId(answer.controller_id)).filter(|id| next.brokers.contains_key(id));
        let mut changed = next.id != self.id
            || next.brokers != self.brokers
            || next.controller != self.controller;
        for described in &answer.topics {
            let Some(topic) = described.name.as_deref().and_then(&known) else {
                continue;
            };
            let earlier = self.topic(&topic);
            if let Some(merged) = merge_topic(earlier.map(|earlier| &**earlier), topic, described) {
                if earlier.is_none_or(|earlier| **earlier != merged) {
                    next.set_topic(Arc::new(merged));
                    changed = true;
                }
            }
        }
        changed.then(|| {
            next.version += 1;
            next
        })
    }
}

fn brokers(described: &[MetadataResponseBroker]) -> BTreeMap<BrokerId, Broker> {
    let mut brokers = BTreeMap::new();
    for broker in described {
        let Some(port) = u16::try_from(broker.port).ok().filter(|port| *port > 0) else {
            tracing::debug!(broker = broker.node_id, port = broker.port, "broker without a port");
            continue;
        };
        if broker.node_id < 0 || broker.host.is_empty() {
            continue;
        }
        let id = BrokerId(broker.node_id);
        let address = Address::new(broker.host.as_str(), port);
        brokers.insert(id, Broker { id, address, rack: broker.rack.as_deref().map(Into::into) });
    }
    brokers
}

/// The topic after the answer; `None` if the answer is about a topic that has been replaced.
fn merge_topic(
    earlier: Option<&TopicMetadata>,
    topic: Topic,
    described: &MetadataResponseTopic,
) -> Option<TopicMetadata> {
    if !described.error_code.is_ok() {
        let mut kept = earlier.cloned().unwrap_or_else(|| TopicMetadata {
            topic,
            id: described.topic_id,
            partitions: Vec::new(),
            error: described.error_code,
            is_internal: described.is_internal,
            retired: Vec::new(),
        });
        kept.error = described.error_code;
        return Some(kept);
    }
    if earlier.is_some_and(|earlier| earlier.retired.contains(&described.topic_id)) {
        tracing::debug!(%topic, id = %described.topic_id, "ignoring an answer about a deleted topic");
        return None;
    }
    let is_anew = earlier.is_some_and(|earlier| {
        !earlier.id.is_zero() && !described.topic_id.is_zero() && earlier.id != described.topic_id
    });
    let comparable = earlier.filter(|_| !is_anew);
    let mut merged = TopicMetadata {
        topic,
        // A broker that cannot tell the id does not make it unknown.
        id: match earlier {
            Some(earlier) if described.topic_id.is_zero() => earlier.id,
            _ => described.topic_id,
        },
        partitions: partitions(comparable, &described.partitions),
        error: described.error_code,
        is_internal: described.is_internal,
        retired: earlier.map(|earlier| earlier.retired.clone()).unwrap_or_default(),
    };
    if let Some(earlier) = earlier.filter(|_| is_anew) {
        tracing::info!(topic = %merged.topic, was = %earlier.id, now = %merged.id, "the topic was deleted and made anew");
        merged.retire(earlier.id);
    }
    Some(merged)
}

fn partitions(
    earlier: Option<&TopicMetadata>,
    described: &[MetadataResponsePartition],
) -> Vec<PartitionMetadata> {
    let mut merged: Vec<_> = described
        .iter()
        .filter(|described| described.partition_index >= 0)
        .map(|described| {
            let earlier = earlier.and_then(|topic| topic.partition(described.partition_index));
            merge_partition(earlier, described)
        })
        .collect();
    merged.sort_by_key(|partition| partition.partition);
    merged.dedup_by_key(|partition| partition.partition);
    merged
}

fn merge_partition(
    earlier: Option<&PartitionMetadata>,
    described: &MetadataResponsePartition,
) -> PartitionMetadata {
    let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
    let mut merged = PartitionMetadata {
        partition: described.partition_index,
        leader: Some(BrokerId(described.leader_id)).filter(|leader| leader.0 >= 0),
        leader_epoch: described.leader_epoch.max(-1),
        replicas: ids(&described.replica_nodes),
        isr: ids(&described.isr_nodes),
        error: described.error_code,
    };
    if let Some(earlier) = earlier {
        if merged.leader_epoch < 0 {
            // A broker from before epochs: what it says counts, but the epoch stays.
            merged.leader_epoch = earlier.leader_epoch;
        } else if merged.leader_epoch < earlier.leader_epoch {
            return earlier.clone();
        }
    }
    merged
}

#[cfg(test)]
mod tests;
