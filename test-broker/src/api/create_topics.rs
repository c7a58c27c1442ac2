use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest,
    CreateTopicsResponse,
};

use super::{Answer, RequestContext, Serve};
use crate::cluster::{NewTopic, State, TopicConfig};

/// `DescribeConfigsResponse.ConfigSource`
const TOPIC_CONFIG: i8 = 1;

impl Serve for CreateTopicsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<CreateTopicsResponse> {
        let validate_only = self.validate_only;
        // Any broker will do: each forwards to the controller (KIP-590).
        let create = |topic| create(context, topic, validate_only);
        let topics = self.topics.into_iter().map(create).collect();
        Answer::Reply(CreateTopicsResponse { throttle_time_ms: context.throttle_ms, topics })
    }
}

/// Why a topic was not created.
struct Refused(ErrorCode, String);

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Self {
        Self(error, error.name().to_owned())
    }
}

fn create(
    context: &mut RequestContext<'_>,
    topic: CreatableTopic,
    validate_only: bool,
) -> CreatableTopicResult {
    let name = topic.name.clone();
    match try_create(context, topic, validate_only) {
        Ok(result) => result,
        Err(Refused(error_code, message)) => CreatableTopicResult {
            name,
            error_code,
            error_message: Some(message),
            ..Default::default()
        },
    }
}

fn try_create(
    context: &mut RequestContext<'_>,
    topic: CreatableTopic,
    validate_only: bool,
) -> Result<CreatableTopicResult, Refused> {
    if let Some(error) = context.faults.topic_error(&topic.name) {
        return Err(error.into());
    }
    let mut config = TopicConfig::default();
    for entry in &topic.configs {
        config
            .set(&entry.name, entry.value.as_deref())
            .map_err(|message| Refused(ErrorCode::INVALID_CONFIG, message))?;
    }
    let mut state = context.shared.state.lock();
    state.check_new_topic(&topic.name)?;
    let assignment = assignment(context, &mut state, &topic)?;
    let mut result = CreatableTopicResult {
        name: topic.name.clone(),
        error_message: None,
        num_partitions: i32::try_from(assignment.len()).unwrap_or(i32::MAX),
        replication_factor: assignment
            .first()
            .and_then(|replicas| i16::try_from(replicas.len()).ok())
            .unwrap_or(-1),
        configs: Some(
            topic
                .configs
                .into_iter()
                .map(|entry| CreatableTopicConfigs {
                    name: entry.name,
                    value: entry.value,
                    config_source: TOPIC_CONFIG,
                    ..Default::default()
                })
                .collect(),
        ),
        ..Default::default()
    };
    if !validate_only {
        let name = topic.name.as_str().into();
        result.topic_id = state.create_topic(NewTopic { name, assignment, config })?.id;
    }
    if let Some(error) = context.faults.topic_error_after(&topic.name) {
        return Err(error.into());
    }
    Ok(result)
}

/// The replicas of each partition, as given or by the numbers; -1 stands for the default.
fn assignment(
    context: &RequestContext<'_>,
    state: &mut State,
    topic: &CreatableTopic,
) -> Result<Vec<Vec<i32>>, Refused> {
    if topic.assignments.is_empty() {
        let settings = &context.shared.settings;
        let partitions = match topic.num_partitions {
            -1 => settings.default_partitions,
            count => count,
        };
        let factor = match topic.replication_factor {
            -1 => settings.replication_factor(),
            factor => factor,
        };
        return Ok(state.assign(partitions, factor)?);
    }
    if topic.num_partitions != -1 || topic.replication_factor != -1 {
        return Err(ErrorCode::INVALID_REQUEST.into());
    }
    let mut given: Vec<(i32, Vec<i32>)> = topic
        .assignments
        .iter()
        .map(|entry| (entry.partition_index, entry.broker_ids.clone()))
        .collect();
    given.sort();
    let in_order = (0..).zip(&given).all(|(expected, (index, _))| expected == *index);
    let known = given
        .iter()
        .all(|(_, ids)| !ids.is_empty() && ids.iter().all(|id| state.brokers.contains_key(id)));
    if !in_order || !known {
        return Err(ErrorCode::INVALID_REPLICA_ASSIGNMENT.into());
    }
    Ok(given.into_iter().map(|(_, ids)| ids).collect())
}
