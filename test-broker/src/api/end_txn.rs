use ottla_protocol::ErrorCode;
use ottla_protocol::api::{EndTxnRequest, EndTxnResponse};

use super::transactional::told;
use super::{Answer, RequestContext, Serve};
use crate::transaction::{End, Identity, TransactionVersion};

/// From here on `PRODUCER_FENCED` is known (KIP-588).
const FENCED_FROM: i16 = 2;
/// From here on the end of a transaction raises the producer's epoch (KIP-890).
const RAISES_EPOCH_FROM: i16 = 5;

impl Serve for EndTxnRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<EndTxnResponse> {
        let throttle_time_ms = context.throttle_ms;
        Answer::Reply(match end(context, &self) {
            Ok(identity) => EndTxnResponse {
                throttle_time_ms,
                error_code: ErrorCode::NONE,
                producer_id: identity.producer_id,
                producer_epoch: identity.epoch,
            },
            Err(error) => EndTxnResponse {
                throttle_time_ms,
                error_code: told(error, context.version, FENCED_FROM),
                producer_id: -1,
                producer_epoch: -1,
            },
        })
    }
}

fn end(context: &mut RequestContext<'_>, request: &EndTxnRequest) -> Result<Identity, ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    let id = request.transactional_id.as_str();
    let version = if context.version >= RAISES_EPOCH_FROM {
        TransactionVersion::V2
    } else {
        TransactionVersion::V1
    };
    let by = Identity { producer_id: request.producer_id, epoch: request.producer_epoch };
    let end = End { by, commit: request.committed, version };
    let shared = context.shared;
    let mut state = shared.state.lock();
    context.check_transaction_coordinator(&state, id)?;
    let ended = state.transactions.end(context.now(), id, end);
    shared.settle_transactions(&mut state);
    drop(state);
    match context.faults.error_after() {
        Some(error) => Err(error),
        None => ended,
    }
}
