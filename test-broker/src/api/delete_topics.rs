use ottla_protocol::api::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use ottla_protocol::{ErrorCode, Uuid};

use super::{Answer, RequestContext, Serve};

impl Serve for DeleteTopicsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<DeleteTopicsResponse> {
        let by_name = self
            .topic_names
            .into_iter()
            .map(|name| DeleteTopicState { name: Some(name), topic_id: Uuid::ZERO });
        let topics = self.topics.into_iter().chain(by_name);
        let responses = topics.map(|topic| delete(context, topic)).collect();
        Answer::Reply(DeleteTopicsResponse { throttle_time_ms: context.throttle_ms, responses })
    }
}

fn delete(context: &mut RequestContext<'_>, wanted: DeleteTopicState) -> DeletableTopicResult {
    let DeleteTopicState { name, topic_id } = wanted;
    match try_delete(context, name.as_deref(), topic_id) {
        Ok((name, topic_id)) => {
            DeletableTopicResult { name: Some(name), topic_id, ..Default::default() }
        }
        Err(error_code) => DeletableTopicResult {
            name,
            topic_id,
            error_code,
            error_message: Some(error_code.name().to_owned()),
        },
    }
}

fn try_delete(
    context: &mut RequestContext<'_>,
    name: Option<&str>,
    topic_id: Uuid,
) -> Result<(String, Uuid), ErrorCode> {
    let shared = context.shared;
    let mut state = shared.state.lock();
    let name = match name {
        Some(name) => name.into(),
        None => state.topic_name(topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?,
    };
    if let Some(error) = context.faults.topic_error(&name) {
        return Err(error);
    }
    let topic = state.delete_topic(&name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    drop(state);
    shared.coordination.for_each(|_| true, |group| group.offsets.forget_topic(&name));
    match context.faults.topic_error_after(&name) {
        Some(error) => Err(error),
        None => Ok((topic.name.to_string(), topic.id)),
    }
}
