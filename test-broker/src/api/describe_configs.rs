use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
    DescribeConfigsResponse, DescribeConfigsResult,
};

use super::{Answer, RequestContext, Serve};
use crate::cluster::TopicConfig;

/// `ConfigResource.Type`
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// `DescribeConfigsResponse.ConfigSource`
const FROM_TOPIC: i8 = 1;
const FROM_DEFAULT: i8 = 5;

impl Serve for DescribeConfigsRequest {
    /// Topics have the settings that mean something here; brokers have none.
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<DescribeConfigsResponse> {
        let results = self.resources.into_iter().map(|it| describe(context, it)).collect();
        Answer::Reply(DescribeConfigsResponse { throttle_time_ms: context.throttle_ms, results })
    }
}

fn describe(
    context: &mut RequestContext<'_>,
    resource: DescribeConfigsResource,
) -> DescribeConfigsResult {
    let found = find(context, &resource);
    let error_code = found.as_ref().err().copied().unwrap_or_default();
    DescribeConfigsResult {
        error_code,
        error_message: found.is_err().then(|| error_code.name().to_owned()),
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        configs: found.unwrap_or_default(),
    }
}

fn find(
    context: &mut RequestContext<'_>,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, ErrorCode> {
    let name = resource.resource_name.as_str();
    match resource.resource_type {
        TOPIC => {
            if let Some(error) = context.faults.topic_error(name) {
                return Err(error);
            }
            let state = context.shared.state.lock();
            let topic = state.topics.get(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
            Ok(topic_configs(&topic.config, resource.configuration_keys.as_deref()))
        }
        BROKER => {
            let id = if name.is_empty() { Ok(context.broker) } else { name.parse() };
            let known = |id: &i32| context.shared.state.lock().brokers.contains_key(id);
            let known = id.ok().is_some_and(|id| known(&id));
            if known { Ok(Vec::new()) } else { Err(ErrorCode::INVALID_REQUEST) }
        }
        _ => Err(ErrorCode::INVALID_REQUEST),
    }
}

fn topic_configs(
    config: &TopicConfig,
    wanted: Option<&[String]>,
) -> Vec<DescribeConfigsResourceResult> {
    let defaults = TopicConfig::default().entries();
    let is_default = |entry: &(&str, String)| defaults.iter().any(|it| it == entry);
    let wanted = |name: &str| wanted.is_none_or(|names| names.iter().any(|it| it == name));
    let entries = config.entries().into_iter().filter(|(name, _)| wanted(name));
    entries
        .map(|entry| DescribeConfigsResourceResult {
            name: entry.0.to_owned(),
            config_source: if is_default(&entry) { FROM_DEFAULT } else { FROM_TOPIC },
            value: Some(entry.1),
            documentation: None,
            ..Default::default()
        })
        .collect()
}
