use std::collections::BTreeMap;

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, DescribeTransactionsTopicData,
    DescribeTransactionsTransactionState,
};

use super::{Answer, RequestContext, Serve};
use crate::cluster::State;
use crate::transaction::{Participant, Transaction};

impl Serve for DescribeTransactionsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<DescribeTransactionsResponse> {
        let state = context.shared.state.lock();
        let describe = |id: String| match find(context, &state, &id) {
            Ok(transaction) => describe(context, id, transaction),
            Err(error_code) => DescribeTransactionsTransactionState {
                error_code,
                transactional_id: id,
                ..Default::default()
            },
        };
        let transaction_states = self.transactional_ids.into_iter().map(describe).collect();
        Answer::Reply(DescribeTransactionsResponse {
            throttle_time_ms: context.throttle_ms,
            transaction_states,
        })
    }
}

fn find<'a>(
    context: &RequestContext<'_>,
    state: &'a State,
    id: &str,
) -> Result<&'a Transaction, ErrorCode> {
    context.check_transaction_coordinator(state, id)?;
    state.transactions.get(id).ok_or(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND)
}

fn describe(
    context: &RequestContext<'_>,
    id: String,
    transaction: &Transaction,
) -> DescribeTransactionsTransactionState {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for participant in transaction.participants() {
        let (topic, index) = match participant {
            Participant::Partition(topic, index) => (topic.to_string(), *index),
            Participant::Group(group) => {
                ("__consumer_offsets".to_owned(), State::coordinator_slot(group))
            }
        };
        topics.entry(topic).or_default().push(index);
    }
    let topics = topics.into_iter();
    let identity = transaction.identity();
    let ago = transaction.started().map(|at| context.now().saturating_duration_since(at));
    let started = ago.map(|ago| {
        let millis = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        context.shared.clock.millis().saturating_sub(millis)
    });
    DescribeTransactionsTransactionState {
        error_code: ErrorCode::NONE,
        transactional_id: id,
        transaction_state: transaction.phase().name().to_owned(),
        transaction_timeout_ms: i32::try_from(transaction.timeout().as_millis())
            .unwrap_or(i32::MAX),
        transaction_start_time_ms: started.unwrap_or(-1),
        producer_id: identity.producer_id,
        producer_epoch: identity.epoch,
        topics: topics
            .map(|(topic, partitions)| DescribeTransactionsTopicData { topic, partitions })
            .collect(),
    }
}
