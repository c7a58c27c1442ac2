use ottla_protocol::ErrorCode;
use ottla_protocol::api::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse};

use super::{Answer, RequestContext, Serve};

/// Endpoints of brokers; those of controllers only a controller tells (KIP-919).
const BROKERS: i8 = 1;

impl Serve for DescribeClusterRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<DescribeClusterResponse> {
        let throttle_time_ms = context.throttle_ms;
        let error = match context.faults.error() {
            None if self.endpoint_type != BROKERS => Some(ErrorCode::MISMATCHED_ENDPOINT_TYPE),
            error => error,
        };
        if let Some(error_code) = error {
            return Answer::Reply(DescribeClusterResponse {
                throttle_time_ms,
                error_code,
                error_message: Some(error_code.name().to_owned()),
                ..Default::default()
            });
        }
        let state = context.shared.state.lock();
        // Brokers that are down are fenced, and told only to who asks for them (KIP-1073).
        let shown = state.brokers.values().filter(|it| it.up || self.include_fenced_brokers);
        let brokers = shown.map(|broker| DescribeClusterBroker {
            broker_id: broker.id,
            host: broker.host.clone(),
            port: i32::from(broker.port),
            rack: broker.rack.clone(),
            is_fenced: !broker.up,
        });
        Answer::Reply(DescribeClusterResponse {
            throttle_time_ms,
            endpoint_type: BROKERS,
            cluster_id: state.cluster_id.clone(),
            controller_id: state.controller(),
            brokers: brokers.collect(),
            ..Default::default()
        })
    }
}
