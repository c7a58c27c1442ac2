use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use super::{Answer, RequestContext, Serve};
use crate::fetch_session::TopicKey;
use crate::group::{CommittedOffset, Committer};

/// From here on a group that is not there is called so (KIP-848).
const GROUP_NOT_FOUND_FROM: i16 = 9;
/// From here on topics are named by id.
const TOPIC_IDS_FROM: i16 = 10;

impl Serve for OffsetCommitRequest {
    async fn serve(mut self, context: &mut RequestContext<'_>) -> Answer<OffsetCommitResponse> {
        let topics = std::mem::take(&mut self.topics);
        let accepted = accept(context, &self);
        let commit = |topic| commit_topic(context, &self.group_id, topic, accepted);
        let topics = topics.into_iter().map(commit).collect();
        Answer::Reply(OffsetCommitResponse { throttle_time_ms: context.throttle_ms, topics })
    }
}

/// Whether this committer may commit to this group now.
fn accept(context: &RequestContext<'_>, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
    context.check_coordinator(&request.group_id)?;
    let committer = Committer {
        member_id: &request.member_id,
        instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id_or_member_epoch,
        transactional: false,
    };
    let now = context.now();
    let missing = if context.version >= GROUP_NOT_FOUND_FROM {
        ErrorCode::GROUP_ID_NOT_FOUND
    } else {
        ErrorCode::ILLEGAL_GENERATION
    };
    context.shared.coordination.may_commit(now, &request.group_id, committer, missing)
}

fn commit_topic(
    context: &mut RequestContext<'_>,
    group: &str,
    topic: OffsetCommitRequestTopic,
    accepted: Result<(), ErrorCode>,
) -> OffsetCommitResponseTopic {
    let key = if context.version >= TOPIC_IDS_FROM {
        TopicKey::Id(topic.topic_id)
    } else {
        TopicKey::Name(topic.name.as_str().into())
    };
    let mut commit = |partition_index, committed: CommittedOffset| {
        let done = accepted.and_then(|()| {
            let name = locate(context, &key, partition_index)?;
            commit_partition(context, group, &name, partition_index, committed)
        });
        OffsetCommitResponsePartition {
            partition_index,
            error_code: done.err().unwrap_or_default(),
        }
    };
    let partitions = topic.partitions.into_iter().map(|partition| {
        let committed = CommittedOffset {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.unwrap_or_default(),
        };
        commit(partition.partition_index, committed)
    });
    let partitions = partitions.collect();
    OffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, partitions }
}

fn locate(
    context: &RequestContext<'_>,
    key: &TopicKey,
    partition: i32,
) -> Result<Arc<str>, ErrorCode> {
    let state = context.shared.state.lock();
    let topic = state.topic_by_key(key)?;
    topic.partition(partition).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    Ok(Arc::clone(&topic.name))
}

fn commit_partition(
    context: &mut RequestContext<'_>,
    group: &str,
    topic: &str,
    partition: i32,
    committed: CommittedOffset,
) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.partition_error(topic, partition) {
        return Err(error);
    }
    committed.check()?;
    let coordination = &context.shared.coordination;
    coordination.with(group, |group| group.offsets.set(topic, partition, committed));
    context.faults.partition_error_after(topic, partition).map_or(Ok(()), Err)
}
