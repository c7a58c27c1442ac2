//! A backoff that ends at a deadline.

use tokio::time::Instant;

use super::{Backoff, RetryPolicy};

/// Paces the attempts at one operation and ends them at its total deadline.
#[derive(Debug)]
pub struct Retry {
    backoff: Backoff,
    deadline: Instant,
}

impl Retry {
    /// Attempts until `deadline`; the same seed gives the same waits.
    #[must_use]
    pub fn until(deadline: Instant, policy: RetryPolicy, seed: u64) -> Self {
        Self { backoff: Backoff::new(policy, seed), deadline }
    }

    /// After an attempt that failed at `now`: when to try again, or `None` if there is no time
    /// left for it.
    pub fn next(&mut self, now: Instant) -> Option<Instant> {
        let at = now.checked_add(self.backoff.next())?;
        (at < self.deadline).then_some(at)
    }

    /// After a failed attempt: sleeps until the next one is due. `false`, at once, if there is no
    /// time left for one. Cancel safe, though each call counts a failure.
    pub async fn wait(&mut self) -> bool {
        match self.next(Instant::now()) {
            Some(at) => {
                tokio::time::sleep_until(at).await;
                true
            }
            None => false,
        }
    }

    /// When the operation has to be over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Attempts that failed so far.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.backoff.failures()
    }
}

#[cfg(test)]
mod tests {
    use super::Retry;
    use crate::retry::RetryPolicy;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn attempts_end_before_the_deadline() {
        let start = Instant::now();
        let policy = RetryPolicy::doubling(Duration::from_millis(100), Duration::from_secs(1));
        let mut retry = Retry::until(start + Duration::from_secs(5), policy, 3);
        let mut attempts = 0;
        while retry.wait().await {
            attempts += 1;
        }
        assert!((5..=10).contains(&attempts), "{attempts}");
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(start.elapsed() >= Duration::from_secs(3));
    }
}
