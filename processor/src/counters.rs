//! What a processor has done and is doing, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What a processor has done: what [`run`](crate::Processor::run) reports at the end.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Report {
            $($(#[$doc])* pub $name: u64,)+
        }

        /// The same, while it grows. Written by the driver alone, so it need not be atomic
        /// together.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($name: AtomicU64,)+
        }

        impl Counters {
            /// The numbers as they are now.
            pub(crate) fn report(&self) -> Report {
                Report { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }

            $(pub(crate) fn $name(&self, more: usize) {
                self.$name.fetch_add(more as u64, Ordering::Relaxed);
            })+
        }
    };
}

counters! {
    /// Records received.
    received,
    /// Records whose handler succeeded and whose outputs, if any, were acknowledged.
    succeeded,
    /// Outputs acknowledged, dead letters not counted.
    emitted,
    /// Records skipped: by their handler, or because their attempts were used up.
    skipped,
    /// Records written to the dead-letter topic.
    dead_lettered,
    /// Attempts that followed a failed one.
    retried,
    /// Attempts that failed: an error, a panic, a request to retry, dead-letter or park.
    failed,
    /// Records parked, each time.
    parked,
    /// Outputs that were not acknowledged in time and were produced again.
    resent,
    /// Times a partition went back to its oldest undone record because an output failed.
    rewinds,
    /// Records received that were not done when their partition left, was rewound, or the
    /// processor ended. Whoever has the partition next receives them again; where their output
    /// had been produced, it is produced twice.
    undone,
    /// Records whose handler could not be stopped, or whose output was not yet acknowledged, when
    /// their partition was handed over: they may have been worked on by two members at once.
    overlaps,
    /// Partitions that stopped at something that cannot be read and were told to go on behind it.
    unreadable,
    /// Partitions lost without having been revoked.
    lost_partitions,
}

/// What a processor is doing now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What it has done so far.
    pub done: Report,
    /// Partitions assigned.
    pub partitions: u64,
    /// Partitions paused because too much of them is outstanding.
    pub paused: u64,
    /// Handlers running.
    pub executing: u64,
    /// Records waiting for a retry, or parked.
    pub waiting: u64,
    /// Records received and not behind their partition's position.
    pub outstanding: u64,
    /// The length of the outstanding records, in bytes.
    pub outstanding_bytes: u64,
    /// How long ago the oldest record arrived that is not done. Brought up to date every second;
    /// zero if there is none.
    pub oldest_undone: Duration,
}

/// The changing part of [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) partitions: Gauge,
    pub(crate) paused: Gauge,
    pub(crate) executing: Gauge,
    pub(crate) waiting: Gauge,
    pub(crate) outstanding: Gauge,
    pub(crate) outstanding_bytes: Gauge,
    pub(crate) oldest_undone_ms: Gauge,
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the driver writes and handles read.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    pub(crate) counters: Counters,
    pub(crate) gauges: Gauges,
}

impl Meters {
    pub(crate) fn stats(&self) -> Stats {
        let gauges = &self.gauges;
        Stats {
            done: self.counters.report(),
            partitions: gauges.partitions.get(),
            paused: gauges.paused.get(),
            executing: gauges.executing.get(),
            waiting: gauges.waiting.get(),
            outstanding: gauges.outstanding.get(),
            outstanding_bytes: gauges.outstanding_bytes.get(),
            oldest_undone: Duration::from_millis(gauges.oldest_undone_ms.get()),
        }
    }
}
