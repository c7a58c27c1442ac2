use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse,
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

use super::{Answer, RequestContext, Serve};

impl Serve for OffsetDeleteRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<OffsetDeleteResponse> {
        let throttle_time_ms = context.throttle_ms;
        if let Err(error_code) = check(context, &self.group_id) {
            return Answer::Reply(OffsetDeleteResponse {
                error_code,
                throttle_time_ms,
                topics: Vec::new(),
            });
        }
        let group = self.group_id.as_str();
        let topics = self.topics.into_iter().map(|topic| delete(context, group, topic)).collect();
        Answer::Reply(OffsetDeleteResponse {
            error_code: ErrorCode::NONE,
            throttle_time_ms,
            topics,
        })
    }
}

fn check(context: &mut RequestContext<'_>, group: &str) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    context.check_coordinator(group)?;
    let deletable = context.shared.coordination.with(group, |group| group.may_delete_offsets());
    deletable.unwrap_or(Err(ErrorCode::GROUP_ID_NOT_FOUND))
}

fn delete(
    context: &RequestContext<'_>,
    group: &str,
    topic: OffsetDeleteRequestTopic,
) -> OffsetDeleteResponseTopic {
    let name = topic.name;
    let partitions = topic.partitions.into_iter().map(|partition| {
        let partition_index = partition.partition_index;
        let there = context.shared.state.lock().partition(&name, partition_index).is_some();
        let forgotten = there.then(|| {
            context.shared.coordination.with(group, |group| {
                if group.is_subscribed_to(&name) {
                    return ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC;
                }
                group.offsets.remove(&name, partition_index);
                ErrorCode::NONE
            })
        });
        let error_code = match forgotten {
            None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Some(done) => done.unwrap_or(ErrorCode::GROUP_ID_NOT_FOUND),
        };
        OffsetDeleteResponsePartition { partition_index, error_code }
    });
    let partitions = partitions.collect();
    OffsetDeleteResponseTopic { name, partitions }
}
