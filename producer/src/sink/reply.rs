//! What a response says of each batch, and what that means for it.

use std::time::Duration;

use foldhash::{HashMap, HashMapExt as _};
use ottla_client::{
    Broker, BrokerId, LeaderHint, Outcome, RefreshReason, RequestError, connector::Address,
};
use ottla_protocol::{
    ErrorCode, Uuid,
    api::{PartitionProduceResponse, ProduceNodeEndpoint, ProduceResponse},
};

use super::request::SentBatch;
use crate::{
    accumulator::{PartitionQueue, Reply},
    config::Acks,
    core::Core,
    idempotence::Answer,
};

/// Tells every batch of a request what came of it.
pub(super) fn take_in(
    core: &Core,
    batches: Vec<SentBatch>,
    result: Result<ProduceResponse, RequestError>,
) {
    match result {
        Ok(mut response) => {
            let endpoints = std::mem::take(&mut response.node_endpoints);
            let mut answers = Answers::of(response);
            let mut leaders = Leaders::default();
            for batch in batches {
                let reply = match answers.take(&batch) {
                    Some(answer) => reply(&mut leaders, &batch.partition, answer),
                    None => unanswered(),
                };
                batch.partition.answered(core, batch.ticket, &reply);
            }
            leaders.tell(core, endpoints);
        }
        Err(error) => {
            if !matches!(error, RequestError::Unsupported(_) | RequestError::Encode { .. }) {
                core.client.metadata().request_refresh(RefreshReason::Stale);
            }
            let reply = failed(&error);
            for batch in batches {
                batch.partition.answered(core, batch.ticket, &reply);
            }
        }
    }
}

/// The batches of a request that needs no answer (`acks=0`).
pub(super) fn unacknowledged(
    core: &Core,
    batches: Vec<SentBatch>,
    result: &Result<(), RequestError>,
) {
    let reply = match result {
        Ok(()) => written(None, None),
        Err(error) => failed(error),
    };
    for batch in batches {
        batch.partition.answered(core, batch.ticket, &reply);
    }
}

/// How long the broker asks us to be silent (KIP-219).
pub(super) fn throttled(response: &ProduceResponse) -> Duration {
    Duration::from_millis(u64::try_from(response.throttle_time_ms).unwrap_or(0))
}

/// What a response tells of partitions that are led elsewhere.
#[derive(Default)]
struct Leaders {
    /// Our picture of the cluster is out of date.
    stale: bool,
    hints: Vec<LeaderHint>,
}

impl Leaders {
    /// A broker says it does not lead a partition, and maybe who does (KIP-951).
    fn moved(&mut self, partition: &PartitionQueue, answer: &PartitionProduceResponse) {
        self.stale = true;
        let leader = &answer.current_leader;
        if leader.leader_id >= 0 {
            self.hints.push(LeaderHint {
                at: partition.at.clone(),
                leader: BrokerId(leader.leader_id),
                leader_epoch: leader.leader_epoch,
            });
        }
    }

    fn tell(self, core: &Core, endpoints: Vec<ProduceNodeEndpoint>) {
        let metadata = core.client.metadata();
        if !self.hints.is_empty() {
            metadata.apply_leader_hints(self.hints, endpoints.into_iter().filter_map(broker));
        }
        if self.stale {
            metadata.request_refresh(RefreshReason::Stale);
        }
    }
}

fn broker(endpoint: ProduceNodeEndpoint) -> Option<Broker> {
    let port = u16::try_from(endpoint.port).ok().filter(|port| *port > 0)?;
    let known = endpoint.node_id >= 0 && !endpoint.host.is_empty();
    known.then(|| Broker {
        id: BrokerId(endpoint.node_id),
        address: Address::new(endpoint.host, port),
        rack: endpoint.rack.as_deref().map(Into::into),
    })
}

/// The answers of a response, to be found whatever order the broker gives them in.
struct Answers(HashMap<(TopicKey, i32), PartitionProduceResponse>);

#[derive(PartialEq, Eq, Hash)]
enum TopicKey {
    Name(String),
    Id(Uuid),
}

impl Answers {
    fn of(response: ProduceResponse) -> Self {
        let mut answers = HashMap::new();
        for topic in response.responses {
            for partition in topic.partition_responses {
                // From version 13 on topics go by their ids (KIP-516).
                let key = if topic.topic_id.is_zero() {
                    TopicKey::Name(topic.name.clone())
                } else {
                    TopicKey::Id(topic.topic_id)
                };
                answers.insert((key, partition.index), partition);
            }
        }
        Self(answers)
    }

    fn take(&mut self, batch: &SentBatch) -> Option<PartitionProduceResponse> {
        let at = &batch.partition.at;
        self.0
            .remove(&(TopicKey::Id(batch.topic_id), at.partition))
            .or_else(|| self.0.remove(&(TopicKey::Name(at.topic.name().to_owned()), at.partition)))
    }
}

fn reply(
    leaders: &mut Leaders,
    partition: &PartitionQueue,
    answer: PartitionProduceResponse,
) -> Reply {
    let code = answer.error_code;
    let given = |offset: i64| (offset >= 0).then_some(offset);
    if code.is_ok() {
        return written(given(answer.base_offset), given(answer.log_append_time_ms));
    }
    // The broker had the batch before and no longer knows where (KIP-98).
    if code == ErrorCode::DUPLICATE_SEQUENCE_NUMBER {
        return written(None, None);
    }
    if code.invalidates_metadata() {
        leaders.moved(partition, &answer);
    }
    // How many are in sync is known from metadata only.
    leaders.stale |=
        code == ErrorCode::NOT_ENOUGH_REPLICAS && partition.config.min_in_sync_replicas > 0;
    Reply {
        answer: meaning(code, partition.config.acks),
        code,
        cause: Some(code.to_string()),
        message: answer.error_message,
        base_offset: None,
        timestamp: None,
    }
}

/// What a code says of the batch it was given for.
///
/// A refusal is believed only where the broker decides before it appends. With `acks=all` a leader
/// may append and then lose its office while it waits for the replicas: it then answers
/// `NOT_LEADER_OR_FOLLOWER` although the record may survive it (`DelayedProduce` in Kafka).
fn meaning(code: ErrorCode, acks: Acks) -> Answer {
    match code {
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
        | ErrorCode::UNKNOWN_PRODUCER_ID
        | ErrorCode::INVALID_PRODUCER_EPOCH => Answer::OutOfSequence,
        ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::CORRUPT_MESSAGE
        | ErrorCode::LEADER_NOT_AVAILABLE
        | ErrorCode::UNKNOWN_TOPIC_ID
        | ErrorCode::INCONSISTENT_TOPIC_ID
        | ErrorCode::THROTTLING_QUOTA_EXCEEDED
        // The coordinator is asked before anything is appended (KIP-890).
        | ErrorCode::CONCURRENT_TRANSACTIONS
        | ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
        | ErrorCode::COORDINATOR_NOT_AVAILABLE
        | ErrorCode::NOT_COORDINATOR => Answer::RefusedForNow,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            if acks != Acks::All =>
        {
            Answer::RefusedForNow
        }
        // It goes into pieces (KIP-126). Kafka looks at sizes before it appends anything.
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => Answer::TooLarge,
        code if code.is_retriable() => Answer::Unsure,
        // Anything may have happened before the broker lost its head.
        ErrorCode::UNKNOWN_SERVER_ERROR => Answer::Unsure,
        _ => Answer::RefusedForGood,
    }
}

fn failed(error: &RequestError) -> Reply {
    let answer = match (error.outcome(), error) {
        (_, RequestError::Unsupported(_) | RequestError::Encode { .. }) => Answer::RefusedForGood,
        (Outcome::NotWritten, _) => Answer::RefusedForNow,
        _ => Answer::Unsure,
    };
    Reply {
        answer,
        code: ErrorCode::NETWORK_EXCEPTION,
        cause: Some(error.to_string()),
        message: Some(error.to_string()),
        base_offset: None,
        timestamp: None,
    }
}

/// The response is silent on a batch of the request.
fn unanswered() -> Reply {
    Reply {
        answer: Answer::Unsure,
        code: ErrorCode::UNKNOWN_SERVER_ERROR,
        cause: Some("the response does not mention the partition".to_owned()),
        message: None,
        base_offset: None,
        timestamp: None,
    }
}

const fn written(base_offset: Option<i64>, timestamp: Option<i64>) -> Reply {
    Reply {
        answer: Answer::Written,
        code: ErrorCode::NONE,
        cause: None,
        message: None,
        base_offset,
        timestamp,
    }
}
