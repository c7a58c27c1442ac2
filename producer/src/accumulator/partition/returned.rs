//! Batches that were drained once and came back.

use std::collections::VecDeque;

use super::super::batch::DrainedBatch;

/// In the order of their records, which is also that of the batch that is being drained: it may
/// come back as well, to its own place.
#[derive(Debug, Default)]
pub(super) struct Returned {
    batches: VecDeque<DrainedBatch>,
    /// How many came back in front of the batch that is being drained, while it is.
    place: Option<usize>,
}

impl Returned {
    pub(super) fn front(&self) -> Option<&DrainedBatch> {
        self.batches.front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &DrainedBatch> {
        self.batches.iter()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut DrainedBatch> {
        self.batches.get_mut(at)
    }

    /// A batch is taken from the front, here or behind, to be drained.
    pub(super) fn begin_drain(&mut self) {
        self.place = Some(0);
    }

    /// The draining is over. Returns the first piece of the batch if it is next and may go; all
    /// others wait in their place.
    pub(super) fn end_drain(
        &mut self,
        pieces: Vec<DrainedBatch>,
        may_go: impl FnOnce(&DrainedBatch) -> bool,
    ) -> Option<DrainedBatch> {
        let place = self.place.take().unwrap_or(self.batches.len()).min(self.batches.len());
        let mut pieces = pieces.into_iter().peekable();
        let goes = place == 0 && pieces.peek().is_some_and(may_go);
        let next = if goes { pieces.next() } else { None };
        for (nth, piece) in pieces.enumerate() {
            self.batches.insert(place.saturating_add(nth), piece);
        }
        next
    }

    /// The draining is over, and nothing comes back.
    pub(super) fn abort_drain(&mut self) {
        self.place = None;
    }

    /// Takes in a batch that was numbered before everything here.
    pub(super) fn push_front(&mut self, batch: DrainedBatch) {
        self.batches.push_front(batch);
        self.place = self.place.map(|place| place.saturating_add(1));
    }

    pub(super) fn pop_front(&mut self) -> Option<DrainedBatch> {
        self.remove(0)
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<DrainedBatch> {
        self.place = self.place.map(|place| place.saturating_sub(usize::from(at < place)));
        self.batches.remove(at)
    }

    pub(super) fn take_all(&mut self) -> VecDeque<DrainedBatch> {
        std::mem::take(&mut self.batches)
    }
}
