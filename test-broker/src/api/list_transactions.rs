use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    ListTransactionsRequest, ListTransactionsResponse, ListTransactionsTransactionState,
};

use super::{Answer, RequestContext, Serve};
use crate::transaction::TransactionPhase;

impl Serve for ListTransactionsRequest {
    /// The filter by duration and the pattern (KIP-994, KIP-1152) are not looked at.
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<ListTransactionsResponse> {
        let state = context.shared.state.lock();
        let wanted = |name: &str, producer_id: i64| {
            let states = &self.state_filters;
            (states.is_empty() || states.iter().any(|it| it == name))
                && (self.producer_id_filters.is_empty()
                    || self.producer_id_filters.contains(&producer_id))
        };
        let here = |id: &str| state.transaction_coordinator(id) == Some(context.broker);
        let listed = state
            .transactions
            .iter()
            .filter(|(id, it)| here(id) && wanted(it.phase().name(), it.identity().producer_id))
            .map(|(id, it)| ListTransactionsTransactionState {
                transactional_id: id.to_owned(),
                producer_id: it.identity().producer_id,
                transaction_state: it.phase().name().to_owned(),
            });
        let transaction_states = listed.collect();
        let known = |name: &String| PHASES.iter().any(|phase| phase.name() == name);
        Answer::Reply(ListTransactionsResponse {
            throttle_time_ms: context.throttle_ms,
            error_code: ErrorCode::NONE,
            unknown_state_filters: self
                .state_filters
                .iter()
                .filter(|name| !known(name))
                .cloned()
                .collect(),
            transaction_states,
        })
    }
}

const PHASES: [TransactionPhase; 6] = [
    TransactionPhase::Empty,
    TransactionPhase::Ongoing,
    TransactionPhase::PrepareCommit,
    TransactionPhase::PrepareAbort,
    TransactionPhase::CompleteCommit,
    TransactionPhase::CompleteAbort,
];
