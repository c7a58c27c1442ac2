use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    AbortedTransaction, EpochEndOffset, FetchLeaderIdAndEpoch, FetchNodeEndpoint, FetchRequest,
    FetchResponse, FetchableTopicResponse, PartitionData,
};
use ottla_protocol::records::Records;
use tokio::sync::Notify;

use super::{Answer, RequestContext, Serve};
use crate::cluster::{NotReadable, Partition, Shared, State};
use crate::fetch_session::{FetchContext, Got, PartitionKey, SessionRequest, TopicKey, Wanted};
use crate::log::Limits;

/// From here on there are fetch sessions (KIP-227).
const SESSIONS_FROM: i16 = 7;
/// From here on topics are named by id (KIP-516).
const TOPIC_IDS_FROM: i16 = 13;
/// From here on errors tell where the leader is (KIP-951).
const LEADER_HINTS_FROM: i16 = 16;
const READ_COMMITTED: i8 = 1;

impl Serve for FetchRequest {
    async fn serve(self, context: &mut RequestContext<'_>) -> Answer<FetchResponse> {
        let throttle_time_ms = context.throttle_ms;
        let failed = |error_code| {
            let session_id = 0;
            FetchResponse { throttle_time_ms, error_code, session_id, ..Default::default() }
        };
        let budget = Budget::of(&self, context.now());
        let session = match begin(context, self) {
            Ok(session) => session,
            Err(error) => return Answer::Reply(failed(error)),
        };
        let got = gather(context, &session.wanted, &budget).await;
        match finish(context, session, got) {
            Ok(response) => Answer::Reply(response),
            Err(error) => Answer::Reply(failed(error)),
        }
    }
}

/// How much to wait for, how long, and how much to give.
struct Budget {
    deadline: Instant,
    min_bytes: usize,
    max_bytes: usize,
    read_committed: bool,
}

impl Budget {
    fn of(request: &FetchRequest, now: Instant) -> Self {
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or_default());
        Self {
            deadline: now + wait,
            min_bytes: usize::try_from(request.min_bytes).unwrap_or_default(),
            max_bytes: usize::try_from(request.max_bytes).unwrap_or_default(),
            read_committed: request.isolation_level == READ_COMMITTED,
        }
    }
}

fn begin(context: &RequestContext<'_>, request: FetchRequest) -> Result<FetchContext, ErrorCode> {
    let by_topic_id = context.version >= TOPIC_IDS_FROM;
    let key = |name: &str, id| {
        if by_topic_id { TopicKey::Id(id) } else { TopicKey::Name(name.into()) }
    };
    let mut wanted = Vec::new();
    for topic in request.topics {
        let topic_key = key(&topic.topic, topic.topic_id);
        wanted.extend(topic.partitions.into_iter().map(|partition| Wanted {
            key: PartitionKey { topic: topic_key.clone(), partition: partition.partition },
            offset: partition.fetch_offset,
            max_bytes: partition.partition_max_bytes,
            leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
        }));
    }
    let mut forgotten = Vec::new();
    for topic in request.forgotten_topics_data {
        let topic_key = key(&topic.topic, topic.topic_id);
        let keys = topic.partitions.into_iter();
        forgotten
            .extend(keys.map(|partition| PartitionKey { topic: topic_key.clone(), partition }));
    }
    let sessionless = context.version < SESSIONS_FROM;
    let request = SessionRequest {
        id: if sessionless { 0 } else { request.session_id },
        epoch: if sessionless { -1 } else { request.session_epoch },
        by_topic_id,
        wanted,
        forgotten,
    };
    let mut state = context.shared.state.lock();
    let broker = state.brokers.get_mut(&context.broker).ok_or(ErrorCode::BROKER_NOT_AVAILABLE)?;
    broker.fetch_sessions.begin(context.shared.clock.now(), request)
}

fn finish(
    context: &RequestContext<'_>,
    session: FetchContext,
    got: Vec<Got>,
) -> Result<FetchResponse, ErrorCode> {
    let mut state = context.shared.state.lock();
    let fresh_id = state.fresh_session_id(context.broker);
    let now = context.now();
    let broker = state.brokers.get_mut(&context.broker).ok_or(ErrorCode::BROKER_NOT_AVAILABLE)?;
    let (session_id, got) = broker.fetch_sessions.finish(now, session, got, fresh_id)?;
    let leaders: BTreeSet<i32> =
        got.iter().map(|got| got.data.current_leader.leader_id).filter(|id| *id >= 0).collect();
    Ok(FetchResponse {
        throttle_time_ms: context.throttle_ms,
        session_id,
        responses: by_topic(got),
        node_endpoints: endpoints(&state, &leaders),
        ..Default::default()
    })
}

/// Reads, and waits until there is enough to read.
async fn gather(context: &mut RequestContext<'_>, wanted: &[Wanted], budget: &Budget) -> Vec<Got> {
    let shared = Arc::clone(context.shared);
    let watch = Watch { shared: &shared, wanted, notify: Arc::new(Notify::new()) };
    loop {
        let late = context.now() >= budget.deadline;
        {
            let mut state = shared.state.lock();
            if late || is_enough(context, &state, wanted, budget) {
                return read_all(context, &state, wanted, budget);
            }
            watch.register(&mut state);
        }
        tokio::select! {
            biased;
            () = watch.notify.notified() => {}
            () = tokio::time::sleep_until(budget.deadline.into()) => {}
        }
    }
}

/// Whether a fetch must not wait (`DelayedFetch.tryComplete`): enough bytes, or an error.
fn is_enough(
    context: &mut RequestContext<'_>,
    state: &State,
    wanted: &[Wanted],
    budget: &Budget,
) -> bool {
    let mut available = 0;
    for wanted in wanted {
        match find(context, state, wanted) {
            Ok(partition) => {
                let most = usize::try_from(wanted.max_bytes).unwrap_or_default();
                available += partition.log.available(
                    wanted.offset,
                    partition.readable_end(budget.read_committed),
                    most.min(budget.min_bytes),
                );
            }
            Err(_) => return true,
        }
    }
    wanted.is_empty() || available >= budget.min_bytes
}

/// Reads all partitions in order within the limits; the first batch of the response comes
/// whatever its size (`ReplicaManager.readFromLog`).
fn read_all(
    context: &mut RequestContext<'_>,
    state: &State,
    wanted: &[Wanted],
    budget: &Budget,
) -> Vec<Got> {
    let cut = context.shared.settings.cut_last_batch;
    let mut left = budget.max_bytes;
    let mut at_least_one = true;
    let mut read = |wanted: &Wanted| {
        let data = match find(context, state, wanted) {
            Err(problem) => unreadable(context, state, &wanted.key, problem),
            Ok(partition) => {
                let most = usize::try_from(wanted.max_bytes).unwrap_or_default();
                let end_offset = partition.readable_end(budget.read_committed);
                let max_bytes = most.min(left);
                let limits = Limits { end_offset, max_bytes, at_least_one, cut };
                let slice = partition.log.read(wanted.offset, limits);
                left = left.saturating_sub(slice.len);
                at_least_one &= slice.len == 0;
                let read_to = slice.end_offset.unwrap_or(end_offset);
                let mut data = readable(partition, Records::from(slice.batches));
                data.aborted_transactions =
                    budget.read_committed.then(|| aborted(partition, wanted.offset, read_to));
                data
            }
        };
        Got { key: wanted.key.clone(), data }
    };
    wanted.iter().map(&mut read).collect()
}

fn find<'a>(
    context: &mut RequestContext<'_>,
    state: &'a State,
    wanted: &Wanted,
) -> Result<&'a Partition, NotReadable> {
    let index = wanted.key.partition;
    let topic = state.topic_by_key(&wanted.key.topic).map_err(NotReadable::Error)?;
    if let Some(error) = context.faults.partition_error(&topic.name, index) {
        return Err(NotReadable::Error(error));
    }
    let partition =
        topic.partition(index).ok_or(NotReadable::Error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION))?;
    partition.check_leader(context.broker, wanted.leader_epoch).map_err(NotReadable::Error)?;
    partition.check_position(wanted.offset, wanted.last_fetched_epoch)?;
    Ok(partition)
}

fn readable(partition: &Partition, records: Records) -> PartitionData {
    PartitionData {
        partition_index: partition.index,
        high_watermark: partition.high_watermark(),
        last_stable_offset: partition.last_stable_offset(),
        log_start_offset: partition.log.start_offset(),
        aborted_transactions: None,
        records: Some(records),
        ..Default::default()
    }
}

/// The transactions whose records in what was read are to be skipped.
fn aborted(partition: &Partition, from: i64, to: i64) -> Vec<AbortedTransaction> {
    let aborted = partition.transactions.aborted_between(from, to);
    aborted
        .map(|it| AbortedTransaction { producer_id: it.producer_id, first_offset: it.first_offset })
        .collect()
}

fn unreadable(
    context: &RequestContext<'_>,
    state: &State,
    key: &PartitionKey,
    problem: NotReadable,
) -> PartitionData {
    let mut data = PartitionData {
        partition_index: key.partition,
        high_watermark: -1,
        aborted_transactions: None,
        records: Some(Records::new()),
        ..Default::default()
    };
    let partition =
        state.topic_by_key(&key.topic).ok().and_then(|topic| topic.partition(key.partition));
    match problem {
        NotReadable::Error(error) => data.error_code = error,
        NotReadable::Diverging { epoch, end_offset } => {
            data.diverging_epoch = EpochEndOffset { epoch, end_offset };
            data.high_watermark = partition.map_or(-1, Partition::high_watermark);
        }
    }
    let moved = matches!(
        data.error_code,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH
    );
    if let Some(partition) = partition.filter(|_| moved && context.version >= LEADER_HINTS_FROM) {
        data.current_leader = FetchLeaderIdAndEpoch {
            leader_id: partition.leader.unwrap_or(-1),
            leader_epoch: partition.leader_epoch,
        };
    }
    data
}

/// Partitions of a topic that follow one another share an entry.
fn by_topic(got: Vec<Got>) -> Vec<FetchableTopicResponse> {
    let mut topics: Vec<(TopicKey, FetchableTopicResponse)> = Vec::new();
    for Got { key, data } in got {
        match topics.last_mut().filter(|(topic, _)| *topic == key.topic) {
            Some((_, topic)) => topic.partitions.push(data),
            None => {
                let mut topic = FetchableTopicResponse::default();
                match &key.topic {
                    TopicKey::Name(name) => topic.topic = name.to_string(),
                    TopicKey::Id(id) => topic.topic_id = *id,
                }
                topic.partitions.push(data);
                topics.push((key.topic, topic));
            }
        }
    }
    topics.into_iter().map(|(_, topic)| topic).collect()
}

fn endpoints(state: &State, leaders: &BTreeSet<i32>) -> Vec<FetchNodeEndpoint> {
    let known = leaders.iter().filter_map(|id| state.brokers.get(id));
    known
        .map(|broker| FetchNodeEndpoint {
            node_id: broker.id,
            host: broker.host.clone(),
            port: i32::from(broker.port),
            rack: broker.rack.clone(),
        })
        .collect()
}

/// A parked fetch; it is taken off its partitions however it ends.
struct Watch<'a> {
    shared: &'a Shared,
    wanted: &'a [Wanted],
    notify: Arc<Notify>,
}

impl Watch<'_> {
    fn register(&self, state: &mut State) {
        for wanted in self.wanted {
            if let Some(partition) = state.partition_by_key_mut(&wanted.key) {
                partition.watch(&self.notify);
            }
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        for wanted in self.wanted {
            if let Some(partition) = state.partition_by_key_mut(&wanted.key) {
                partition.unwatch(&self.notify);
            }
        }
    }
}
