//! What all parts of the workload have in common.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use ottla::{BoxError, Client};
use ottla_integration_tests::history::{Journal, Occurrence};

use crate::{faults::Faults, wire::Wire};

/// Shared by producers, readers and copiers.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) wire: Wire,
    bootstrap: Arc<str>,
    counters: Arc<Counters>,
}

/// Numbers that nobody else has, and what a person wants to see while it runs.
#[derive(Debug, Default)]
struct Counters {
    streams: AtomicU32,
    members: AtomicU32,
    tickets: AtomicU64,
    written: AtomicU64,
    not_written: AtomicU64,
    unknown: AtomicU64,
    handed: AtomicU64,
    copied: AtomicU64,
    is_calm: AtomicBool,
}

impl World {
    pub(crate) fn new(journal: Journal, bootstrap: &str) -> Self {
        let faults = Faults::new(journal.clone());
        let wire = Wire::new(faults.clone());
        Self { journal, faults, wire, bootstrap: bootstrap.into(), counters: Arc::default() }
    }

    /// A client whose connections go through the wire.
    pub(crate) fn client(&self, seed: u64) -> Result<Client, BoxError> {
        let client = Client::builder()
            .bootstrap(self.bootstrap.split(','))
            .client_id("faults")
            // Quicker than the defaults, so that ten seconds of silence mean something.
            .request_timeout(Duration::from_secs(5))
            .connection_setup_timeout(Duration::from_secs(3), Duration::from_secs(6))
            .connector(self.wire.connector())
            .seed(seed)
            .build()?;
        Ok(client)
    }

    pub(crate) fn note(&self, what: Occurrence) {
        self.journal.note(what);
    }

    /// From now on nothing goes wrong, and nobody dawdles.
    pub(crate) fn calm_down(&self) {
        self.counters.is_calm.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.counters.is_calm.load(Ordering::Relaxed)
    }

    pub(crate) fn stream(&self) -> u32 {
        self.counters.streams.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn member(&self) -> u32 {
        self.counters.members.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn ticket(&self) -> u64 {
        self.counters.tickets.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn count(&self, what: Count) {
        let counters = &self.counters;
        let counter = match what {
            Count::Written => &counters.written,
            Count::NotWritten => &counters.not_written,
            Count::Unknown => &counters.unknown,
            Count::Handed => &counters.handed,
            Count::Copied => &counters.copied,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn progress(&self) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        format!(
            "written {}, not written {}, unknown {}; read {}; copied {}; {} faults",
            read(&counters.written),
            read(&counters.not_written),
            read(&counters.unknown),
            read(&counters.handed),
            read(&counters.copied),
            self.faults.count(),
        )
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Written,
    NotWritten,
    Unknown,
    Handed,
    Copied,
}

/// Partitions of each topic.
pub(crate) const PARTITIONS: i32 = 6;

/// Different keys; each has its partition.
pub(crate) const KEYS: u32 = 60;
