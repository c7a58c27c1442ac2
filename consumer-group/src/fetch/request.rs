//! Fetches as they are asked and answered.

use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use ottla_protocol::api::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};
use ottla_protocol::records::Batches;
use ottla_protocol::{ErrorCode, Uuid};
use tokio::time::Instant;

use super::budget::Budget;
use super::prepare::batch_error;
use crate::config::ConsumerConfig;
use crate::error::PartitionError;
use crate::partitions::{FetchFault, Lane, PartitionTable, Plan, RawEntry, Slot, Wanted};

/// The fetch of a plan that asks for at most `max_bytes`.
///
/// It belongs to no session (KIP-227): id 0 and epoch -1.
pub(super) fn request(plan: &Plan, config: &ConsumerConfig, max_bytes: usize) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    let mut places: HashMap<u32, usize> = HashMap::new();
    for wanted in &plan.wanted {
        let topic = &wanted.at.topic;
        let place = *places.entry(topic.slot()).or_insert_with(|| {
            topics.push(FetchTopic {
                topic: topic.name().to_owned(),
                topic_id: wanted.topic_id,
                partitions: Vec::new(),
            });
            topics.len() - 1
        });
        if let Some(topic) = topics.get_mut(place) {
            topic.partitions.push(FetchPartition {
                partition: wanted.at.partition,
                current_leader_epoch: wanted.leader_epoch,
                fetch_offset: wanted.offset,
                partition_max_bytes: to_i32(wanted.max_bytes),
                ..FetchPartition::default()
            });
        }
    }
    FetchRequest {
        max_wait_ms: millis(plan.max_wait),
        min_bytes: to_i32(config.fetch_min_bytes),
        max_bytes: to_i32(max_bytes),
        topics,
        ..FetchRequest::default()
    }
}

/// What an answer changed.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    /// Partitions that got batches, to be made ready.
    pub(crate) fed: Vec<Slot>,
    /// Some partition is not where metadata says.
    pub(crate) stale_metadata: bool,
    /// The start of some partition is to be looked up.
    pub(crate) needs_lookup: bool,
    /// Some partition stopped.
    pub(crate) stopped: bool,
    /// The leaders that the broker names instead of itself (KIP-951): partition, leader, epoch.
    pub(crate) hints: Vec<(Wanted, i32, i32)>,
}

/// Brings an answer into the table.
pub(crate) fn digest(
    table: &mut PartitionTable,
    plan: &Plan,
    lane: Lane,
    response: FetchResponse,
    config: &ConsumerConfig,
    budget: &Arc<Budget>,
    now: Instant,
) -> Digest {
    let mut digest = Digest::default();
    table.fetch_ended(plan);
    let mut finder = Finder { plan, next: 0 };
    for topic in response.responses {
        let FetchableTopicResponse { topic: name, topic_id, partitions } = topic;
        for data in partitions {
            let Some(wanted) = finder.find(&name, topic_id, data.partition_index) else {
                tracing::debug!(
                    topic = name,
                    partition = data.partition_index,
                    "was not asked for"
                );
                continue;
            };
            let leader = &data.current_leader;
            if leader.leader_id >= 0 && leader.leader_epoch > wanted.leader_epoch {
                digest.hints.push((wanted.clone(), leader.leader_id, leader.leader_epoch));
            }
            let code = data.error_code;
            if code.is_ok() {
                let taken = take_in(table, wanted, data, config, budget, now);
                digest.stopped |= taken.stopped;
                if taken.fed {
                    digest.fed.push(wanted.slot);
                } else if lane == Lane::Spare {
                    table.wait_for_regular(wanted);
                }
            } else {
                digest.stale_metadata |=
                    code.invalidates_metadata() || code == ErrorCode::UNKNOWN_LEADER_EPOCH;
                tracing::debug!(at = %wanted.at, offset = wanted.offset, %code, "not served");
                let fault = fault(code, wanted);
                digest.needs_lookup |= matches!(fault, FetchFault::OutOfRange);
                digest.stopped |= !matches!(fault, FetchFault::Retry);
                table.fault(wanted, fault, now);
            }
        }
    }
    digest
}

/// What came of a partition's part of an answer.
#[derive(Debug, Default)]
struct TakenIn {
    fed: bool,
    stopped: bool,
}

/// Takes in the batches of one partition.
fn take_in(
    table: &mut PartitionTable,
    wanted: &Wanted,
    data: PartitionData,
    config: &ConsumerConfig,
    budget: &Arc<Budget>,
    now: Instant,
) -> TakenIn {
    let mut batches = Batches::from(data.records.unwrap_or_default());
    let received = batches.remaining();
    let mut entries = Vec::new();
    let mut next_offset = wanted.offset;
    let mut stop = None;
    for batch in &mut batches {
        match batch {
            // What compaction or a broker's rounding leaves in front of the wanted offset.
            Ok(batch) if batch.next_offset() <= next_offset => {}
            Ok(batch) if batch.base_offset() < next_offset && !entries.is_empty() => {
                let reason = format!("it overlaps the batch before, which ends at {next_offset}");
                let base_offset = batch.base_offset();
                stop = Some((PartitionError::Corrupt { base_offset, reason }, batch.next_offset()));
                break;
            }
            Ok(batch) => {
                next_offset = batch.next_offset();
                let charge = budget.charge(batch.bytes().len());
                entries.push(RawEntry { batch, charge, from: wanted.offset });
            }
            Err(error) => {
                let resume_at = error.next_offset().unwrap_or_else(|| error.base_offset() + 1);
                let resume_at = resume_at.max(next_offset.saturating_add(1));
                stop = Some((batch_error(&error, config.max_inflated_batch), resume_at));
                break;
            }
        }
    }
    let fed = !entries.is_empty();
    if fed && stop.is_none() {
        table.received(wanted, received, batches.truncated_len());
    }
    let accepted = table.accept(
        wanted,
        entries.into_iter(),
        next_offset,
        data.high_watermark,
        data.log_start_offset,
    );
    if accepted.is_none() {
        tracing::trace!(at = %wanted.at, offset = wanted.offset, "stale answer dropped");
        return TakenIn::default();
    }
    let stopped = stop.is_some();
    if let Some((error, resume_at)) = stop {
        table.fault(wanted, FetchFault::Stop(error, resume_at), now);
    } else if !fed && received > 0 {
        // Bytes, but nothing to go on with. Asking again at once would go on like this for ever.
        tracing::warn!(at = %wanted.at, offset = wanted.offset, received, "no whole batch in an answer");
        table.fault(wanted, FetchFault::Retry, now);
    }
    TakenIn { fed, stopped }
}

fn fault(code: ErrorCode, wanted: &Wanted) -> FetchFault {
    match code {
        ErrorCode::OFFSET_OUT_OF_RANGE => FetchFault::OutOfRange,
        // The broker found its own log damaged: it will not get better by asking again.
        ErrorCode::CORRUPT_MESSAGE => FetchFault::Stop(
            PartitionError::Corrupt {
                base_offset: wanted.offset,
                reason: "the broker cannot read it".to_owned(),
            },
            wanted.offset.saturating_add(1),
        ),
        code if code.is_retriable() || code == ErrorCode::UNKNOWN_SERVER_ERROR => FetchFault::Retry,
        code => FetchFault::Stop(PartitionError::Refused(code), wanted.offset),
    }
}

/// Finds what an answer is about. Brokers answer in the order they were asked, so the next one is
/// nearly always the right one.
struct Finder<'a> {
    plan: &'a Plan,
    next: usize,
}

impl<'a> Finder<'a> {
    fn find(&mut self, name: &str, id: Uuid, partition: i32) -> Option<&'a Wanted> {
        let is_it = |wanted: &&Wanted| {
            wanted.at.partition == partition
                && if id == Uuid::default() {
                    wanted.at.topic.name() == name
                } else {
                    wanted.topic_id == id
                }
        };
        let wanted = &self.plan.wanted;
        let place = match wanted.get(self.next).filter(is_it) {
            Some(_) => self.next,
            None => wanted.iter().position(|wanted| is_it(&wanted))?,
        };
        self.next = place + 1;
        wanted.get(place)
    }
}

fn to_i32(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
