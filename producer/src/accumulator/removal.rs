//! Records that end before their batch was sent.

use ottla_client::Topic;
use ottla_protocol::records::RawBatch;
use tokio::time::Instant;

use super::batch::{Burden, Charge};
use crate::{
    core::Core,
    error::Reason,
    outcome::{Why, Woken},
};

/// What was taken out of batches under a lock, to be given back when none is held.
#[derive(Debug, Default)]
pub(super) struct Removed {
    graves: Vec<Grave>,
    /// Of batches of which nothing is left.
    spent: Vec<Burden>,
    charges: Vec<Charge>,
    /// What the sink was told of batches of which nothing is left.
    pub(super) unsent: usize,
}

/// Records with a common end: a batch of their own, so that what is left of the other one can go
/// its way.
#[derive(Debug)]
struct Grave {
    burden: Burden,
    records: RawBatch,
    reason: Reason,
    woken: Woken,
}

impl Removed {
    /// Takes those records out of a batch that have expired; `pick` copies them. Returns whether any
    /// record is left.
    pub(super) fn expire(
        &mut self,
        core: &Core,
        burden: &mut Burden,
        now: Instant,
        count: u32,
        pick: impl Fn(&[u32]) -> RawBatch,
    ) -> bool {
        for (ttl, indexes) in burden.lives.expire(now) {
            let records = pick(&indexes);
            let runs: Vec<_> = indexes
                .chunk_by(|one, next| one.saturating_add(1) == *next)
                .filter_map(|run| Some(*run.first()?..run.last()?.saturating_add(1)))
                .collect();
            let heir = burden.heir(core, &burden.tally);
            let woken = burden.promise.part(&runs, &heir.promise);
            let reason = Reason::Expired { ttl };
            // A batch keeps its memory as long as anything is in it, but not its number.
            self.charges.push(burden.sheds(burden.held(), indexes.len()));
            self.graves.push(Grave { burden: heir, records, reason, woken });
        }
        burden.lives.gone() < count
    }

    /// Frees the chunks of which every record is gone.
    pub(super) fn free(&mut self, burden: &mut Burden, records: &mut RawBatch) {
        let front = burden.lives.front();
        while records.first_chunk_end().is_some_and(|end| end <= front) {
            records.pop_chunk();
        }
        self.charges.push(burden.sheds(records.capacity(), 0));
    }

    /// Drops the first chunk of a batch.
    pub(super) fn evict(&mut self, core: &Core, burden: &mut Burden, records: &mut RawBatch) {
        let Some(end) = records.first_chunk_end() else { return };
        let living = burden.lives.evict(end);
        let Some(chunk) = records.pop_chunk() else { return };
        let count: u32 = living.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        self.charges.push(burden.sheds(records.capacity(), count as usize));
        if count == 0 {
            return;
        }
        let whole = count == chunk.count();
        let within = |index: u32| living.iter().any(|range| range.contains(&index));
        let dropped = if whole { chunk } else { chunk.retain(within, &core.pool) };
        let heir = burden.heir(core, &burden.tally);
        let woken = burden.promise.part(&living, &heir.promise);
        let reason = Reason::Overflow;
        self.graves.push(Grave { burden: heir, records: dropped, reason, woken });
    }

    /// Ends a batch of which nothing is left.
    pub(super) fn spend(&mut self, burden: Burden) {
        self.spent.push(burden);
    }

    /// Tells the records what became of them; not under any lock.
    pub(super) fn give_back(self, core: &Core, topic: &Topic, partition: Option<i32>) {
        for Grave { burden, records, reason, woken } in self.graves {
            burden.failed(core, Why::NotWritten(reason), topic, partition, records.into());
            woken.into_iter().for_each(std::task::Waker::wake);
        }
    }
}
