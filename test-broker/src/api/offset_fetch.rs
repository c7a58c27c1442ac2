use std::sync::Arc;

use ottla_protocol::api::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use ottla_protocol::{ErrorCode, Uuid};

use super::{Answer, RequestContext, Serve};
use crate::fetch_session::TopicKey;
use crate::group::CommittedOffset;

/// From here on many groups are asked at once (KIP-709).
const BATCHED_FROM: i16 = 8;
/// From here on topics are named by id.
const TOPIC_IDS_FROM: i16 = 10;
/// From here on there is an error for the whole request.
const TOP_LEVEL_ERROR_FROM: i16 = 2;

impl Serve for OffsetFetchRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<OffsetFetchResponse> {
        let throttle_time_ms = context.throttle_ms;
        if context.version >= BATCHED_FROM {
            let stable = self.require_stable;
            let groups = self.groups.into_iter();
            let groups = groups.map(|group| fetch(context, group, stable)).collect();
            return Answer::Reply(OffsetFetchResponse {
                throttle_time_ms,
                groups,
                ..Default::default()
            });
        }
        let topics = self.topics.map(|topics| {
            let topics = topics.into_iter();
            let topics = topics.map(|topic| OffsetFetchRequestTopics {
                name: topic.name,
                partition_indexes: topic.partition_indexes,
                ..Default::default()
            });
            topics.collect()
        });
        let group =
            OffsetFetchRequestGroup { group_id: self.group_id, topics, ..Default::default() };
        let fetched = fetch(context, group, self.require_stable);
        Answer::Reply(OffsetFetchResponse {
            throttle_time_ms,
            error_code: fetched.error_code,
            topics: fetched.topics.into_iter().map(unbatched).collect(),
            ..Default::default()
        })
    }
}

fn fetch(
    context: &mut RequestContext<'_>,
    group: OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let checked = match context.check_coordinator(&group.group_id) {
        Err(error) => Err(error),
        Ok(()) => context.faults.error().map_or(Ok(()), Err),
    };
    let topics = match (checked, group.topics) {
        (Ok(()), None) => all_topics(context, &group.group_id, require_stable),
        (Ok(()), Some(topics)) => {
            let topics = topics.into_iter();
            topics
                .map(|topic| topic_offsets(context, &group.group_id, topic, require_stable))
                .collect()
        }
        // Versions 0 and 1 have no place for it but the partitions.
        (Err(error), Some(topics)) if context.version < TOP_LEVEL_ERROR_FROM => {
            topics.into_iter().map(|topic| failed_topic(topic, error)).collect()
        }
        (Err(_), _) => Vec::new(),
    };
    let error_code = checked.err().unwrap_or_default();
    OffsetFetchResponseGroup { group_id: group.group_id, topics, error_code }
}

fn all_topics(
    context: &mut RequestContext<'_>,
    group: &str,
    require_stable: bool,
) -> Vec<OffsetFetchResponseTopics> {
    let offsets = context.shared.coordination.with(group, |group| group.offsets.clone());
    let offsets = offsets.unwrap_or_default();
    let topics = offsets.topics().map(|(name, partitions)| OffsetFetchResponseTopics {
        name: name.to_owned(),
        topic_id: topic_id(context, name),
        partitions: partitions
            .iter()
            .map(|(index, found)| match require_stable && offsets.is_unstable(name, *index) {
                true => failed(*index, ErrorCode::UNSTABLE_OFFSET_COMMIT),
                false => committed(*index, Some(found)),
            })
            .collect(),
    });
    topics.collect()
}

fn topic_offsets(
    context: &mut RequestContext<'_>,
    group: &str,
    topic: OffsetFetchRequestTopics,
    require_stable: bool,
) -> OffsetFetchResponseTopics {
    let name: Arc<str> = if context.version >= TOPIC_IDS_FROM {
        let state = context.shared.state.lock();
        match state.topic_by_key(&TopicKey::Id(topic.topic_id)) {
            Ok(found) => Arc::clone(&found.name),
            Err(error) => return failed_topic(topic, error),
        }
    } else {
        topic.name.as_str().into()
    };
    let offsets = context.shared.coordination.with(group, |group| group.offsets.clone());
    let offsets = offsets.unwrap_or_default();
    let partition = |index: i32| match context.faults.partition_error(&name, index) {
        Some(error) => failed(index, error),
        // An open transaction may change it (KIP-447).
        None if require_stable && offsets.is_unstable(&name, index) => {
            failed(index, ErrorCode::UNSTABLE_OFFSET_COMMIT)
        }
        None => committed(index, offsets.get(&name, index)),
    };
    let partitions = topic.partition_indexes.into_iter().map(partition).collect();
    OffsetFetchResponseTopics { name: topic.name, topic_id: topic.topic_id, partitions }
}

fn committed(
    partition_index: i32,
    found: Option<&CommittedOffset>,
) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: found.map_or(-1, |found| found.offset),
        committed_leader_epoch: found.map_or(-1, |found| found.leader_epoch),
        metadata: Some(found.map(|found| found.metadata.clone()).unwrap_or_default()),
        error_code: ErrorCode::NONE,
    }
}

fn failed(partition_index: i32, error_code: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions { error_code, ..committed(partition_index, None) }
}

fn failed_topic(topic: OffsetFetchRequestTopics, error: ErrorCode) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.into_iter().map(|index| failed(index, error));
    let partitions = partitions.collect();
    OffsetFetchResponseTopics { name: topic.name, topic_id: topic.topic_id, partitions }
}

fn topic_id(context: &RequestContext<'_>, name: &str) -> Uuid {
    let state = context.shared.state.lock();
    state.topics.get(name).map(|topic| topic.id).unwrap_or_default()
}

fn unbatched(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter().map(|found| OffsetFetchResponsePartition {
        partition_index: found.partition_index,
        committed_offset: found.committed_offset,
        committed_leader_epoch: found.committed_leader_epoch,
        metadata: found.metadata,
        error_code: found.error_code,
    });
    OffsetFetchResponseTopic { name: topic.name, partitions: partitions.collect() }
}
