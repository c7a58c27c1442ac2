use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopic, ListOffsetsTopicResponse,
};

use super::{Answer, RequestContext, Serve};
use crate::cluster::State;
use crate::log::Found;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;
/// From here on an answer carries the leader epoch of its offset (KIP-320).
const EPOCHS_FROM: i16 = 4;
const READ_COMMITTED: i8 = 1;
/// The first version that has a special timestamp (KIP-734, KIP-405, KIP-1005, KIP-1023).
const KNOWN_FROM: [(i64, i16); 4] =
    [(MAX_TIMESTAMP, 7), (EARLIEST_LOCAL, 8), (LATEST_TIERED, 9), (EARLIEST_PENDING_UPLOAD, 11)];

impl Serve for ListOffsetsRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<ListOffsetsResponse> {
        let shared = context.shared;
        let state = shared.state.lock();
        let committed = self.isolation_level == READ_COMMITTED;
        let answer = |topic| topic_offsets(context, &state, topic, committed);
        let topics = self.topics.into_iter().map(answer);
        let topics = topics.collect();
        Answer::Reply(ListOffsetsResponse { throttle_time_ms: context.throttle_ms, topics })
    }
}

fn topic_offsets(
    context: &mut RequestContext<'_>,
    state: &State,
    topic: ListOffsetsTopic,
    read_committed: bool,
) -> ListOffsetsTopicResponse {
    let name = topic.name;
    let mut answer = |wanted: ListOffsetsPartition| {
        let partition_index = wanted.partition_index;
        match find(context, state, &name, &wanted, read_committed) {
            Ok(found) => ListOffsetsPartitionResponse {
                partition_index,
                timestamp: found.timestamp,
                offset: found.offset,
                leader_epoch: if context.version < EPOCHS_FROM { -1 } else { found.leader_epoch },
                ..Default::default()
            },
            Err(error_code) => {
                ListOffsetsPartitionResponse { partition_index, error_code, ..Default::default() }
            }
        }
    };
    let partitions = topic.partitions.into_iter().map(&mut answer).collect();
    ListOffsetsTopicResponse { name, partitions }
}

fn find(
    context: &mut RequestContext<'_>,
    state: &State,
    topic: &str,
    wanted: &ListOffsetsPartition,
    read_committed: bool,
) -> Result<Found, ErrorCode> {
    let index = wanted.partition_index;
    if let Some(error) = context.faults.partition_error(topic, index) {
        return Err(error);
    }
    let partition = state.partition(topic, index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    partition.check_leader(context.broker, wanted.current_leader_epoch)?;
    let log = &partition.log;
    let at = |offset: i64, epoch: Option<i32>| Found {
        offset,
        timestamp: -1,
        leader_epoch: epoch.unwrap_or(-1),
    };
    let end = partition.readable_end(read_committed);
    // What a reader may not see yet is not found either.
    let seen = |found: Option<Found>| found.filter(|found| found.offset < end);
    if KNOWN_FROM.iter().any(|(it, from)| *it == wanted.timestamp && context.version < *from) {
        return Err(ErrorCode::UNSUPPORTED_VERSION);
    }
    match wanted.timestamp {
        LATEST => Ok(at(end, Some(partition.leader_epoch))),
        // Nothing is ever moved to another tier.
        EARLIEST | EARLIEST_LOCAL | EARLIEST_PENDING_UPLOAD => {
            let start = log.start_offset();
            Ok(at(start, log.epochs().of(start)))
        }
        LATEST_TIERED => Ok(Found::NOTHING),
        MAX_TIMESTAMP => log.latest_timestamp().map(|found| seen(found).unwrap_or(Found::NOTHING)),
        timestamp if timestamp >= 0 => {
            log.first_since(timestamp).map(|found| seen(found).unwrap_or(Found::NOTHING))
        }
        _ => Err(ErrorCode::UNSUPPORTED_VERSION),
    }
}
