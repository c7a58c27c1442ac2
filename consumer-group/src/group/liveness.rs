//! Whether the application is still there.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Since when the application has given no sign of life.
///
/// It is alive while it waits in a poll, and at every moment it finishes something.
#[derive(Debug)]
pub(crate) struct Liveness {
    origin: Instant,
    /// The last sign, in milliseconds since `origin`.
    last: AtomicU64,
    waiting: AtomicUsize,
}

impl Liveness {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), last: AtomicU64::new(0), waiting: AtomicUsize::new(0) }
    }

    /// A sign of life.
    pub(crate) fn touch(&self) {
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(now, Ordering::Relaxed);
    }

    /// A sign of life that lasts as long as the guard.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.touch();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Whether the application waits in a poll.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// When the silence becomes longer than `limit`; `None` while the application waits.
    pub(crate) fn silent_until(&self, limit: Duration) -> Option<Instant> {
        if self.is_waiting() {
            return None;
        }
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.origin.checked_add(last)?.checked_add(limit)
    }

    /// How long the application has been silent.
    pub(crate) fn silence(&self, now: Instant) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        now.saturating_duration_since(self.origin).saturating_sub(last)
    }
}

/// The application waits in a poll.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a Liveness);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.touch();
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_last_sign() {
        const LIMIT: Duration = Duration::from_secs(10);
        let liveness = Liveness::new();
        let start = Instant::now();
        tokio::time::advance(Duration::from_secs(4)).await;
        liveness.touch();
        assert_eq!(liveness.silent_until(LIMIT), Some(start + Duration::from_secs(14)));
        let waiting = liveness.wait();
        assert_eq!(liveness.silent_until(LIMIT), None);
        tokio::time::advance(Duration::from_secs(60)).await;
        drop(waiting);
        assert_eq!(liveness.silent_until(LIMIT), Some(start + Duration::from_secs(74)));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(liveness.silence(Instant::now()), Duration::from_secs(3));
    }
}
