//! What brokers answer to fetches.

use tokio::time::Instant;

use super::buffer::RawEntry;
use super::fetch_plan::Wanted;
use super::partition::{FetchFault, Phase};
use super::table::PartitionTable;
use crate::config::{OffsetReset, Start};
use crate::error::PartitionError;

impl PartitionTable {
    /// Batches of a partition, `None` when the answer is stale: its partition was revoked, sought
    /// away or answered elsewhere since. `next_offset` is where to go on behind them.
    pub(crate) fn accept(
        &mut self,
        wanted: &Wanted,
        batches: impl Iterator<Item = RawEntry>,
        next_offset: i64,
        high_watermark: i64,
        log_start: i64,
    ) -> Option<()> {
        let partition = self.current(wanted.slot, wanted.generation)?;
        if partition.fetch_offset != wanted.offset || partition.phase != Phase::Fetching {
            return None;
        }
        partition.high_watermark = Some(high_watermark);
        partition.log_start = Some(log_start);
        partition.retry_at = None;
        partition.backoff.reset();
        for entry in batches {
            partition.buffer.push(entry);
        }
        if partition.paused {
            partition.buffer.detach();
        }
        partition.fetch_offset = next_offset;
        Some(())
    }

    /// Of what was received of a partition, the end was of no use.
    pub(crate) fn received(&mut self, wanted: &Wanted, received: usize, cut: usize) {
        if let Some(partition) = self.current(wanted.slot, wanted.generation) {
            partition.fetch_size.handle(received, cut);
        }
    }

    /// The spare connection found nothing.
    pub(crate) fn wait_for_regular(&mut self, wanted: &Wanted) {
        if let Some(partition) = self.current(wanted.slot, wanted.generation) {
            partition.waits_for_regular = true;
        }
    }

    /// The partition was not served, or no further than `accept` was told before.
    pub(crate) fn fault(&mut self, wanted: &Wanted, fault: FetchFault, now: Instant) {
        let reset = self.limits.offset_reset;
        let Some(partition) = self.current(wanted.slot, wanted.generation) else { return };
        match fault {
            FetchFault::Retry => partition.back_off(now),
            FetchFault::OutOfRange if partition.fetch_offset != wanted.offset => {}
            // A broker that lists an offset and then does not have it would be asked for ever, as
            // fast as it answers: the next look-up waits, longer each time that nothing was read.
            FetchFault::OutOfRange => match reset {
                OffsetReset::Earliest => {
                    partition.back_off(now);
                    partition.phase = Phase::Finding { start: Start::Beginning, asked: false };
                }
                OffsetReset::Latest => {
                    partition.back_off(now);
                    partition.phase = Phase::Finding { start: Start::End, asked: false };
                }
                OffsetReset::None => {
                    let error = PartitionError::NoPosition { out_of_range: Some(wanted.offset) };
                    partition.stop(error, wanted.offset);
                }
            },
            FetchFault::Stop(error, resume_at) => partition.stop(error, resume_at),
        }
        self.queue_if_ready(wanted.slot);
    }
}
