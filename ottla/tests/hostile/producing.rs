//! Lies about what was written (H4, H18, H19).

use ottla::protocol::ErrorCode;
use ottla::protocol::api::{
    InitProducerIdRequest, InitProducerIdResponse, PartitionProduceResponse, ProduceNodeEndpoint,
    ProduceRequest, ProduceResponse,
};

use crate::liar::Lie;
use crate::trial::After;

fn about(change: impl FnMut(&mut ProduceResponse) + Send + 'static) -> Lie {
    Lie::about::<ProduceRequest>(change)
}

fn partitions(mut change: impl FnMut(&mut PartitionProduceResponse) + Send + 'static) -> Lie {
    about(move |answer| {
        answer
            .responses
            .iter_mut()
            .flat_map(|topic| &mut topic.partition_responses)
            .for_each(&mut change);
    })
}

fn errors(error: ErrorCode) -> Lie {
    partitions(move |partition| {
        partition.error_code = error;
        partition.base_offset = -1;
    })
}

fn ids(change: impl FnMut(&mut InitProducerIdResponse) + Send + 'static) -> Lie {
    Lie::about::<InitProducerIdRequest>(change)
}

lies! {
    After::Truth;

    partitions_never_asked_for: partitions(|partition| partition.index += 1000);
    negative_partitions: partitions(|partition| partition.index = -1);
    answers_without_partitions: about(|answer| {
        answer.responses.iter_mut().for_each(|topic| topic.partition_responses.clear());
    });
    answers_without_topics: about(|answer| answer.responses.clear());
    partitions_twice: about(|answer| {
        for topic in &mut answer.responses {
            let again = topic.partition_responses.clone();
            topic.partition_responses.extend(again);
        }
    });
    partitions_twice_with_two_outcomes: about(|answer| {
        for topic in &mut answer.responses {
            let mut again = topic.partition_responses.clone();
            again.iter_mut().for_each(|partition| {
                partition.error_code = ErrorCode::MESSAGE_TOO_LARGE;
            });
            topic.partition_responses.extend(again);
        }
    });
    negative_offsets: partitions(|partition| partition.base_offset = -1);
    the_lowest_offset: partitions(|partition| partition.base_offset = i64::MIN);
    the_highest_offset: partitions(|partition| partition.base_offset = i64::MAX);
    another_offset: partitions(|partition| partition.base_offset += 1_000_000);
    append_times_of_the_end: partitions(|partition| partition.log_append_time_ms = i64::MAX);
    errors_that_are_not_known: errors(ErrorCode(-32_000));
    never_the_leader: errors(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    never_the_leader_but_somebody_who_does_not_exist: about(|answer| {
        for partition in answer.responses.iter_mut().flat_map(|topic| &mut topic.partition_responses) {
            partition.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
            partition.current_leader.leader_id = 77;
            partition.current_leader.leader_epoch = 1;
        }
        answer.node_endpoints = vec![ProduceNodeEndpoint {
            node_id: 77,
            host: String::new(),
            port: 0,
            rack: None,
        }];
    });
    always_out_of_order: errors(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    always_an_unknown_producer: errors(ErrorCode::UNKNOWN_PRODUCER_ID);
    always_a_duplicate: errors(ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
    always_fenced: errors(ErrorCode::INVALID_PRODUCER_EPOCH);
    always_corrupt: errors(ErrorCode::CORRUPT_MESSAGE);
    always_too_large: errors(ErrorCode::MESSAGE_TOO_LARGE);
    record_errors_by_the_thousand: partitions(|partition| {
        partition.error_code = ErrorCode::INVALID_RECORD;
        let error = ottla::protocol::api::BatchIndexAndErrorMessage {
            batch_index: i32::MIN,
            batch_index_error_message: Some("x".repeat(300)),
        };
        partition.record_errors = vec![error; 2000];
    });
    produces_throttled_for_weeks: about(|answer| answer.throttle_time_ms = i32::MAX);
    produces_throttled_into_the_past: about(|answer| answer.throttle_time_ms = -1);
    a_negative_producer: ids(|answer| answer.producer_id = -1);
    a_negative_producer_epoch: ids(|answer| answer.producer_epoch = -1);
    the_last_producer_epoch: ids(|answer| answer.producer_epoch = i16::MAX);
    no_producer_for_a_reason_that_is_not_known: ids(|answer| answer.error_code = ErrorCode(555));
    a_producer_that_is_fenced_at_once: ids(|answer| {
        answer.error_code = ErrorCode::PRODUCER_FENCED;
    });
}
