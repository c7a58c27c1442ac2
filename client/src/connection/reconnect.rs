//! When a broker may be tried again, and with how much patience.

use std::time::Duration;

use tokio::time::Instant;

use crate::retry::{Backoff, RetryPolicy};

/// What is remembered of a broker's failures in a row (KIP-144, KIP-601). No I/O, no clock.
///
/// Several lanes may be opening connections to the broker at once; failures of attempts that ran
/// at the same time count as one.
#[derive(Debug)]
pub(super) struct Reconnect {
    backoff: Backoff,
    setup: RetryPolicy,
    not_before: Option<Instant>,
    failed_at: Option<Instant>,
}

impl Reconnect {
    /// `setup` gives the time an attempt may take after each failure in a row.
    pub(super) fn new(policy: RetryPolicy, setup: RetryPolicy, seed: u64) -> Self {
        Self { backoff: Backoff::new(policy, seed), setup, not_before: None, failed_at: None }
    }

    /// When the next attempt may begin, if not at once.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// How long the next attempt may take.
    pub(super) fn patience(&self) -> Duration {
        let doublings = self.backoff.failures().min(16);
        self.setup.initial.saturating_mul(1 << doublings).min(self.setup.max)
    }

    /// An attempt that began at `began` failed at `now`.
    pub(super) fn failed(&mut self, began: Instant, now: Instant) {
        if self.failed_at.is_some_and(|at| at >= began) {
            return;
        }
        self.failed_at = Some(now);
        self.not_before = now.checked_add(self.backoff.next());
    }

    pub(super) fn succeeded(&mut self) {
        self.backoff.reset();
        self.not_before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::Reconnect;
    use crate::retry::RetryPolicy;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn waits_grow_with_each_failure_and_so_does_patience() {
        let policy = RetryPolicy::doubling(Duration::from_millis(50), Duration::from_secs(1));
        let setup = RetryPolicy::doubling(Duration::from_secs(10), Duration::from_secs(30));
        let mut reconnect = Reconnect::new(policy, setup, 1);
        let mut now = Instant::now();
        assert_eq!(reconnect.not_before(), None);
        let mut earlier = Duration::ZERO;
        for patience in [10, 20, 30, 30] {
            assert_eq!(reconnect.patience(), Duration::from_secs(patience));
            let began = now;
            now += Duration::from_millis(1);
            reconnect.failed(began, now);
            let wait = reconnect.not_before().unwrap() - now;
            assert!(wait > earlier, "{wait:?} after {earlier:?}");
            // A second lane's attempt, begun at the same time, fails as well.
            reconnect.failed(began, now + Duration::from_millis(1));
            assert_eq!(reconnect.not_before().unwrap() - now, wait);
            earlier = wait;
            now += wait;
        }
        reconnect.succeeded();
        assert_eq!((reconnect.not_before(), reconnect.patience()), (None, Duration::from_secs(10)));
    }
}
