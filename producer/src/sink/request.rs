//! Packs what is ready into one request.

use std::sync::Arc;

use ottla_client::Topic;
use ottla_protocol::{
    Uuid,
    api::{PartitionProduceData, ProduceRequest, TopicProduceData},
};
use tokio::time::Instant;

use super::Sink;
use super::finishing::{Taken, What, finish};
use crate::{
    accumulator::{Next, Numbered, PartitionQueue},
    config::Acks,
    core::Core,
    idempotence::Ticket,
};

/// A request, with what is needed to tell its answer.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) request: ProduceRequest,
    pub(super) batches: Vec<SentBatch>,
    pub(super) records: u32,
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
    sink.begin_request();
    let mut list = std::mem::take(&mut *sink.list.lock());
    // Whoever was served last comes last, so that a request that is full starves nobody.
    let now = Instant::now();
    let mut room = core.config.max_request_size;
    let mut taken: Vec<Taken> = Vec::with_capacity(list.len());
    let mut unserved = Vec::new();
    for partition in list.drain(..) {
        // A request has one acks.
        if taken.first().is_some_and(|first| first.partition.config.acks != partition.config.acks) {
            sink.ripen();
            unserved.push(partition);
            continue;
        }
        // The first batch always goes, even one that is larger than a request should be.
        let left = if taken.is_empty() { usize::MAX } else { room };
        match partition.next(sink, core, round, now, left) {
            Next::Nothing => {}
            Next::TooLarge => unserved.push(partition),
            Next::Later(at) => parked.push((at, partition)),
            Next::Numbered(numbered) => {
                room = room.saturating_sub(numbered.records.len());
                taken.push(Taken { partition, what: What::Numbered(numbered) });
            }
            Next::Worn(worn) => match worn.reopened(core, &partition.at) {
                Some(queued) => {
                    let queued = queued.compacted(core);
                    let size = partition.sizing.on_the_wire(queued.raw.encoded_len());
                    room = room.saturating_sub(size);
                    taken.push(Taken { partition, what: What::Fresh(queued) });
                }
                None => partition.abort_drain(core),
            },
            Next::Fresh(queued) => {
                let queued = queued.compacted(core);
                let size = partition.sizing.on_the_wire(queued.raw.encoded_len());
                room = room.saturating_sub(size);
                taken.push(Taken { partition, what: What::Fresh(queued) });
            }
            Next::Oversized(batch) => {
                taken.push(Taken { partition, what: What::Oversized(batch) });
            }
        }
    }
    // Meanwhile others may have put themselves on the list: they came later.
    {
        let mut list = sink.list.lock();
        let newcomers = std::mem::take(&mut *list);
        list.extend(unserved);
        // The others are put back when they have been drained, if they have more.
        let more = taken.iter().filter(|taken| matches!(taken.what, What::Numbered(_)));
        list.extend(more.map(|taken| Arc::clone(&taken.partition)));
        list.extend(newcomers);
    }
    let acks = taken.first().map(|first| first.partition.config.acks)?;
    let numbered = finish(core, sink, taken).await;
    address(core, acks, numbered)
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
    let mut count = 0u32;
    for (partition, Numbered { ticket, records, count: of_batch }) in numbered {
        count = count.saturating_add(of_batch);
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
    Some(Packed { request, batches, records: count })
}
