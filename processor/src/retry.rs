//! How often and when a failed record is tried again.

use std::time::Duration;

/// How often and when a failed record is tried again.
///
/// The delay before attempt n + 1 is `initial` · 2^(n-1), at most `max`, and up to a fifth
/// shorter, at random, so that records that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    attempts: Option<u32>,
    initial: Duration,
    max: Duration,
}

/// What becomes of a record that failed at its last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exhausted {
    /// It goes to the dead-letter topic. The default if there is one.
    DeadLetter,
    /// The processor stops with the record's error; the record is not done. The default without a
    /// dead-letter topic, for it loses nothing.
    Stop,
    /// The record is done without an output.
    Skip,
    /// The record is parked: see [`Failure::Park`](crate::Failure::Park).
    Park,
}

impl RetryPolicy {
    /// Ten attempts, 100 ms after the first and doubling up to 30 s: about 50 seconds in all.
    pub const DEFAULT: Self = Self {
        attempts: Some(10),
        initial: Duration::from_millis(100),
        max: Duration::from_secs(30),
    };

    /// One attempt: no retries.
    pub const NEVER: Self = Self { attempts: Some(1), ..Self::DEFAULT };

    /// At most this many attempts, the first included. 0 is taken as 1.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: Some(attempts.max(1)), ..self }
    }

    /// Any number of attempts. A record that never succeeds holds its partition's position
    /// forever.
    #[must_use]
    pub fn unlimited(self) -> Self {
        Self { attempts: None, ..self }
    }

    /// The delays: the first, and the longest.
    #[must_use]
    pub fn backoff(self, initial: Duration, max: Duration) -> Self {
        Self { initial, max, ..self }
    }

    /// Whether another attempt may follow attempt `number`.
    pub(crate) fn allows_another(&self, number: u32) -> bool {
        self.attempts.is_none_or(|attempts| number < attempts)
    }

    /// How long to wait after attempt `number` failed.
    pub(crate) fn delay(&self, number: u32, rng: &mut fastrand::Rng) -> Duration {
        let doubled = 2u32.saturating_pow(number.saturating_sub(1).min(31));
        let full = self.initial.saturating_mul(doubled).min(self.max);
        full.mul_f64(1.0 - 0.2 * rng.f64())
    }

    /// Whether the delays make sense; if not, the sentence that says why.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        (self.initial > self.max).then_some("its first delay is longer than its longest")
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut rng = fastrand::Rng::with_seed(1);
        let policy = RetryPolicy::DEFAULT;
        for (number, full) in [(1, 100), (2, 200), (5, 1600), (9, 25_600), (10, 30_000)] {
            for _ in 0..100 {
                let delay = policy.delay(number, &mut rng);
                let full = Duration::from_millis(full);
                assert!(delay <= full && delay >= full.mul_f64(0.79), "{number}: {delay:?}");
            }
        }
        assert!(policy.delay(u32::MAX, &mut rng) <= Duration::from_secs(30));
    }

    #[test]
    fn attempts_end() {
        let policy = RetryPolicy::DEFAULT.attempts(3);
        assert!(policy.allows_another(1) && policy.allows_another(2));
        assert!(!policy.allows_another(3));
        assert!(!RetryPolicy::NEVER.allows_another(1));
        assert!(RetryPolicy::DEFAULT.attempts(0).attempts == Some(1));
        assert!(RetryPolicy::DEFAULT.unlimited().allows_another(u32::MAX));
    }
}
