//! When to ask for metadata. No I/O, no clock.
//!
//! ```text
//!            want                    began               finished
//!   idle ───────────► wanted ───────────────► asking ───────────────► idle
//!     │   max age       ▲  │ not before: backoff          failed │
//!     └─────────────────┘  └──────────────◄─────────────────────┘
//! ```

use std::time::Duration;

use tokio::time::Instant;

use crate::retry::{Backoff, RetryPolicy};

/// Decides when the next refresh begins: soon when somebody wants one, spaced by a backoff while
/// refreshes fail or tell nothing new (KIP-580), and by itself when the last one is too old.
#[derive(Debug)]
pub(super) struct Schedule {
    max_age: Duration,
    spacing: Duration,
    backoff: Backoff,
    wanted: bool,
    /// Somebody wants to know of a topic that was never asked for.
    urgent: bool,
    failing: bool,
    not_before: Option<Instant>,
    refreshed: Option<Instant>,
}

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    Failed,
    /// The answer told nothing new.
    Same,
    Changed,
}

impl Schedule {
    pub(super) fn new(max_age: Duration, policy: RetryPolicy, seed: u64) -> Self {
        Self {
            max_age,
            spacing: policy.initial,
            backoff: Backoff::new(policy, seed),
            wanted: false,
            urgent: false,
            failing: false,
            not_before: None,
            refreshed: None,
        }
    }

    /// A refresh is wanted; `urgent` if it is about something that was never asked for, which does
    /// not wait for the spacing unless the brokers do not answer anyway.
    pub(super) fn want(&mut self, urgent: bool) {
        self.wanted = true;
        self.urgent |= urgent;
    }

    /// When the next refresh is to begin; `None` as long as nobody ever wanted one.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.wanted {
            let spaced = self.not_before.filter(|_| self.failing || !self.urgent);
            return Some(spaced.unwrap_or(now));
        }
        self.refreshed.and_then(|at| at.checked_add(self.max_age))
    }

    pub(super) fn began(&mut self) {
        self.wanted = false;
        self.urgent = false;
    }

    pub(super) fn finished(&mut self, now: Instant, how: Finished) {
        self.failing = how == Finished::Failed;
        let wait = if how == Finished::Changed {
            self.backoff.reset();
            self.spacing
        } else {
            self.backoff.next()
        };
        self.not_before = now.checked_add(wait);
        if self.failing {
            self.wanted = true;
        } else {
            self.refreshed = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Finished, Schedule};
    use crate::retry::RetryPolicy;
    use std::time::Duration;
    use tokio::time::Instant;

    const AGE: Duration = Duration::from_secs(300);

    fn schedule() -> Schedule {
        let policy = RetryPolicy::doubling(Duration::from_millis(100), Duration::from_secs(1));
        Schedule::new(AGE, policy, 1)
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_until_somebody_wants_it_and_then_at_every_age() {
        let (mut schedule, now) = (schedule(), Instant::now());
        assert_eq!(schedule.due(now), None);
        schedule.want(false);
        assert_eq!(schedule.due(now), Some(now));
        schedule.began();
        schedule.finished(now, Finished::Changed);
        assert_eq!(schedule.due(now), Some(now + AGE));
    }

    #[tokio::test(start_paused = true)]
    async fn refreshes_that_tell_nothing_new_are_spaced_more_and_more() {
        let (mut schedule, mut now) = (schedule(), Instant::now());
        let start = now;
        for _ in 0..20 {
            schedule.want(false);
            now = schedule.due(now).unwrap();
            schedule.began();
            schedule.finished(now, Finished::Same);
        }
        assert!(now - start > Duration::from_secs(12), "{:?}", now - start);
        // A topic never asked for does not wait for that.
        schedule.want(true);
        assert_eq!(schedule.due(now), Some(now));
        schedule.began();
        schedule.finished(now, Finished::Changed);
        schedule.want(false);
        assert_eq!(schedule.due(now), Some(now + Duration::from_millis(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_repeated_after_a_backoff_even_if_urgent() {
        let (mut schedule, now) = (schedule(), Instant::now());
        schedule.want(true);
        schedule.began();
        schedule.finished(now, Finished::Failed);
        schedule.want(true);
        let due = schedule.due(now).unwrap();
        assert!(due >= now + Duration::from_millis(80), "{:?}", due - now);
    }
}
