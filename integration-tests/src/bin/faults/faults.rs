//! Everything that is broken on purpose has a number and is written down.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use ottla_integration_tests::history::{Journal, Occurrence};

/// Numbers faults.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    journal: Journal,
    count: Arc<AtomicU32>,
}

impl Faults {
    pub(crate) fn new(journal: Journal) -> Self {
        Self { journal, count: Arc::default() }
    }

    /// Writes down that one begins; it has this number.
    pub(crate) fn begin(&self, kind: &str, target: String) -> u32 {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let kind = kind.to_owned();
        self.journal.note(Occurrence::FaultBegan { number, kind, target });
        number
    }

    /// Writes down that it was mended.
    pub(crate) fn end(&self, number: u32) {
        self.journal.note(Occurrence::FaultEnded { number });
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }
}
