//! Records that may run as soon as there is a place.

use std::collections::VecDeque;

use slab::Slab;

use super::slot::{Slot, SlotRef, State};
use crate::permits::Ledger;

/// Records that may run as soon as there is a place: those tried for the first time apart from
/// those that are tried again.
#[derive(Debug, Default)]
pub(super) struct Ready {
    fresh: VecDeque<SlotRef>,
    again: VecDeque<SlotRef>,
    /// Whether a retry is next if both wait.
    again_next: bool,
}

impl Ready {
    pub(super) fn push(&mut self, record: SlotRef, again: bool) {
        if again { self.again.push_back(record) } else { self.fresh.push_back(record) }
    }

    /// Takes the next record that has a place to execute.
    pub(super) fn start<M>(&mut self, slots: &Slab<Slot<M>>, ledger: &mut Ledger) -> Option<usize> {
        prune(&mut self.fresh, slots);
        prune(&mut self.again, slots);
        let both = !self.fresh.is_empty() && !self.again.is_empty();
        let again_first = self.fresh.is_empty() || (both && self.again_next);
        for again in [again_first, !again_first] {
            let queue = if again { &mut self.again } else { &mut self.fresh };
            if !queue.is_empty() && ledger.start(again, both) {
                self.again_next = !again;
                return queue.pop_front().map(|record| record.slot);
            }
        }
        None
    }
}

/// Removes what was given up meanwhile from the head of a queue.
fn prune<M>(queue: &mut VecDeque<SlotRef>, slots: &Slab<Slot<M>>) {
    while let Some(record) = queue.front() {
        let slot = slots.get(record.slot);
        if slot.is_some_and(|s| s.serial == record.serial && matches!(s.state, State::Ready)) {
            return;
        }
        queue.pop_front();
    }
}
