//! How long to wait after the n-th failure in a row (KIP-580).

use std::time::Duration;

/// The shape of an exponential backoff.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The wait after the first failure.
    pub initial: Duration,
    /// The longest wait, jitter included.
    pub max: Duration,
    /// What each further failure multiplies the wait by; at least 1.
    pub multiplier: f64,
    /// How far a wait may lie from its middle, as a part of it: 0 to 1.
    pub jitter: f64,
}

impl RetryPolicy {
    /// Doubling waits with 20 % of jitter, as Kafka's own clients have them.
    #[must_use]
    pub const fn doubling(initial: Duration, max: Duration) -> Self {
        Self { initial, max, multiplier: 2.0, jitter: 0.2 }
    }

    /// The wait after `failures` failures in a row, for a `random` in 0..1.
    pub fn wait(&self, failures: u32, random: f64) -> Duration {
        let max = self.max.as_secs_f64();
        // More failures than this no longer change a wait of nanoseconds into one of centuries.
        let exponent = i32::try_from(failures.saturating_sub(1).min(128)).unwrap_or(128);
        let middle =
            (self.initial.as_secs_f64() * self.multiplier.max(1.0).powi(exponent)).min(max);
        let spread = self.jitter.clamp(0.0, 1.0) * (random * 2.0 - 1.0);
        let wait = middle * (1.0 + spread);
        // What would lie above the limit is mirrored below it: cutting it off would make half of
        // all clients wait for exactly the same time, and come back together.
        let wait = if wait > max { 2.0 * max - wait } else { wait };
        Duration::try_from_secs_f64(wait).unwrap_or(self.max)
    }
}

/// Counts failures in a row and says how long to wait after each. Knows no clock.
#[derive(Debug)]
pub struct Backoff {
    policy: RetryPolicy,
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// A backoff without failures; the same seed gives the same waits.
    #[must_use]
    pub fn new(policy: RetryPolicy, seed: u64) -> Self {
        Self { policy, failures: 0, random: fastrand::Rng::with_seed(seed) }
    }

    /// Counts a failure; how long to wait after it.
    #[expect(
        clippy::should_implement_trait,
        reason = "every call counts a failure: nothing to iterate over"
    )]
    pub fn next(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.policy.wait(self.failures, self.random.f64())
    }

    /// Forgets the failures: it worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, RetryPolicy};
    use std::time::Duration;

    const POLICY: RetryPolicy =
        RetryPolicy::doubling(Duration::from_millis(100), Duration::from_secs(1));

    #[test]
    fn waits_double_up_to_the_limit_and_vary() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(POLICY, seed);
            for middle in [100.0, 200.0, 400.0, 800.0] {
                let wait = backoff.next().as_secs_f64() * 1000.0;
                assert!((middle * 0.8..=middle * 1.2).contains(&wait), "{wait} around {middle}");
            }
            for _ in 0..500 {
                let wait = backoff.next();
                assert!(wait >= Duration::from_millis(800) && wait <= POLICY.max, "{wait:?}");
            }
        }
    }

    #[test]
    fn clients_at_the_limit_do_not_come_back_together() {
        let mut waits: Vec<_> =
            (0..100).map(|seed| POLICY.wait(30, fastrand::Rng::with_seed(seed).f64())).collect();
        waits.sort();
        waits.dedup();
        assert!(waits.len() > 90, "only {} different waits", waits.len());
    }

    #[test]
    fn success_starts_over_and_the_same_seed_repeats() {
        let (mut a, mut b) = (Backoff::new(POLICY, 7), Backoff::new(POLICY, 7));
        let waits: Vec<_> = (0..10).map(|_| a.next()).collect();
        assert_eq!(waits, (0..10).map(|_| b.next()).collect::<Vec<_>>());
        a.reset();
        assert!(a.next() <= Duration::from_millis(120));
    }

    #[test]
    fn extremes_do_not_overflow() {
        let wild = RetryPolicy {
            initial: Duration::MAX,
            max: Duration::MAX,
            multiplier: 1e300,
            jitter: 9.0,
        };
        let mut backoff = Backoff::new(wild, 1);
        for _ in 0..300 {
            let _ = backoff.next();
        }
        let none = RetryPolicy::doubling(Duration::ZERO, Duration::ZERO);
        assert_eq!(Backoff::new(none, 1).next(), Duration::ZERO);
    }
}
