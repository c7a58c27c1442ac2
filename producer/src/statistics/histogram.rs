//! A distribution in fixed memory: log-linear buckets that threads count into without a lock.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Each power of two is divided in so many buckets of the same width: a value is known to an eighth.
const STEPS: u64 = 8;

/// Values from here on are counted as this: in microseconds twelve days.
const MOST: u64 = 1 << 40;

/// The first powers, up to `STEPS`, have a bucket for each value.
const BUCKETS: usize = 38 * 8 + 1;

/// Counted into once for each batch or request.
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    most: AtomicU64,
}

/// How values are distributed, at the moment it was asked for.
///
/// Memory and precision are fixed: a value is known to an eighth of itself.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    buckets: Vec<u64>,
    count: u64,
    sum: u64,
    most: u64,
}

impl Histogram {
    pub(crate) fn count(&self, value: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(value)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.most.fetch_max(value, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Distribution {
        let buckets: Vec<u64> =
            self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let count = buckets.iter().sum();
        let (sum, most) = (self.sum.load(Ordering::Relaxed), self.most.load(Ordering::Relaxed));
        Distribution { buckets, count, sum, most }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum: AtomicU64::new(0), most: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

impl Distribution {
    /// How many values there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// All values together.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The mean, exact but for rounding; 0 without values.
    #[must_use]
    pub const fn mean(&self) -> u64 {
        match self.sum.checked_div(self.count) {
            Some(mean) => mean,
            None => 0,
        }
    }

    /// The largest value, exact.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.most
    }

    /// A value that `percent` of the values do not exceed: too high by an eighth at most. 0 without
    /// values; `percent` is brought between 0 and 100.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> u64 {
        let percent = if percent.is_nan() { 0.0 } else { percent.clamp(0.0, 100.0) };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count, between zero and the count"
        )]
        let rank = ((percent / 100.0 * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0u64;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                return last_of(bucket).min(self.most);
            }
        }
        self.most
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distribution")
            .field("count", &self.count)
            .field("mean", &self.mean())
            .field("p50", &self.percentile(50.0))
            .field("p99", &self.percentile(99.0))
            .field("max", &self.most)
            .finish()
    }
}

/// The bucket of a value: below `STEPS` one for each, above `STEPS` for each power of two.
fn bucket_of(value: u64) -> usize {
    let value = value.min(MOST);
    let power = value.checked_ilog2().unwrap_or(0).saturating_sub(STEPS.ilog2());
    // The value without the bits that the bucket does not tell: from STEPS to 2 * STEPS, but for
    // the smallest.
    let step = value >> power;
    let bucket = u64::from(power).saturating_mul(STEPS).saturating_add(step);
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The largest value that a bucket counts.
fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let power = (bucket / STEPS).saturating_sub(1);
    let step = bucket.saturating_sub(power.saturating_mul(STEPS));
    (step.saturating_add(1) << power).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_that_is_an_eighth_wide_at_most() {
        let mut random = fastrand::Rng::with_seed(1);
        let values = (0..2000).chain((0..20_000).map(|_| random.u64(..MOST) >> random.u8(0..40)));
        for value in values {
            let bucket = bucket_of(value);
            assert!(bucket < BUCKETS);
            let last = last_of(bucket);
            let first = bucket.checked_sub(1).map_or(0, |before| last_of(before) + 1);
            assert!((first..=last).contains(&value), "{value} not in {first}..={last}");
            assert!((last - first) * STEPS <= value, "{first}..={last} is too wide for {value}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut random = fastrand::Rng::with_seed(2);
        let histogram = Histogram::default();
        let mut values: Vec<u64> = (0..5000).map(|at| random.u64(..2 << (at % 30))).collect();
        values.iter().for_each(|value| histogram.count(*value));
        values.sort_unstable();
        let distribution = histogram.snapshot();
        assert_eq!(distribution.count(), 5000);
        assert_eq!(distribution.sum(), values.iter().sum::<u64>());
        assert_eq!(distribution.max(), *values.last().unwrap());
        for (percent, rank) in [(0.0, 0), (1.0, 49), (50.0, 2499), (99.0, 4949), (100.0, 4999)] {
            let (told, exact) = (distribution.percentile(percent), values[rank]);
            assert!(told >= exact && told <= exact + exact / STEPS + 1, "{told} for {exact}");
        }
        assert_eq!(Histogram::default().snapshot().percentile(99.0), 0);
    }
}
