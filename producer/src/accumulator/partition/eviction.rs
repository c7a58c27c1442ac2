//! Records that are dropped to make room for newer ones.

use std::sync::Arc;

use super::super::{
    batch::Burden,
    begun::{Entry, Mark, Place},
    budget::Budget,
    removal::Removed,
};
use super::{PartitionQueue, state::State};
use crate::core::Core;

impl PartitionQueue {
    /// Puts the batch begun last in line with those that can be dropped, once.
    pub(super) fn line_up(self: &Arc<Self>, core: &Core, state: &mut State) {
        let burden = match (&mut state.open, state.queued.back_mut()) {
            (Some(open), _) => &mut open.burden,
            // Its first record closed it.
            (None, Some(queued)) => &mut queued.burden,
            (None, None) => return,
        };
        if burden.undrained.is_none() {
            self.put_in_line(core, state.room.as_ref(), burden);
        }
    }

    /// Puts a batch in line, behind all others.
    pub(super) fn put_in_line(
        self: &Arc<Self>,
        core: &Core,
        room: Option<&Arc<Budget>>,
        burden: &mut Burden,
    ) {
        let mark = Mark::new();
        let budgets = std::iter::once(&core.budget).chain(room);
        for begun in budgets.filter_map(|budget| budget.begun.as_ref()) {
            begun.push(Entry::new(Place::Partition(Arc::clone(self)), &mark));
        }
        burden.undrained = Some(mark);
    }

    /// Drops the first records of a batch: a chunk of them. Returns whether any are left, `None` if
    /// the batch has been taken to be sent.
    pub(in super::super) fn evict(&self, core: &Core, entry: &Entry) -> Option<bool> {
        let mut state = self.state.lock();
        if state.open.as_ref().is_some_and(|open| entry.is_of(open.burden.undrained.as_ref())) {
            // Only closed batches have memory that can be taken off them.
            state.seal();
        }
        let mut queued = state.queued.iter();
        let at = queued.position(|batch| entry.is_of(batch.burden.undrained.as_ref()))?;
        let batch = state.queued.get_mut(at)?;
        let mut removed = Removed::default();
        removed.evict(core, &mut batch.burden, &mut batch.raw);
        let end = batch.raw.first_index().saturating_add(batch.raw.count());
        let left = batch.burden.lives.front() < end;
        if !left {
            if let Some(batch) = state.queued.remove(at) {
                removed.unsent = batch.counted;
                removed.spend(batch.burden);
            }
        }
        if let Some(sink) = &state.sink {
            sink.uncount(removed.unsent);
        }
        drop(state);
        removed.give_back(core, &self.at.topic, Some(self.at.partition));
        Some(left)
    }
}
