use ottla_protocol::ErrorCode;
use ottla_protocol::api::{InitProducerIdRequest, InitProducerIdResponse};

use super::transactional::told;
use super::{Answer, RequestContext, Serve};
use crate::transaction::Identity;

/// From here on `PRODUCER_FENCED` is known (KIP-588).
const FENCED_FROM: i16 = 4;

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
            Some(id) => {
                let expected =
                    Identity { producer_id: self.producer_id, epoch: self.producer_epoch };
                let expected = (self.producer_id >= 0).then_some(expected);
                let granted = init(context, &id, self.transaction_timeout_ms, expected);
                match granted {
                    Ok(identity) => Answer::Reply(InitProducerIdResponse {
                        throttle_time_ms,
                        error_code: ErrorCode::NONE,
                        producer_id: identity.producer_id,
                        producer_epoch: identity.epoch,
                    }),
                    Err(error) => failed(told(error, context.version, FENCED_FROM)),
                }
            }
            // Without a transactional id every request gets a new id, whatever id and epoch it
            // had: such a producer raises its epoch itself
            // (`TransactionCoordinator.handleInitProducerId`).
            None => Answer::Reply(InitProducerIdResponse {
                throttle_time_ms,
                error_code: ErrorCode::NONE,
                producer_id: context.shared.state.lock().transactions.fresh_producer_id(),
                producer_epoch: 0,
            }),
        }
    }
}

fn init(
    context: &mut RequestContext<'_>,
    id: &str,
    timeout_ms: i32,
    expected: Option<Identity>,
) -> Result<Identity, ErrorCode> {
    let shared = context.shared;
    let mut state = shared.state.lock();
    context.check_transaction_coordinator(&state, id)?;
    let granted = state.transactions.init(context.now(), id, timeout_ms, expected);
    shared.settle_transactions(&mut state);
    drop(state);
    match context.faults.error_after() {
        Some(error) => Err(error),
        None => granted,
    }
}
