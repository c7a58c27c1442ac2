use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    PartitionProduceData, PartitionProduceResponse, ProduceLeaderIdAndEpoch, ProduceNodeEndpoint,
    ProduceRequest, ProduceResponse, TopicProduceData, TopicProduceResponse,
};
use tokio::sync::Notify;

use super::transactional::{Writer, take_part};
use super::{Answer, RequestContext, Serve};
use crate::cluster::{Partition, Shared, State, millis};
use crate::fetch_session::TopicKey;
use crate::log::BatchHeader;
use crate::transaction::{Participant, TransactionVersion};

/// From here on errors tell where the leader is (KIP-951).
const LEADER_HINTS_FROM: i16 = 10;
/// From here on topics are named by id (KIP-516).
const TOPIC_IDS_FROM: i16 = 13;
/// From here on `TRANSACTION_ABORTABLE` is known (KIP-890).
const ABORTABLE_FROM: i16 = 11;
/// From here on a partition comes to a transaction with the first write to it (KIP-890).
const ADDS_FROM: i16 = 12;
/// From here on zstd is known (KIP-110).
const ZSTD_FROM: i16 = 7;

impl Serve for ProduceRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<ProduceResponse> {
        let acks = self.acks;
        let deadline = context.now() + millis(self.timeout_ms);
        let transactional_id = self.transactional_id;
        let mut appends = Appends {
            leaders: BTreeSet::new(),
            context,
            acks,
            transactional_id: transactional_id.as_deref(),
            appended: Vec::new(),
        };
        let mut responses: Vec<TopicProduceResponse> =
            self.topic_data.into_iter().enumerate().map(|(at, it)| appends.topic(at, it)).collect();
        let leaders = std::mem::take(&mut appends.leaders);
        let appended = std::mem::take(&mut appends.appended);
        if acks == 0 {
            let ok = |partition: &PartitionProduceResponse| partition.error_code.is_ok();
            let all = responses.iter().all(|topic| topic.partition_responses.iter().all(ok));
            // The client hears nothing of an error but the end of the connection, which makes it
            // ask for metadata (`KafkaApis.handleProduceRequest`).
            return if all { Answer::Nothing } else { Answer::Close };
        }
        if acks == -1 {
            for late in replicated(context, appended, deadline).await {
                time_out(&mut responses, &late);
            }
        }
        Answer::Reply(ProduceResponse {
            responses,
            throttle_time_ms: context.throttle_ms,
            node_endpoints: endpoints(&context.shared.state.lock(), &leaders),
        })
    }
}

/// The appends of one request.
struct Appends<'a, 'b> {
    context: &'a mut RequestContext<'b>,
    acks: i16,
    transactional_id: Option<&'a str>,
    /// What acks=all waits for.
    appended: Vec<Appended>,
    /// Leaders that errors point to.
    leaders: BTreeSet<i32>,
}

/// Where a batch went.
struct Appended {
    /// The partition's place in the request.
    topic: usize,
    index: i32,
    name: Arc<str>,
    last_offset: i64,
}

/// Why a batch was not appended.
struct Rejected {
    error: ErrorCode,
    message: Option<&'static str>,
}

impl From<ErrorCode> for Rejected {
    fn from(error: ErrorCode) -> Self {
        let message = match error {
            ErrorCode::INVALID_RECORD => Some("the batch is not one a client may write"),
            ErrorCode::MESSAGE_TOO_LARGE => Some("the batch is larger than max.message.bytes"),
            _ => None,
        };
        Self { error, message }
    }
}

impl Appends<'_, '_> {
    fn topic(&mut self, at: usize, topic: TopicProduceData) -> TopicProduceResponse {
        let key = if self.context.version >= TOPIC_IDS_FROM {
            TopicKey::Id(topic.topic_id)
        } else {
            TopicKey::Name(topic.name.as_str().into())
        };
        let partition_responses =
            topic.partition_data.into_iter().map(|data| self.partition(at, &key, data)).collect();
        TopicProduceResponse { name: topic.name, topic_id: topic.topic_id, partition_responses }
    }

    fn partition(
        &mut self,
        topic: usize,
        key: &TopicKey,
        data: PartitionProduceData,
    ) -> PartitionProduceResponse {
        let index = data.index;
        let bytes = data.records.map(|records| records.into_bytes()).unwrap_or_default();
        match self.append(key, index, &bytes) {
            Ok((response, name, last_offset)) => {
                self.appended.push(Appended { topic, index, name, last_offset });
                response
            }
            Err(Rejected { error, message }) => self.rejection(key, index, error, message),
        }
    }

    fn append(
        &mut self,
        key: &TopicKey,
        index: i32,
        bytes: &Bytes,
    ) -> Result<(PartitionProduceResponse, Arc<str>, i64), Rejected> {
        if !matches!(self.acks, -1..=1) {
            return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
        }
        // The checksum is computed before the state is locked.
        let header = self.validate(bytes);
        let shared = Arc::clone(self.context.shared);
        let append_time = shared.clock.millis();
        let mut state = shared.state.lock();
        let name = Arc::clone(&state.topic_by_key(key)?.name);
        if let Some(error) = self.context.faults.partition_error(&name, index) {
            return Err(error.into());
        }
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        let topic = state.topics.get(&name).ok_or(unknown)?;
        let config = topic.config.clone();
        let partition = topic.partition(index).ok_or(unknown)?;
        partition.check_leader(self.context.broker, -1)?;
        let in_sync = partition.isr.len();
        let header = header?;
        self.take_part(&mut state, &name, index, &header)?;
        if bytes.len() > config.max_message_bytes {
            return Err(ErrorCode::MESSAGE_TOO_LARGE.into());
        }
        if self.acks == -1 && in_sync < config.min_insync_replicas {
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS.into());
        }
        let partition = state.partition_mut(&name, index).ok_or(unknown)?;
        let append_time = config.log_append_time.then_some(append_time);
        let placed = partition.append(bytes, &header, append_time)?;
        let log_start_offset = partition.log.start_offset();
        if let Some(error) = self.context.faults.partition_error_after(&name, index) {
            return Err(error.into());
        }
        let response = PartitionProduceResponse {
            index,
            base_offset: placed.base_offset,
            log_append_time_ms: placed.append_time,
            log_start_offset,
            ..Default::default()
        };
        Ok((response, name, placed.last_offset))
    }

    /// Makes sure that a transactional batch belongs to a transaction
    /// (`ReplicaManager.handleProduceAppend`).
    fn take_part(
        &self,
        state: &mut State,
        topic: &Arc<str>,
        index: i32,
        header: &BatchHeader,
    ) -> Result<(), ErrorCode> {
        let Some(by) = header.transactional_identity() else { return Ok(()) };
        let version = self.context.version;
        let id = self.transactional_id.ok_or(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)?;
        let open = |it: &Partition| it.has_open_transaction(by);
        if state.partition(topic, index).is_some_and(open) {
            return Ok(());
        }
        let protocol =
            if version >= ADDS_FROM { TransactionVersion::V2 } else { TransactionVersion::V1 };
        if let Some(partition) = state.partition_mut(topic, index) {
            partition.begin_verification(header, protocol == TransactionVersion::V2);
        }
        let writer = Writer { id, by, version: protocol };
        let participant = Participant::Partition(Arc::clone(topic), index);
        take_part(self.context, state, writer, participant).map_err(|error| match error {
            ErrorCode::TRANSACTION_ABORTABLE if version < ABORTABLE_FROM => {
                ErrorCode::INVALID_TXN_STATE
            }
            ErrorCode::CONCURRENT_TRANSACTIONS if version >= ADDS_FROM => error,
            // What every producer knows to send again.
            ErrorCode::CONCURRENT_TRANSACTIONS
            | ErrorCode::COORDINATOR_NOT_AVAILABLE
            | ErrorCode::NOT_COORDINATOR => ErrorCode::NOT_ENOUGH_REPLICAS,
            error => error,
        })
    }

    fn validate(&self, bytes: &Bytes) -> Result<BatchHeader, ErrorCode> {
        if bytes.is_empty() {
            // "Produce requests must have at least one record batch."
            return Err(ErrorCode::INVALID_RECORD);
        }
        let header = BatchHeader::read(bytes)?;
        header.validate(bytes)?;
        if header.is_zstd() && self.context.version < ZSTD_FROM {
            return Err(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
        }
        Ok(header)
    }

    fn rejection(
        &mut self,
        key: &TopicKey,
        index: i32,
        error_code: ErrorCode,
        message: Option<&str>,
    ) -> PartitionProduceResponse {
        let hint = error_code == ErrorCode::NOT_LEADER_OR_FOLLOWER
            && self.context.version >= LEADER_HINTS_FROM;
        let leader = hint.then(|| self.leader(key, index)).flatten();
        PartitionProduceResponse {
            index,
            error_code,
            base_offset: -1,
            error_message: message.map(str::to_owned),
            current_leader: leader.unwrap_or_default(),
            ..Default::default()
        }
    }

    fn leader(&mut self, key: &TopicKey, index: i32) -> Option<ProduceLeaderIdAndEpoch> {
        let state = self.context.shared.state.lock();
        let partition = state.topic_by_key(key).ok()?.partition(index)?;
        let leader_id = partition.leader?;
        self.leaders.insert(leader_id);
        Some(ProduceLeaderIdAndEpoch { leader_id, leader_epoch: partition.leader_epoch })
    }
}

/// Waits until the high watermark has passed what was appended, and gives back what it has not
/// passed in time (`DelayedProduce`).
async fn replicated(
    context: &RequestContext<'_>,
    mut waiting: Vec<Appended>,
    deadline: Instant,
) -> Vec<Appended> {
    let notify = Arc::new(Notify::new());
    let shared: &Shared = context.shared;
    loop {
        {
            let mut state = shared.state.lock();
            waiting.retain(|it| {
                let partition = state.partition(&it.name, it.index);
                partition.is_some_and(|partition| partition.high_watermark() <= it.last_offset)
            });
            if waiting.is_empty() || context.now() >= deadline {
                return waiting;
            }
            for it in &waiting {
                if let Some(partition) = state.partition_mut(&it.name, it.index) {
                    partition.watch(&notify);
                }
            }
        }
        tokio::select! {
            biased;
            () = notify.notified() => {}
            () = tokio::time::sleep_until(deadline.into()) => {}
        }
    }
}

fn time_out(responses: &mut [TopicProduceResponse], late: &Appended) {
    let partitions = responses.get_mut(late.topic).map(|topic| &mut topic.partition_responses);
    for partition in partitions.into_iter().flatten().filter(|it| it.index == late.index) {
        partition.error_code = ErrorCode::REQUEST_TIMED_OUT;
    }
}

fn endpoints(state: &State, leaders: &BTreeSet<i32>) -> Vec<ProduceNodeEndpoint> {
    let known = leaders.iter().filter_map(|id| state.brokers.get(id));
    known
        .map(|broker| ProduceNodeEndpoint {
            node_id: broker.id,
            host: broker.host.clone(),
            port: i32::from(broker.port),
            rack: broker.rack.clone(),
        })
        .collect()
}
