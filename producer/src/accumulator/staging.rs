//! Records of a topic that is not known yet: encoded, in order, waiting for its partitions.

use std::ops::Range;
use std::sync::Arc;

use ottla_client::Topic;
use ottla_protocol::records::{BATCH_HEADER_LEN, BatchBuilder, Header};
use tokio::time::Instant;

use super::{
    batch::{Burden, OpenBatch},
    topic::TopicQueues,
};
use crate::{
    core::Core,
    error::{Reason, Refused},
    outcome::{Collected, Delivery, Failure, Verdict, Why},
    record::Record,
    statistics::Tally,
};

/// The staging batch of one topic.
#[derive(Debug)]
pub(super) struct Staging {
    batch: OpenBatch,
    /// The partitions that the records ask for.
    asked: Vec<Option<i32>>,
    pub(super) deadline: Instant,
}

impl Staging {
    pub(super) fn new(core: &Core, tally: &Arc<Tally>) -> Self {
        let (now, config) = (Instant::now(), &core.config);
        let burden = Burden::new(core, tally, now, now + config.delivery_timeout);
        Self {
            batch: OpenBatch { builder: BatchBuilder::new(), burden },
            asked: Vec::new(),
            deadline: now + config.topic_timeout.min(config.delivery_timeout),
        }
    }

    pub(super) fn append(
        &mut self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<Delivery, Box<Refused>> {
        let builder = &mut self.batch.builder;
        let index = builder
            .append(timestamp, &record.parts(), &core.pool)
            .map_err(|_| Box::new(Refused::Full { limit: core.budget.limit() }))?;
        self.batch.burden.holds(builder.capacity());
        self.asked.push(record.partition);
        Ok(self.batch.burden.promise.delivery(index))
    }

    /// Refuses a record that no batch can hold.
    pub(super) fn check(
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<(), Box<Refused>> {
        let limit = core.config.max_batch_size;
        let alone = BatchBuilder::new().record_len(timestamp, &record.parts());
        let size = alone.saturating_add(BATCH_HEADER_LEN);
        if size > limit { Err(Box::new(Refused::TooLarge { size, limit })) } else { Ok(()) }
    }

    /// How many records wait.
    pub(super) const fn count(&self) -> u32 {
        self.batch.builder.count()
    }

    /// Hands the records over to their partitions. Those that no partition takes are told so by
    /// [`Released::tell`].
    pub(super) fn release(self, core: &Core, queues: &TopicQueues, count: usize) -> Released {
        let topic = &queues.topic;
        let batch = self.batch.seal();
        let (mut failed, mut placed_records) = (Vec::new(), 0u64);
        for (view, asked) in batch.raw.records().zip(self.asked) {
            let index = u32::try_from(view.offset).unwrap_or(u32::MAX);
            let headers: Vec<Header<'_>> = view.headers().filter_map(Result::ok).collect();
            let record = Record {
                key: view.key,
                value: view.value,
                headers: &headers,
                partition: asked,
                timestamp: Some(view.timestamp),
            };
            let burden = &batch.burden;
            let placed = queues.choose(count, &record).and_then(|partition| {
                partition.append_staged(core, &record, view.timestamp, burden, index)
            });
            if let Err(refused) = placed {
                core.ledger.count_not_written(1);
                let reason = match *refused {
                    Refused::TransactionAborted { .. } => Reason::TransactionAborted,
                    refused => {
                        let topic = topic.name().to_owned();
                        Reason::Topic { topic, cause: refused.to_string() }
                    }
                };
                let failure = Failure::new(
                    Why::NotWritten(reason),
                    asked,
                    Some(batch.raw.clone().into()),
                    core.client.codecs().clone(),
                );
                let (failure, records) = (Arc::new(failure), index..index.saturating_add(1));
                core.failed(Collected {
                    topic: topic.clone(),
                    failure: Arc::clone(&failure),
                    records: records.clone(),
                });
                failed.push((records, Verdict::Failed(failure)));
            } else {
                placed_records = placed_records.saturating_add(1);
            }
        }
        batch.burden.tally.moved(placed_records);
        Released { burden: batch.burden, failed }
    }

    /// Gives all records back.
    pub(super) fn fail(self, core: &Core, topic: &Topic, reason: Reason) {
        let batch = self.batch.seal();
        batch.burden.failed(core, Why::NotWritten(reason), topic, None, batch.raw.into());
    }
}

/// Staged records that went on to their partitions, or had nowhere to go; nobody was told yet.
#[must_use]
pub(super) struct Released {
    burden: Burden,
    failed: Vec<(Range<u32>, Verdict)>,
}

impl Released {
    /// Wakes who waits for the records. Not under a lock: whoever is woken may send at once.
    pub(super) fn tell(self) {
        for (records, verdict) in self.failed {
            self.burden.promise.settle_range(records.start, records.end, verdict);
        }
        self.burden.promise.wake_all();
    }
}
