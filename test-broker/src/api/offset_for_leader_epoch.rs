use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    OffsetForLeaderEpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition, OffsetForLeaderTopic, OffsetForLeaderTopicResult,
};

use super::{Answer, RequestContext, Serve};
use crate::cluster::State;
use crate::log::EpochEnd;

/// Nothing is known of such an epoch.
const UNDEFINED: EpochEnd = EpochEnd { epoch: -1, end_offset: -1 };

impl Serve for OffsetForLeaderEpochRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<OffsetForLeaderEpochResponse> {
        let shared = context.shared;
        let state = shared.state.lock();
        let topics = self.topics.into_iter().map(|topic| ends(context, &state, topic)).collect();
        let throttle_time_ms = context.throttle_ms;
        Answer::Reply(OffsetForLeaderEpochResponse { throttle_time_ms, topics })
    }
}

fn ends(
    context: &mut RequestContext<'_>,
    state: &State,
    topic: OffsetForLeaderTopic,
) -> OffsetForLeaderTopicResult {
    let partitions = topic.partitions.into_iter().map(|wanted| {
        let (error_code, end) = match find(context, state, &topic.topic, &wanted) {
            Ok(end) => (ErrorCode::NONE, end),
            Err(error) => (error, UNDEFINED),
        };
        OffsetForLeaderEpochEndOffset {
            error_code,
            partition: wanted.partition,
            leader_epoch: end.epoch,
            end_offset: end.end_offset,
        }
    });
    let partitions = partitions.collect();
    OffsetForLeaderTopicResult { topic: topic.topic, partitions }
}

fn find(
    context: &mut RequestContext<'_>,
    state: &State,
    topic: &str,
    wanted: &OffsetForLeaderPartition,
) -> Result<EpochEnd, ErrorCode> {
    if let Some(error) = context.faults.partition_error(topic, wanted.partition) {
        return Err(error);
    }
    let partition =
        state.partition(topic, wanted.partition).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    partition.check_leader(context.broker, wanted.current_leader_epoch)?;
    // An epoch from the future has no end (`LeaderEpochFileCache.endOffsetFor`).
    if wanted.leader_epoch < 0 || wanted.leader_epoch > partition.leader_epoch {
        return Ok(UNDEFINED);
    }
    let (current, end) = (partition.leader_epoch, partition.log.end_offset());
    Ok(partition.log.epochs().end_of(wanted.leader_epoch, current, end).unwrap_or(UNDEFINED))
}
