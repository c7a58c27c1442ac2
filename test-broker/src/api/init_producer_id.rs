use ottla_protocol::ErrorCode;
use ottla_protocol::api::{InitProducerIdRequest, InitProducerIdResponse};

use super::{Answer, RequestContext, Serve};

impl Serve for InitProducerIdRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<InitProducerIdResponse> {
        let throttle_time_ms = context.throttle_ms;
        let failed = |error_code| {
            Answer::Reply(InitProducerIdResponse {
                throttle_time_ms,
                error_code,
                producer_epoch: -1,
                ..Default::default()
            })
        };
        if let Some(error) = context.faults.error() {
            return failed(error);
        }
        if (self.producer_id < 0) != (self.producer_epoch < 0) {
            return failed(ErrorCode::INVALID_REQUEST);
        }
        match self.transactional_id {
            // An empty one is not a transactional id.
            Some(id) if id.is_empty() => failed(ErrorCode::INVALID_REQUEST),
            // There is no transaction coordinator. Clients take this for final.
            Some(_) => failed(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
            // Without a transactional id every request gets a new id, whatever id and epoch it
            // had: such a producer raises its epoch itself
            // (`TransactionCoordinator.handleInitProducerId`).
            None => Answer::Reply(InitProducerIdResponse {
                throttle_time_ms,
                error_code: ErrorCode::NONE,
                producer_id: context.shared.state.lock().next_producer_id(),
                producer_epoch: 0,
            }),
        }
    }
}
