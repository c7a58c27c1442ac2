use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
    DeleteRecordsTopicResult,
};

use super::{Answer, RequestContext, Serve};

/// Everything that consumers could read.
const HIGH_WATERMARK: i64 = -1;

impl Serve for DeleteRecordsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<DeleteRecordsResponse> {
        let topics = self.topics.into_iter().map(|topic| delete_topic(context, topic)).collect();
        Answer::Reply(DeleteRecordsResponse { throttle_time_ms: context.throttle_ms, topics })
    }
}

fn delete_topic(
    context: &mut RequestContext<'_>,
    topic: DeleteRecordsTopic,
) -> DeleteRecordsTopicResult {
    let name = topic.name;
    let partitions = topic.partitions.into_iter().map(|partition| {
        let partition_index = partition.partition_index;
        let deleted = delete(context, &name, partition_index, partition.offset);
        DeleteRecordsPartitionResult {
            partition_index,
            low_watermark: deleted.unwrap_or(-1),
            error_code: deleted.err().unwrap_or_default(),
        }
    });
    let partitions = partitions.collect();
    DeleteRecordsTopicResult { name, partitions }
}

fn delete(
    context: &mut RequestContext<'_>,
    topic: &str,
    index: i32,
    offset: i64,
) -> Result<i64, ErrorCode> {
    if let Some(error) = context.faults.partition_error(topic, index) {
        return Err(error);
    }
    let shared = context.shared;
    let mut state = shared.state.lock();
    let partition =
        state.partition_mut(topic, index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    partition.check_leader(context.broker, -1)?;
    let end = partition.high_watermark();
    let offset = if offset == HIGH_WATERMARK { end } else { offset };
    if offset < 0 || offset > end {
        return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
    }
    partition.delete_before(offset);
    let start = partition.log.start_offset();
    drop(state);
    context.faults.partition_error_after(topic, index).map_or(Ok(start), Err)
}
