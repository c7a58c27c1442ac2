use ottla_protocol::api::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_protocol::{ErrorCode, Uuid};

use super::{Answer, RequestContext, Serve};
use crate::cluster::{NewTopic, Partition, State, Topic, TopicConfig};

impl Serve for MetadataRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<MetadataResponse> {
        let shared = context.shared;
        let mut state = shared.state.lock();
        // Version 0 has no null: no topic means all of them.
        let wanted = self.topics.filter(|topics| context.version > 0 || !topics.is_empty());
        let topics = match wanted {
            None => state.topics.values().map(|topic| describe(&state, topic)).collect(),
            Some(wanted) => {
                let create = shared.settings.auto_create && self.allow_auto_topic_creation;
                wanted.into_iter().map(|topic| find(context, &mut state, topic, create)).collect()
            }
        };
        let topics = topics_after_faults(context, topics);
        let brokers = state.brokers.values().filter(|broker| broker.up);
        Answer::Reply(MetadataResponse {
            throttle_time_ms: context.throttle_ms,
            brokers: brokers
                .map(|broker| MetadataResponseBroker {
                    node_id: broker.id,
                    host: broker.host.clone(),
                    port: i32::from(broker.port),
                    rack: broker.rack.clone(),
                })
                .collect(),
            cluster_id: Some(state.cluster_id.clone()),
            controller_id: state.controller(),
            topics,
            ..Default::default()
        })
    }
}

fn find(
    context: &RequestContext<'_>,
    state: &mut State,
    wanted: MetadataRequestTopic,
    create: bool,
) -> MetadataResponseTopic {
    let by_id = !wanted.topic_id.is_zero();
    let name = match (by_id, wanted.name) {
        (true, _) => state.topic_name(wanted.topic_id),
        (false, name) => name.map(Into::into),
    };
    let Some(name) = name else {
        return missing(ErrorCode::UNKNOWN_TOPIC_ID, context.version, wanted.topic_id, None);
    };
    if let Some(topic) = state.topics.get(&name) {
        return describe(state, topic);
    }
    let error = match state.check_new_topic(&name) {
        Err(error) => error,
        Ok(()) => {
            if create {
                let settings = &context.shared.settings;
                let (partitions, factor) =
                    (settings.default_partitions, settings.replication_factor());
                if let Ok(assignment) = state.assign(partitions, factor) {
                    let config = TopicConfig::default();
                    // The name was checked above.
                    let name = name.clone();
                    let _ = state.create_topic(NewTopic { name, assignment, config });
                }
            }
            // Also when it was just created: a client asks again
            // (`AutoTopicCreationManager.createTopics`).
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        }
    };
    missing(error, context.version, Uuid::ZERO, Some(name.to_string()))
}

fn missing(
    error_code: ErrorCode,
    version: i16,
    topic_id: Uuid,
    name: Option<String>,
) -> MetadataResponseTopic {
    let name = if version < 12 { name.or_else(|| Some(String::new())) } else { name };
    MetadataResponseTopic { error_code, name, topic_id, ..Default::default() }
}

fn describe(state: &State, topic: &Topic) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        partitions: topic.partitions.iter().map(|part| describe_partition(state, part)).collect(),
        ..Default::default()
    }
}

fn describe_partition(state: &State, partition: &Partition) -> MetadataResponsePartition {
    let leader = partition.leader.filter(|leader| state.is_up(*leader));
    let offline = partition.replicas.iter().copied().filter(|replica| !state.is_up(*replica));
    MetadataResponsePartition {
        error_code: match leader {
            Some(_) => ErrorCode::NONE,
            None => ErrorCode::LEADER_NOT_AVAILABLE,
        },
        partition_index: partition.index,
        leader_id: leader.unwrap_or(-1),
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        offline_replicas: offline.collect(),
    }
}

/// Puts the errors that were asked for in place of what was found.
fn topics_after_faults(
    context: &mut RequestContext<'_>,
    mut topics: Vec<MetadataResponseTopic>,
) -> Vec<MetadataResponseTopic> {
    for topic in &mut topics {
        let name = topic.name.clone().unwrap_or_default();
        if let Some(error) = context.faults.topic_error(&name) {
            topic.error_code = error;
            topic.partitions = Vec::new();
            continue;
        }
        for partition in &mut topic.partitions {
            let fault = context.faults.partition_error(&name, partition.partition_index);
            if let Some(error) = fault {
                partition.error_code = error;
                partition.leader_id = -1;
            }
        }
    }
    topics
}
