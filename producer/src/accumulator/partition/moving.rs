//! Batches that go to another partition: of records without a key, away from a partition that
//! failed.
//!
//! They go as a whole, with their deliveries, deadlines and times to live, and only as long as no
//! broker can have any of them: what has not been numbered, and what was numbered and clearly
//! refused while nothing of the partition is possibly written. So nothing is doubled; and nothing is
//! reordered, since records without a key have an order only within a partition, and go to their
//! place by age there.

use std::sync::Arc;

use super::super::batch::{DrainedBatch, OpenBatch, QueuedBatch};
use super::PartitionQueue;
use crate::{core::Core, outcome::Why};

impl PartitionQueue {
    /// Gives away what may go to another partition.
    pub(crate) fn take_movable(self: &Arc<Self>, core: &Core) -> Vec<QueuedBatch> {
        let mut state = self.state.lock();
        let mut returned = Vec::new();
        // A batch that is being drained has its place among those that returned.
        if !state.draining {
            let movable = |batch: &DrainedBatch| !batch.burden.is_bound();
            for batch in state.sequencer.recall(movable).into_iter().rev() {
                state.returned.push_front(batch);
            }
            let mut at = 0;
            while let Some(batch) = state.returned.get_mut(at) {
                if batch.burden.is_bound() {
                    at = at.saturating_add(1);
                } else {
                    returned.extend(state.returned.remove(at));
                }
            }
        }
        let before = state.counted();
        let mut movable = Vec::new();
        for batch in std::mem::take(&mut state.queued) {
            if batch.burden.is_bound() {
                state.queued.push_back(batch);
            } else {
                movable.push(batch);
            }
        }
        let open = state.open.take_if(|open| !open.burden.is_bound());
        movable.extend(open.map(OpenBatch::seal));
        let gone = before.saturating_sub(state.counted());
        if let Some(sink) = &state.sink {
            sink.uncount(gone);
        }
        let relist = state.settle_down(core);
        self.put_on_list(core, state, relist);
        let reopened = returned.into_iter().filter_map(|batch| batch.reopened(core, &self.at));
        reopened.chain(movable).collect()
    }

    /// Takes over a batch that was meant for another partition of the topic.
    pub(crate) fn take_over(self: &Arc<Self>, core: &Core, mut batch: QueuedBatch) {
        let mut state = self.state.lock();
        if let Some(reason) = core.unsendable() {
            // Whoever gave up all partitions may not have found it in any.
            drop(state);
            let drained = DrainedBatch { sealed: batch.raw.into(), burden: batch.burden };
            drained.fail(core, Why::NotWritten(reason), &self.at);
            return;
        }
        batch.burden.moved_to(&self.tally, batch.raw.count());
        if batch.burden.undrained.take().is_some() {
            // Its place in line was for where it was.
            self.put_in_line(core, state.room.as_ref(), &mut batch.burden);
        }
        batch.counted = self.sizing.on_the_wire(batch.raw.encoded_len());
        state.untold = state.untold.saturating_add(batch.counted);
        state.news = true;
        if let Some(next) = batch.burden.lives.next() {
            state.briefest.add(core, &batch.burden, next);
        }
        // Batches lie in the order in which they were begun, so that the first is the first to end.
        let deadline = batch.burden.deadline;
        if state.open.as_ref().is_some_and(|open| open.burden.deadline <= deadline) {
            state.seal();
        }
        let place = state.queued.partition_point(|queued| queued.burden.deadline <= deadline);
        state.queued.insert(place, batch);
        self.appended(core, state);
    }
}
