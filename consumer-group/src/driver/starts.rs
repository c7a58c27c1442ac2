//! Where to start reading: committed offsets and the ends of logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_client::{BrokerId, CoordinatorKind, Lane, LaneKind, RefreshReason, RequestError};
use ottla_protocol::api::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic, OffsetFetchRequest,
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse,
};
use ottla_protocol::{ErrorCode, Uuid};

use super::coordinator::{Miss, connect};
use crate::error::{ConsumerError, PartitionError};
use crate::partitions::StartLookup;
use crate::shared::Shared;

/// The first version of OffsetFetch that asks for several groups (KIP-709).
const SEVERAL_GROUPS: i16 = 8;
/// The first version that can be told to wait for transactions (KIP-447).
const STABLE: i16 = 7;

/// A partition's start.
pub(super) struct Found {
    pub(super) lookup: StartLookup,
    /// `Ok(None)`: nothing was committed. `Err(None)`: to be asked again.
    pub(super) result: Result<Option<i64>, Option<PartitionError>>,
    pub(super) is_committed: bool,
}

type Start = Result<Option<i64>, Option<PartitionError>>;

/// The look-ups by the broker to ask.
pub(super) fn by_leader(
    ends: Vec<(StartLookup, i64)>,
) -> BTreeMap<BrokerId, Vec<(StartLookup, i64)>> {
    let mut leaders: BTreeMap<BrokerId, Vec<(StartLookup, i64)>> = BTreeMap::new();
    for (lookup, timestamp) in ends {
        if let Some(leader) = lookup.leader {
            leaders.entry(leader.broker).or_default().push((lookup, timestamp));
        }
    }
    leaders
}

/// The group's offsets.
pub(super) async fn committed(shared: Arc<Shared>, lookups: Vec<StartLookup>) -> Vec<Found> {
    let starts = ask_group(&shared, &lookups).await;
    let found = |(lookup, result)| Found { lookup, result, is_committed: true };
    lookups.into_iter().zip(starts).map(found).collect()
}

async fn ask_group(shared: &Shared, lookups: &[StartLookup]) -> Vec<Start> {
    let again = || lookups.iter().map(|_| Err(None)).collect();
    let forget = || shared.client.invalidate_coordinator(CoordinatorKind::Group, shared.group());
    let asked = async {
        let connection = connect(shared, LaneKind::Heartbeat).await?;
        let version = connection.versions().negotiate::<OffsetFetchRequest>();
        let version = version.map_err(RequestError::Unsupported)?;
        let request = offset_fetch(shared.group(), lookups, version);
        connection.request(&request).await.map_err(Miss::Request)
    };
    let response = match asked.await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(%error, "committed offsets not found");
            forget();
            return again();
        }
    };
    let answer = GroupAnswer::from(response);
    let code = answer.code;
    if matches!(code, ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE) {
        forget();
    }
    if !code.is_ok() {
        if !code.is_retriable() && code != ErrorCode::UNKNOWN_SERVER_ERROR {
            let group = shared.group().to_owned();
            shared.fail(ConsumerError::GroupRefused { group, api: "OffsetFetch", error: code });
        }
        return again();
    }
    lookups.iter().map(|lookup| answer.start(lookup)).collect()
}

fn offset_fetch(group: &str, lookups: &[StartLookup], version: i16) -> OffsetFetchRequest {
    let mut topics: BTreeMap<&str, (Uuid, Vec<i32>)> = BTreeMap::new();
    for lookup in lookups {
        let id = lookup.leader.map(|leader| leader.topic_id).unwrap_or_default();
        let topic = topics.entry(lookup.at.topic.name()).or_insert((id, Vec::new()));
        topic.1.push(lookup.at.partition);
    }
    let mut request = OffsetFetchRequest {
        // What a transaction is about to commit must not be read past (KIP-447).
        require_stable: version >= STABLE,
        ..OffsetFetchRequest::default()
    };
    if version >= SEVERAL_GROUPS {
        let topics = topics.into_iter();
        let topics = topics.map(|(name, (topic_id, partition_indexes))| OffsetFetchRequestTopics {
            name: name.to_owned(),
            topic_id,
            partition_indexes,
        });
        request.groups.push(OffsetFetchRequestGroup {
            group_id: group.to_owned(),
            topics: Some(topics.collect()),
            ..OffsetFetchRequestGroup::default()
        });
    } else {
        group.clone_into(&mut request.group_id);
        let topics = topics.into_iter();
        let topics = topics.map(|(name, (_, partition_indexes))| OffsetFetchRequestTopic {
            name: name.to_owned(),
            partition_indexes,
        });
        request.topics = Some(topics.collect());
    }
    request
}

/// An answer about one group, whatever its version looked like.
struct GroupAnswer {
    code: ErrorCode,
    offsets: BTreeMap<(TopicKey, i32), (i64, ErrorCode)>,
}

/// How a version of the answer names topics.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum TopicKey {
    Name(String),
    Id(Uuid),
}

impl From<OffsetFetchResponse> for GroupAnswer {
    fn from(response: OffsetFetchResponse) -> Self {
        let mut answer = Self { code: response.error_code, offsets: BTreeMap::new() };
        for topic in response.topics {
            for p in topic.partitions {
                let key = (TopicKey::Name(topic.name.clone()), p.partition_index);
                answer.offsets.entry(key).or_insert((p.committed_offset, p.error_code));
            }
        }
        for group in response.groups {
            answer.code = group.error_code;
            for topic in group.topics {
                for p in topic.partitions {
                    let named = if topic.topic_id == Uuid::default() {
                        TopicKey::Name(topic.name.clone())
                    } else {
                        TopicKey::Id(topic.topic_id)
                    };
                    let key = (named, p.partition_index);
                    answer.offsets.entry(key).or_insert((p.committed_offset, p.error_code));
                }
            }
        }
        answer
    }
}

impl GroupAnswer {
    fn start(&self, lookup: &StartLookup) -> Start {
        let id = lookup.leader.map(|leader| leader.topic_id).unwrap_or_default();
        let partition = lookup.at.partition;
        let by_id = self.offsets.get(&(TopicKey::Id(id), partition));
        let by_name =
            || self.offsets.get(&(TopicKey::Name(lookup.at.topic.name().to_owned()), partition));
        match by_id.or_else(by_name) {
            None => Err(None),
            Some((offset, ErrorCode::NONE)) => Ok((*offset >= 0).then_some(*offset)),
            Some((_, code)) => Err(partition_error(*code)),
        }
    }
}

/// The ends of logs, from the broker that leads them.
pub(super) async fn ends(
    shared: Arc<Shared>,
    broker: BrokerId,
    ends: Vec<(StartLookup, i64)>,
) -> Vec<Found> {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (lookup, timestamp) in &ends {
        let partitions = topics.entry(lookup.at.topic.name()).or_default();
        partitions.push(ListOffsetsPartition {
            partition_index: lookup.at.partition,
            current_leader_epoch: lookup.leader.map_or(-1, |leader| leader.epoch),
            timestamp: *timestamp,
        });
    }
    let topics = topics.into_iter();
    let topics = topics
        .map(|(name, partitions)| ListOffsetsTopic { name: name.to_owned(), partitions })
        .collect();
    let request = ListOffsetsRequest { replica_id: -1, topics, ..ListOffsetsRequest::default() };
    let response = shared.client.request(broker, Lane::GENERAL, &request).await;
    let response = response.inspect_err(|error| {
        tracing::debug!(%broker, %error, "offsets not listed");
    });
    let response = response.unwrap_or_default();
    let mut stale = false;
    let mut start = |lookup: &StartLookup| {
        let mut topics = response.topics.iter();
        let topic = topics.find(|topic| topic.name == lookup.at.topic.name());
        let mut partitions = topic.map(|topic| topic.partitions.iter()).into_iter().flatten();
        let answer = partitions.find(|answer| answer.partition_index == lookup.at.partition);
        match answer {
            Some(answer) if answer.error_code.is_ok() && answer.offset >= 0 => {
                Ok(Some(answer.offset))
            }
            Some(answer) if !answer.error_code.is_ok() => {
                stale |= answer.error_code.is_retriable();
                Err(partition_error(answer.error_code))
            }
            _ => {
                stale = true;
                Err(None)
            }
        }
    };
    let results: Vec<Start> = ends.iter().map(|(lookup, _)| start(lookup)).collect();
    if stale {
        shared.client.metadata().request_refresh(RefreshReason::Stale);
    }
    let found = |((lookup, _), result)| Found { lookup, result, is_committed: false };
    ends.into_iter().zip(results).map(found).collect()
}

/// What a partition's code means: `None` if it is worth asking again.
fn partition_error(code: ErrorCode) -> Option<PartitionError> {
    let again = code.is_retriable() || code == ErrorCode::UNKNOWN_SERVER_ERROR;
    (!again).then_some(PartitionError::Refused(code))
}
