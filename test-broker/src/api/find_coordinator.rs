use ottla_protocol::ErrorCode;
use ottla_protocol::api::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

use super::{Answer, RequestContext, Serve};
use crate::cluster::State;

/// From here on many keys are asked at once (KIP-699).
const BATCHED_FROM: i16 = 4;
/// Groups, transactional ids and share groups.
const KEY_TYPES: std::ops::RangeInclusive<i8> = 0..=2;
const TRANSACTION: i8 = 1;

impl Serve for FindCoordinatorRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<FindCoordinatorResponse> {
        let throttle_time_ms = context.throttle_ms;
        let fault = context.faults.error();
        let fault = if KEY_TYPES.contains(&self.key_type) {
            fault
        } else {
            Some(ErrorCode::INVALID_REQUEST)
        };
        let key_type = self.key_type;
        let state = context.shared.state.lock();
        if context.version >= BATCHED_FROM {
            let keys = self.coordinator_keys.into_iter();
            let coordinators = keys.map(|key| find(&state, key_type, key, fault)).collect();
            return Answer::Reply(FindCoordinatorResponse {
                throttle_time_ms,
                coordinators,
                ..Default::default()
            });
        }
        let found = find(&state, key_type, self.key, fault);
        Answer::Reply(FindCoordinatorResponse {
            throttle_time_ms,
            error_code: found.error_code,
            error_message: found.error_message,
            node_id: found.node_id,
            host: found.host,
            port: found.port,
            ..Default::default()
        })
    }
}

fn find(state: &State, key_type: i8, key: String, fault: Option<ErrorCode>) -> Coordinator {
    let coordinator = match key_type {
        TRANSACTION => state.transaction_coordinator(&key),
        _ => state.coordinator(&key),
    };
    let broker = match fault {
        Some(error) => Err(error),
        None => coordinator
            .and_then(|id| state.brokers.get(&id))
            .ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE),
    };
    match broker {
        Ok(broker) => Coordinator {
            key,
            node_id: broker.id,
            host: broker.host.clone(),
            port: i32::from(broker.port),
            error_message: None,
            ..Default::default()
        },
        Err(error_code) => Coordinator {
            key,
            node_id: -1,
            port: -1,
            error_code,
            error_message: Some(error_code.name().to_owned()),
            ..Default::default()
        },
    }
}
