//! Packs what is ready into one request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use ottla_client::Topic;
use ottla_protocol::{
    Uuid,
    api::{PartitionProduceData, ProduceRequest, TopicProduceData},
    compression::Compression,
    records::SealedBatch,
};
use tokio::time::Instant;

use super::Sink;
use crate::{
    accumulator::{DrainedBatch, Next, Numbered, PartitionQueue, QueuedBatch},
    config::Acks,
    core::Core,
    error::Reason,
    idempotence::Ticket,
    outcome::Why,
};

/// A request, with what is needed to tell its answer.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) request: ProduceRequest,
    pub(super) batches: Vec<SentBatch>,
}

/// A batch on its way.
#[derive(Debug)]
pub(super) struct SentBatch {
    pub(super) partition: Arc<PartitionQueue>,
    pub(super) ticket: Ticket,
    pub(super) topic_id: Uuid,
}

/// Partitions that wait out an error, beside the list: they must not keep the others waiting.
pub(super) type Parked = Vec<(Instant, Arc<PartitionQueue>)>;

/// Takes one batch from each partition on the list, as far as the request holds them; `None` if no
/// partition could give anything.
pub(super) async fn pack(
    core: &Arc<Core>,
    sink: &Arc<Sink>,
    parked: &mut Parked,
) -> Option<Packed> {
    let round = core.next_round();
    sink.ripe.store(false, Ordering::Relaxed);
    let mut list = std::mem::take(&mut *sink.list.lock());
    // Whoever was served last comes last, so that a request that is full starves nobody.
    let now = Instant::now();
    let mut room = core.config.max_request_size;
    let mut taken: Vec<(Arc<PartitionQueue>, Taken)> = Vec::with_capacity(list.len());
    let mut unserved = Vec::new();
    for partition in list.drain(..) {
        // A request has one acks.
        if taken.first().is_some_and(|(first, _)| first.config.acks != partition.config.acks) {
            sink.ripen();
            unserved.push(partition);
            continue;
        }
        // The first batch always goes, even one that is larger than a request should be.
        let left = if taken.is_empty() { usize::MAX } else { room };
        match partition.next(sink, core, round, now, left) {
            Next::Nothing => {}
            Next::TooLarge => {
                sink.ripen();
                unserved.push(partition);
            }
            Next::Later(at) => parked.push((at, partition)),
            Next::Numbered(numbered) => {
                room = room.saturating_sub(numbered.records.len());
                taken.push((partition, Taken::Numbered(numbered)));
            }
            Next::Worn(worn) => match worn.reopened(core, &partition.at) {
                Some(queued) => {
                    let queued = queued.compacted(core);
                    room = room.saturating_sub(queued.raw.encoded_len());
                    taken.push((partition, Taken::Fresh(queued)));
                }
                None => partition.abort_drain(core),
            },
            Next::Fresh(queued) => {
                let queued = queued.compacted(core);
                room = room.saturating_sub(queued.raw.encoded_len());
                taken.push((partition, Taken::Fresh(queued)));
            }
        }
    }
    // Meanwhile others may have put themselves on the list: they came later.
    {
        let mut list = sink.list.lock();
        let newcomers = std::mem::take(&mut *list);
        list.extend(unserved);
        list.extend(taken.iter().map(|(partition, _)| Arc::clone(partition)));
        list.extend(newcomers);
    }
    let acks = taken.first().map(|(first, _)| first.config.acks)?;
    let numbered = finish(core, sink, taken).await;
    address(core, acks, numbered)
}

#[derive(Debug)]
enum Taken {
    Numbered(Numbered),
    Fresh(QueuedBatch),
}

/// Gives every batch its final form, those that are compressed at the same time, and numbers it.
async fn finish(
    core: &Arc<Core>,
    sink: &Arc<Sink>,
    taken: Vec<(Arc<PartitionQueue>, Taken)>,
) -> Vec<(Arc<PartitionQueue>, Numbered)> {
    let compressed = |(partition, taken): &(Arc<PartitionQueue>, Taken)| {
        partition.config.compression != Compression::None && matches!(taken, Taken::Fresh(_))
    };
    if !taken.iter().any(compressed) {
        let number = |(partition, taken): (Arc<PartitionQueue>, Taken)| {
            let numbered = match taken {
                Taken::Numbered(numbered) => numbered,
                Taken::Fresh(queued) => as_it_is(core, sink, &partition, queued)?,
            };
            Some((partition, numbered))
        };
        return taken.into_iter().filter_map(number).collect();
    }
    let finished = join_all(taken.into_iter().map(|(partition, taken)| async {
        match taken {
            Taken::Numbered(numbered) => Some((partition, numbered)),
            Taken::Fresh(queued) => {
                let numbered = compress(core, sink, &partition, queued).await?;
                Some((partition, numbered))
            }
        }
    }));
    finished.await.into_iter().flatten().collect()
}

/// Numbers a batch that is not compressed.
fn as_it_is(
    core: &Arc<Core>,
    sink: &Arc<Sink>,
    partition: &Arc<PartitionQueue>,
    queued: QueuedBatch,
) -> Option<Numbered> {
    let QueuedBatch { raw, burden } = queued;
    partition.drain(sink, core, DrainedBatch { sealed: raw.into(), burden })
}

/// Batches up to this size are compressed where they are; a larger one would keep the sink from
/// its answers for too long, and goes to a thread of its own.
const INLINE_UP_TO: usize = 16 << 10;

async fn compress(
    core: &Arc<Core>,
    sink: &Arc<Sink>,
    partition: &Arc<PartitionQueue>,
    queued: QueuedBatch,
) -> Option<Numbered> {
    if partition.config.compression == Compression::None {
        return as_it_is(core, sink, partition, queued);
    }
    let QueuedBatch { raw, mut burden } = queued;
    let work = {
        let (core, config) = (Arc::clone(core), Arc::clone(&partition.config));
        move || {
            let level = config.compression_level;
            match core.client.codecs().get(config.compression) {
                Ok(codec) => SealedBatch::compress(raw, codec, level),
                // Looked at when the producer was built.
                Err(_) => Ok(raw.into()),
            }
        }
    };
    let done = if burden.held() <= INLINE_UP_TO {
        work()
    } else {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            // The runtime is going away; the batch's promise says so.
            Err(_) => {
                partition.abort_drain(core);
                return None;
            }
        }
    };
    match done {
        Ok(sealed) => {
            burden.holds(sealed.capacity());
            partition.drain(sink, core, DrainedBatch { sealed, burden })
        }
        Err(failed) => {
            partition.abort_drain(core);
            let why = Why::NotWritten(Reason::Compression { cause: failed.source.to_string() });
            let at = &partition.at;
            burden.failed(core, why, &at.topic, Some(at.partition), failed.batch.into());
            None
        }
    }
}

/// Writes the request around the batches.
fn address(
    core: &Core,
    acks: Acks,
    numbered: Vec<(Arc<PartitionQueue>, Numbered)>,
) -> Option<Packed> {
    if numbered.is_empty() {
        return None;
    }
    let cluster = core.client.cluster();
    let mut topics: Vec<(Topic, TopicProduceData)> = Vec::new();
    let mut batches = Vec::with_capacity(numbered.len());
    for (partition, Numbered { ticket, records }) in numbered {
        let data = PartitionProduceData { index: partition.at.partition, records: Some(records) };
        let topic = &partition.at.topic;
        // The partitions of a topic mostly line up together.
        let place = topics.iter_mut().rev().find(|(known, _)| known == topic);
        let topic_id = match place {
            Some((_, known)) => {
                known.partition_data.push(data);
                known.topic_id
            }
            None => {
                let topic_id = cluster.topic(topic).map_or(Uuid::ZERO, |known| known.id);
                let name = topic.name().to_owned();
                let partition_data = vec![data];
                topics.push((topic.clone(), TopicProduceData { name, topic_id, partition_data }));
                topic_id
            }
        };
        batches.push(SentBatch { partition, ticket, topic_id });
    }
    let request = ProduceRequest {
        transactional_id: core.roll.as_ref().map(|roll| roll.id().to_owned()),
        acks: acks.code(),
        timeout_ms: core.config.request_timeout_ms(),
        topic_data: topics.into_iter().map(|(_, data)| data).collect(),
    };
    Some(Packed { request, batches })
}
