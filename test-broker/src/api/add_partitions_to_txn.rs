use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
};

use super::transactional::{partition, told};
use super::{Answer, RequestContext, Serve};
use crate::transaction::{Identity, TransactionVersion};

/// From here on brokers ask, for many transactions at once (KIP-890).
const BATCHED_FROM: i16 = 4;
/// From here on `PRODUCER_FENCED` is known (KIP-588).
const FENCED_FROM: i16 = 2;

impl Serve for AddPartitionsToTxnRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<AddPartitionsToTxnResponse> {
        let throttle_time_ms = context.throttle_ms;
        if context.version >= BATCHED_FROM {
            let results = self.transactions.into_iter().map(|transaction| {
                let transactional_id = transaction.transactional_id.clone();
                let topic_results = answer(context, transaction);
                AddPartitionsToTxnResult { transactional_id, topic_results }
            });
            let results_by_transaction = results.collect();
            return Answer::Reply(AddPartitionsToTxnResponse {
                throttle_time_ms,
                results_by_transaction,
                ..Default::default()
            });
        }
        let transaction = AddPartitionsToTxnTransaction {
            transactional_id: self.v3_and_below_transactional_id,
            producer_id: self.v3_and_below_producer_id,
            producer_epoch: self.v3_and_below_producer_epoch,
            verify_only: false,
            topics: self.v3_and_below_topics,
        };
        Answer::Reply(AddPartitionsToTxnResponse {
            throttle_time_ms,
            results_by_topic_v3_and_below: answer(context, transaction),
            ..Default::default()
        })
    }
}

/// All partitions come to the transaction, or none does (`KafkaApis.handleAddPartitionsToTxn`).
fn answer(
    context: &mut RequestContext<'_>,
    transaction: AddPartitionsToTxnTransaction,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let mut errors = partition_errors(context, &transaction.topics);
    if errors.iter().flatten().all(|error| error.is_ok()) {
        errors = act(context, &transaction, errors);
    } else {
        for error in errors.iter_mut().flatten().filter(|error| error.is_ok()) {
            *error = ErrorCode::OPERATION_NOT_ATTEMPTED;
        }
    }
    let results = transaction.topics.into_iter().zip(errors).map(|(topic, errors)| {
        let partitions = topic.partitions.into_iter().zip(errors);
        let results =
            partitions.map(|(partition_index, error)| AddPartitionsToTxnPartitionResult {
                partition_index,
                partition_error_code: told(error, context.version, FENCED_FROM),
            });
        AddPartitionsToTxnTopicResult { name: topic.name, results_by_partition: results.collect() }
    });
    results.collect()
}

/// What is wrong with each partition before the coordinator looks at it.
fn partition_errors(
    context: &mut RequestContext<'_>,
    topics: &[AddPartitionsToTxnTopic],
) -> Vec<Vec<ErrorCode>> {
    let shared = context.shared;
    let state = shared.state.lock();
    let mut error = |topic: &str, index: i32| match context.faults.partition_error(topic, index) {
        Some(error) => error,
        None if partition(&state, topic, index).is_some() => ErrorCode::NONE,
        None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    };
    let mut of_topic = |topic: &AddPartitionsToTxnTopic| {
        topic.partitions.iter().map(|index| error(&topic.name, *index)).collect()
    };
    topics.iter().map(&mut of_topic).collect()
}

/// Asks the coordinator; `answers` has the shape of the answer.
fn act(
    context: &RequestContext<'_>,
    transaction: &AddPartitionsToTxnTransaction,
    mut answers: Vec<Vec<ErrorCode>>,
) -> Vec<Vec<ErrorCode>> {
    let id = transaction.transactional_id.as_str();
    let by = Identity { producer_id: transaction.producer_id, epoch: transaction.producer_epoch };
    let mut state = context.shared.state.lock();
    let coordinated = context.check_transaction_coordinator(&state, id);
    let topics = transaction.topics.iter();
    let named = topics.map(|topic| {
        let indexes = topic.partitions.iter();
        indexes.map(|index| partition(&state, &topic.name, *index)).collect::<Vec<_>>()
    });
    let participants: Vec<Vec<_>> = named.collect();
    let mut set = |outcome: &mut dyn FnMut(usize, usize) -> ErrorCode| {
        for (topic, answers) in answers.iter_mut().enumerate() {
            for (index, answer) in answers.iter_mut().enumerate() {
                *answer = outcome(topic, index);
            }
        }
    };
    match coordinated {
        Err(error) => set(&mut |_, _| error),
        Ok(()) if transaction.verify_only => set(&mut |topic, index| {
            let participant = participants.get(topic).and_then(|it| it.get(index));
            match participant.and_then(Option::as_ref) {
                Some(participant) => {
                    let verified = state.transactions.verify(id, by, participant);
                    verified.err().unwrap_or_default()
                }
                None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            }
        }),
        Ok(()) => {
            let all = participants.into_iter().flatten().flatten().collect();
            let version = TransactionVersion::V1;
            let added = state.transactions.add(context.now(), id, by, all, version);
            context.shared.settle_transactions(&mut state);
            set(&mut |_, _| added.err().unwrap_or_default());
        }
    }
    answers
}
