//! The broker's idea of time.

use std::time::{Duration, Instant};

/// Tokio's clock, and a wall clock that follows it from a fixed start, so that nothing depends on
/// when a test runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    /// Milliseconds since the epoch at the start.
    base: i64,
}

impl Clock {
    pub(crate) fn new(base: i64) -> Self {
        Self { started: tokio::time::Instant::now().into_std(), base }
    }

    /// Tokio's clock: stands still while it is paused.
    pub(crate) fn now(self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// Milliseconds since the epoch, as the broker stamps batches.
    pub(crate) fn millis(self) -> i64 {
        let passed = self.now().saturating_duration_since(self.started);
        self.base.saturating_add(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Milliseconds of a request as a duration; negative ones are none.
pub(crate) fn millis(value: i32) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or_default())
}
