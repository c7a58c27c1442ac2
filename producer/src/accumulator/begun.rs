use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use ottla_client::Topic;
use parking_lot::Mutex;

use super::partition::PartitionQueue;

/// The batches that have been begun, oldest first: where records can be dropped to make room.
///
/// A batch is put here once. When it is taken to be sent its entry is left behind; those are
/// cleared away when they have become half of all.
#[derive(Debug, Default)]
pub(super) struct Begun(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    entries: VecDeque<Entry>,
    /// How long the line may become before it is cleared.
    clear_at: usize,
}

/// One batch that has records to drop, as long as its mark is held.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    mark: Weak<Mark>,
}

/// Where the batch is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Partition(Arc<PartitionQueue>),
    /// It waits for its topic to become known.
    Staging(Topic),
}

/// Held by a batch that has not been taken to be sent; it has an identity, and nothing else.
#[derive(Debug)]
pub(super) struct Mark(());

impl Mark {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(()))
    }
}

impl Entry {
    pub(super) fn new(place: Place, mark: &Arc<Mark>) -> Self {
        Self { place, mark: Arc::downgrade(mark) }
    }

    /// Whether it is the batch that holds this mark.
    pub(super) fn is_of(&self, mark: Option<&Arc<Mark>>) -> bool {
        mark.is_some_and(|mark| std::ptr::eq(Arc::as_ptr(mark), self.mark.as_ptr()))
    }

    fn is_gone(&self) -> bool {
        self.mark.strong_count() == 0
    }
}

impl Begun {
    /// A batch is begun, after all others.
    pub(super) fn push(&self, entry: Entry) {
        let mut line = self.0.lock();
        if line.entries.len() >= line.clear_at {
            line.entries.retain(|entry| !entry.is_gone());
            line.clear_at = line.entries.len().saturating_mul(2).max(SHORT);
        }
        line.entries.push_back(entry);
    }

    /// The oldest batch.
    pub(super) fn pop(&self) -> Option<Entry> {
        let mut line = self.0.lock();
        loop {
            let entry = line.entries.pop_front()?;
            if !entry.is_gone() {
                return Some(entry);
            }
        }
    }

    /// Some records of the oldest batch were dropped, others are left.
    pub(super) fn put_back(&self, entry: Entry) {
        self.0.lock().entries.push_front(entry);
    }

    /// Forgets all of them: nothing will be sent any longer.
    pub(super) fn clear(&self) {
        self.0.lock().entries.clear();
    }
}

/// A line as short as this is not worth clearing.
const SHORT: usize = 64;

#[cfg(test)]
mod tests {
    use ottla_client::Client;

    use super::*;

    #[test]
    fn the_oldest_that_is_left_comes_first_and_the_line_stays_short() {
        let client = Client::builder().bootstrap(["nowhere:1"]).build().unwrap();
        let begun = Begun::default();
        let place = || Place::Staging(client.topic("in"));
        let marks: Vec<_> = (0..10).map(|_| Mark::new()).collect();
        for mark in &marks {
            begun.push(Entry::new(place(), mark));
            // Most are sent soon.
            for _ in 0..1000 {
                begun.push(Entry::new(place(), &Mark::new()));
            }
        }
        assert!(begun.0.lock().entries.len() <= 2 * SHORT);
        let mut marks = marks.into_iter();
        assert!(begun.pop().unwrap().is_of(marks.next().as_ref()));
        drop(marks.next());
        let third = marks.next();
        let entry = begun.pop().unwrap();
        assert!(entry.is_of(third.as_ref()) && !entry.is_of(None));
        begun.put_back(entry);
        assert!(begun.pop().unwrap().is_of(third.as_ref()));
        drop(marks);
        assert!(begun.pop().is_none());
    }
}
