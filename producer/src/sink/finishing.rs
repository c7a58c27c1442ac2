//! Gives batches their final form before they are sent: compressed, none too large, numbered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::future::join_all;
use ottla_protocol::{compression::Compression, records::SealedBatch};

use super::{Sink, pieces::Form};
use crate::{
    accumulator::{DrainedBatch, Numbered, Oversized, PartitionQueue, QueuedBatch},
    core::Core,
    error::Reason,
    idempotence::Ticket,
    outcome::Why,
};

/// What a partition gave for a request.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) partition: Arc<PartitionQueue>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Numbered(Numbered),
    Fresh(QueuedBatch),
    Oversized(Oversized),
}

/// A batch in its final form.
enum Finished {
    /// It was so already.
    Numbered(Numbered),
    /// In one piece, or several.
    Fresh(Unnumbered),
}

/// Batches that nobody else knows: between their queue and the sequencer of their partition.
///
/// Dropped on the way, with the task or its runtime, it gives their records back (H20).
struct Unnumbered {
    core: Arc<Core>,
    partition: Arc<PartitionQueue>,
    batches: Vec<DrainedBatch>,
}

impl Unnumbered {
    fn new(core: &Arc<Core>, partition: &Arc<PartitionQueue>, batches: Vec<DrainedBatch>) -> Self {
        Self { core: Arc::clone(core), partition: Arc::clone(partition), batches }
    }

    fn take(mut self) -> Vec<DrainedBatch> {
        std::mem::take(&mut self.batches)
    }
}

impl Drop for Unnumbered {
    fn drop(&mut self) {
        if self.batches.is_empty() {
            return;
        }
        for batch in self.batches.drain(..) {
            let reason = self.core.unsendable().unwrap_or(Reason::Abandoned);
            batch.fail(&self.core, Why::NotWritten(reason), &self.partition.at);
        }
        // The router, which tells what is left at the end, may be gone by now.
        self.core.outbox.tell();
    }
}

/// Gives every batch its final form, those that are compressed at the same time, and numbers them
/// in the order in which they were taken. What came out larger than was thought, and has no `room`
/// in the request any longer, goes back to its partition.
pub(super) async fn finish(
    core: &Arc<Core>,
    sink: &Arc<Sink>,
    taken: Vec<Taken>,
) -> Vec<(Arc<PartitionQueue>, Numbered)> {
    let finished: Vec<_> = if taken.iter().any(is_work) {
        let finished = join_all(taken.into_iter().map(|taken| work(core, taken))).await;
        finished.into_iter().flatten().collect()
    } else {
        taken.into_iter().filter_map(|taken| as_it_is(core, taken)).collect()
    };
    let mut room = core.config.max_request_size;
    let mut numbered = Vec::with_capacity(finished.len());
    for (partition, finished) in finished {
        let left = if numbered.is_empty() { usize::MAX } else { room };
        let batch = match finished {
            Finished::Numbered(batch) => Some(batch),
            Finished::Fresh(pieces) => partition.drain(sink, core, pieces.take(), left),
        };
        if let Some(batch) = batch {
            room = room.saturating_sub(batch.records.len());
            numbered.push((partition, batch));
        }
    }
    numbered
}

/// Whether a batch has to be compressed or split.
fn is_work(taken: &Taken) -> bool {
    let Taken { partition, what } = taken;
    match what {
        What::Numbered(_) => false,
        What::Fresh(queued) => {
            partition.config.compression != Compression::None
                || queued.raw.encoded_len() > partition.sizing.limit()
        }
        What::Oversized(_) => true,
    }
}

/// A batch that has its final form.
fn as_it_is(core: &Arc<Core>, taken: Taken) -> Option<(Arc<PartitionQueue>, Finished)> {
    let finished = match taken.what {
        What::Numbered(numbered) => Finished::Numbered(numbered),
        What::Fresh(QueuedBatch { raw, burden, .. }) => {
            let batches = vec![DrainedBatch { sealed: raw.into(), burden }];
            Finished::Fresh(Unnumbered::new(core, &taken.partition, batches))
        }
        What::Oversized(_) => return None,
    };
    Some((taken.partition, finished))
}

async fn work(core: &Arc<Core>, taken: Taken) -> Option<(Arc<PartitionQueue>, Finished)> {
    if !is_work(&taken) {
        return as_it_is(core, taken);
    }
    let Taken { partition, what } = taken;
    match what {
        What::Numbered(numbered) => Some((partition, Finished::Numbered(numbered))),
        What::Fresh(queued) => {
            let pieces = fresh(core, &partition, queued).await?;
            Some((partition, Finished::Fresh(pieces)))
        }
        What::Oversized(Oversized { ticket, sealed }) => {
            split(core, &partition, ticket, sealed).await;
            None
        }
    }
}

/// Compresses a batch; `None` if it could not be, or need not be any longer.
async fn fresh(
    core: &Arc<Core>,
    partition: &Arc<PartitionQueue>,
    queued: QueuedBatch,
) -> Option<Unnumbered> {
    let QueuedBatch { raw, burden, .. } = queued;
    let size = raw.encoded_len();
    let whole = vec![DrainedBatch { sealed: raw.clone().into(), burden }];
    let whole = Unnumbered::new(core, partition, whole);
    let work = move |form: &Form<'_>| form.give(raw).map_err(|error| error.to_string());
    match shaped(core, partition, size, work).await {
        Some(Ok(mut pieces)) => {
            let DrainedBatch { mut burden, .. } = whole.take().pop()?;
            if pieces.len() > 1 {
                let pieces = DrainedBatch::pieces(core, &burden, pieces);
                burden.lay_down();
                return Some(Unnumbered::new(core, partition, pieces));
            }
            let sealed = pieces.pop()?;
            burden.holds(sealed.capacity());
            Some(Unnumbered::new(core, partition, vec![DrainedBatch { sealed, burden }]))
        }
        Some(Err(cause)) => {
            partition.abort_drain(core);
            let why = Why::NotWritten(Reason::Compression { cause });
            for batch in whole.take() {
                batch.fail(core, why.clone(), &partition.at);
            }
            None
        }
        // The runtime is going away, and the records with it back to who sent them.
        None => {
            partition.abort_drain(core);
            None
        }
    }
}

/// Splits a batch that was refused as too large (KIP-126).
async fn split(
    core: &Arc<Core>,
    partition: &Arc<PartitionQueue>,
    ticket: Ticket,
    sealed: SealedBatch,
) {
    let (size, codecs) = (sealed.raw_len(), core.client.codecs().clone());
    tracing::debug!(at = %partition.at, batch = ?sealed, "too large for the broker, to be split");
    let work = move |form: &Form<'_>| {
        let raw = sealed.to_raw(&codecs).map_err(|error| error.to_string())?;
        form.split(&raw).map_err(|error| error.to_string())
    };
    match shaped(core, partition, size, work).await {
        Some(Ok(pieces)) => partition.split(core, ticket, pieces),
        Some(Err(cause)) => partition.cannot_split(core, ticket, &cause),
        None => partition.abort_drain(core),
    }
}

type Shaped = Result<Vec<SealedBatch>, String>;

/// Lets `work` give a batch of `size` bytes its form: a small one here, a large one on a thread of
/// its own. `None` if the runtime is going away.
async fn shaped(
    core: &Arc<Core>,
    partition: &Arc<PartitionQueue>,
    size: usize,
    work: impl FnOnce(&Form<'_>) -> Shaped + Send + 'static,
) -> Option<Shaped> {
    let (shared, partition) = (Arc::clone(core), Arc::clone(partition));
    let work = move || {
        // It is there: that was looked at when the producer was built.
        let codec = shared.client.codecs().get(partition.config.compression);
        let codec = codec.map_err(|missing| missing.to_string())?;
        let level = partition.config.compression_level;
        let form = Form { codec, level, sizing: &partition.sizing, pool: &shared.pool };
        // A codec can be the user's own. It must not end the sink, nor a batch without a word.
        let panicked = |_| Err("the codec panicked".to_owned());
        catch_unwind(AssertUnwindSafe(|| work(&form))).unwrap_or_else(panicked)
    };
    if size <= INLINE_UP_TO {
        return Some(work());
    }
    // The permit goes with the work, which goes on even if nobody waits for it any longer.
    let permit = Arc::clone(&core.compressions).acquire_owned().await.ok()?;
    let done = tokio::task::spawn_blocking(move || {
        let shaped = work();
        drop(permit);
        shaped
    });
    done.await.ok()
}

/// Batches up to this size are compressed where they are; a larger one would keep the sink from
/// its answers for too long, and goes to a thread of its own.
const INLINE_UP_TO: usize = 16 << 10;
