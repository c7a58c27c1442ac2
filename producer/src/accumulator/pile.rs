//! Records that are dropped as soon as they are sent, because the buffer is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ottla_client::Topic;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::batch::{Burden, OpenBatch, QueuedBatch};
use crate::{
    core::Core,
    error::{Reason, Refused},
    outcome::{Delivery, Why},
    record::Record,
    statistics::Tally,
};

/// A batch of a topic that is never sent: what is dropped has its outcome there, with its record,
/// at the cost of encoding it. Many share one, so that a delivery that nobody keeps costs nothing.
///
/// It takes 64 KiB at most, on top of the buffer; it is closed when it is full, and before that
/// when the router comes round.
#[derive(Debug, Default)]
pub(super) struct Pile {
    open: Mutex<Option<OpenBatch>>,
    /// Records of all piles of the topic.
    count: AtomicU64,
}

impl Pile {
    pub(super) fn append(
        &self,
        core: &Core,
        topic: &Topic,
        tally: &Arc<Tally>,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<Delivery, Box<Refused>> {
        let mut open = self.open.lock();
        if let Some(refused) = core.refusal() {
            return Err(Box::new(refused.clone()));
        }
        if let Some(refused) = core.transaction_refusal() {
            return Err(refused);
        }
        let first = open.is_none();
        let begin = || {
            let now = Instant::now();
            OpenBatch::new(Burden::new(core, tally, now, now), usize::MAX)
        };
        let parts = record.parts();
        let OpenBatch { builder, burden, .. } = open.get_or_insert_with(begin);
        let appended = builder.append(timestamp, &parts, &core.pool);
        let delivery = appended.map(|index| burden.promise.delivery(index));
        let full = builder.encoded_len() >= FULL || delivery.is_err();
        let ended = if full { open.take() } else { None };
        drop(open);
        if first {
            // Whoever empties the buffer must not wait for requests to become full as well.
            core.ripen_sinks();
            core.router.notify_one();
        }
        if let Some(ended) = ended {
            self.end(core, topic, ended);
        }
        match delivery {
            Ok(delivery) => Ok(delivery),
            // Its timestamp is too far from those of the others: it gets a pile of its own.
            Err(_) if !first => self.append(core, topic, tally, record, timestamp),
            Err(_) => {
                let (size, limit) = (usize::MAX, core.config.max_batch_size);
                Err(Box::new(Refused::TooLarge { size, limit }))
            }
        }
    }

    /// Gives back what is there.
    pub(super) fn clear(&self, core: &Core, topic: &Topic) {
        let open = self.open.lock().take();
        if let Some(open) = open {
            self.end(core, topic, open);
        }
    }

    /// Returns when no sender is in the middle of dropping a record.
    pub(super) fn quiesce(&self) {
        drop(self.open.lock());
    }

    /// Records that were ever dropped here.
    pub(super) fn ever(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn end(&self, core: &Core, topic: &Topic, open: OpenBatch) {
        let QueuedBatch { raw, burden, .. } = open.seal();
        if raw.is_empty() {
            return;
        }
        self.count.fetch_add(raw.count().into(), Ordering::Relaxed);
        burden.failed(core, Why::NotWritten(Reason::Overflow), topic, None, raw.into());
    }
}

/// Bytes after which another pile is begun.
const FULL: usize = 60 << 10;
