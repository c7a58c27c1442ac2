use ottla_protocol::ErrorCode;
use ottla_protocol::api::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::transactional::told;
use super::{Answer, RequestContext, Serve};
use crate::transaction::{Identity, Participant, TransactionVersion};

/// From here on `PRODUCER_FENCED` is known (KIP-588).
const FENCED_FROM: i16 = 2;

impl Serve for AddOffsetsToTxnRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<AddOffsetsToTxnResponse> {
        let added = add(context, self);
        let error = added.err().unwrap_or_default();
        Answer::Reply(AddOffsetsToTxnResponse {
            throttle_time_ms: context.throttle_ms,
            error_code: told(error, context.version, FENCED_FROM),
        })
    }
}

fn add(context: &mut RequestContext<'_>, request: AddOffsetsToTxnRequest) -> Result<(), ErrorCode> {
    if let Some(error) = context.faults.error() {
        return Err(error);
    }
    let id = request.transactional_id.as_str();
    let by = Identity { producer_id: request.producer_id, epoch: request.producer_epoch };
    let shared = context.shared;
    let mut state = shared.state.lock();
    context.check_transaction_coordinator(&state, id)?;
    let group = vec![Participant::Group(request.group_id)];
    let added = state.transactions.add(context.now(), id, by, group, TransactionVersion::V1);
    shared.settle_transactions(&mut state);
    drop(state);
    added?;
    context.faults.error_after().map_or(Ok(()), Err)
}
