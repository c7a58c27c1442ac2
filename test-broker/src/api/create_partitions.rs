use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
    CreatePartitionsTopicResult,
};

use super::{Answer, RequestContext, Serve};

impl Serve for CreatePartitionsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<CreatePartitionsResponse> {
        let validate_only = self.validate_only;
        let results = self.topics.into_iter().map(|topic| {
            let error_code = create(context, &topic, validate_only).err().unwrap_or_default();
            let error_message = (!error_code.is_ok()).then(|| error_code.name().to_owned());
            CreatePartitionsTopicResult { name: topic.name, error_code, error_message }
        });
        let results = results.collect();
        Answer::Reply(CreatePartitionsResponse { throttle_time_ms: context.throttle_ms, results })
    }
}

/// Where the new partitions go is chosen here, whatever the request says.
fn create(
    context: &mut RequestContext<'_>,
    topic: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.topic_error(&topic.name) {
        return Err(error);
    }
    let shared = context.shared;
    let mut state = shared.state.lock();
    let found = state.topics.get(topic.name.as_str());
    let have = found.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?.partitions.len();
    let more = usize::try_from(topic.count).unwrap_or_default().saturating_sub(have);
    if more == 0 {
        return Err(ErrorCode::INVALID_PARTITIONS);
    }
    if topic.assignments.as_ref().is_some_and(|given| given.len() != more) {
        return Err(ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    }
    let factor = shared.settings.replication_factor();
    if !validate_only && !state.grow_topic(&topic.name, topic.count, factor) {
        return Err(ErrorCode::INVALID_REPLICATION_FACTOR);
    }
    context.faults.topic_error_after(&topic.name).map_or(Ok(()), Err)
}
