use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    PartitionProduceData, PartitionProduceResponse, ProduceLeaderIdAndEpoch, ProduceNodeEndpoint,
    ProduceRequest, ProduceResponse, TopicProduceData, TopicProduceResponse,
};

use super::{Answer, RequestContext, Serve};
use crate::cluster::State;
use crate::fetch_session::TopicKey;
use crate::log::BatchHeader;

/// From here on errors tell where the leader is (KIP-951).
const LEADER_HINTS_FROM: i16 = 10;
/// From here on topics are named by id (KIP-516).
const TOPIC_IDS_FROM: i16 = 13;
/// From here on zstd is known (KIP-110).
const ZSTD_FROM: i16 = 7;

impl Serve for ProduceRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<ProduceResponse> {
        let acks = self.acks;
        let mut appends = Appends { leaders: BTreeSet::new(), context, acks };
        let responses: Vec<TopicProduceResponse> =
            self.topic_data.into_iter().map(|topic| appends.topic(topic)).collect();
        let leaders = std::mem::take(&mut appends.leaders);
        if acks == 0 {
            let ok = |partition: &PartitionProduceResponse| partition.error_code.is_ok();
            let all = responses.iter().all(|topic| topic.partition_responses.iter().all(ok));
            // The client hears nothing of an error but the end of the connection, which makes it
            // ask for metadata (`KafkaApis.handleProduceRequest`).
            return if all { Answer::Nothing } else { Answer::Close };
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
    /// Leaders that errors point to.
    leaders: BTreeSet<i32>,
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
    fn topic(&mut self, topic: TopicProduceData) -> TopicProduceResponse {
        let key = if self.context.version >= TOPIC_IDS_FROM {
            TopicKey::Id(topic.topic_id)
        } else {
            TopicKey::Name(topic.name.as_str().into())
        };
        let partition_responses =
            topic.partition_data.into_iter().map(|data| self.partition(&key, data)).collect();
        TopicProduceResponse { name: topic.name, topic_id: topic.topic_id, partition_responses }
    }

    fn partition(
        &mut self,
        key: &TopicKey,
        data: PartitionProduceData,
    ) -> PartitionProduceResponse {
        let index = data.index;
        let bytes = data.records.map(|records| records.into_bytes()).unwrap_or_default();
        match self.append(key, index, &bytes) {
            Ok(response) => response,
            Err(Rejected { error, message }) => self.rejection(key, index, error, message),
        }
    }

    fn append(
        &mut self,
        key: &TopicKey,
        index: i32,
        bytes: &Bytes,
    ) -> Result<PartitionProduceResponse, Rejected> {
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
        let topic = state.topic_mut(&name).ok_or(unknown)?;
        let config = topic.config.clone();
        let partition = topic.partition_mut(index).ok_or(unknown)?;
        partition.check_leader(self.context.broker, -1)?;
        let header = header?;
        if bytes.len() > config.max_message_bytes {
            return Err(ErrorCode::MESSAGE_TOO_LARGE.into());
        }
        let append_time = config.log_append_time.then_some(append_time);
        let placed = partition.append(bytes, &header, append_time)?;
        let log_start_offset = partition.log.start_offset();
        if let Some(error) = self.context.faults.partition_error_after(&name, index) {
            return Err(error.into());
        }
        Ok(PartitionProduceResponse {
            index,
            base_offset: placed.base_offset,
            log_append_time_ms: placed.append_time,
            log_start_offset,
            ..Default::default()
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
        if header.is_transactional() {
            // No transaction can be open: this cluster has no transaction coordinator.
            return Err(ErrorCode::INVALID_TXN_STATE);
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
