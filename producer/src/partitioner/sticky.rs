use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Sends records without a key to one partition until enough bytes went there, then to another,
/// chosen at random (KIP-480, KIP-794): full batches, and an even spread over time.
#[derive(Debug)]
pub(crate) struct Sticky {
    current: AtomicUsize,
    bytes: AtomicUsize,
    random: Mutex<fastrand::Rng>,
}

/// Bytes to one partition before the next. Java's is its batch size, 16 KiB; a batch of ours grows
/// by chunks of 64 KiB, and a change before one is full would cost memory for nothing.
const STAY: usize = 64 << 10;

/// What a record without value weighs, so that tombstones and empty records move on too.
const OVERHEAD: usize = 16;

impl Sticky {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let current = random.usize(..);
        Self {
            current: AtomicUsize::new(current),
            bytes: AtomicUsize::new(0),
            random: Mutex::new(random),
        }
    }

    /// An index below `count` for a record of `size` bytes; zero if `count` is.
    #[inline]
    pub(crate) fn pick(&self, size: usize, count: usize) -> usize {
        let weight = size.saturating_add(OVERHEAD);
        if self.bytes.fetch_add(weight, Ordering::Relaxed) >= STAY {
            self.move_on(count);
        }
        self.current.load(Ordering::Relaxed).checked_rem(count).unwrap_or(0)
    }

    #[cold]
    fn move_on(&self, count: usize) {
        let mut random = self.random.lock();
        // Another sender may have moved on while this one waited for the lock.
        if self.bytes.load(Ordering::Relaxed) < STAY {
            return;
        }
        let current = self.current.load(Ordering::Relaxed).checked_rem(count).unwrap_or(0);
        // One of the others: a partition that follows itself gets twice the bytes in a row.
        let others = count.saturating_sub(1).max(1);
        let next = current.saturating_add(1).saturating_add(random.usize(..others));
        self.current.store(next.checked_rem(count).unwrap_or(0), Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_and_then_moves_and_spreads_evenly() {
        let sticky = Sticky::new(7);
        let mut bytes = [0usize; 6];
        let (mut previous, mut stayed) = (sticky.pick(0, 6), 0);
        for _ in 0..600_000 {
            let partition = sticky.pick(100, 6);
            bytes[partition] += 100;
            if partition == previous {
                stayed += 1;
            } else {
                assert!(stayed >= 500, "moved on after {stayed} records");
                (previous, stayed) = (partition, 0);
            }
        }
        let mean = bytes.iter().sum::<usize>() / 6;
        assert!(bytes.iter().all(|&b| b > mean / 2 && b < mean * 3 / 2), "{bytes:?}");
    }

    #[test]
    fn one_partition_or_none() {
        let sticky = Sticky::new(1);
        for _ in 0..2000 {
            assert_eq!(sticky.pick(1000, 1), 0);
            assert_eq!(sticky.pick(1000, 0), 0);
        }
    }
}
