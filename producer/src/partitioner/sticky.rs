use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Sends records without a key to one partition until enough bytes went there, then to another,
/// chosen at random (KIP-480, KIP-794): full batches, and an even spread over time.
#[derive(Debug)]
pub(crate) struct Sticky {
    current: AtomicU32,
    /// What has gone to it.
    bytes: AtomicUsize,
    choice: Mutex<Choice>,
}

#[derive(Debug)]
struct Choice {
    random: fastrand::Rng,
    /// The partitions to choose from: those that have a leader or, if none has, all.
    among: Vec<u32>,
}

/// Bytes to one partition before the next. Java's is its batch size, 16 KiB; a batch of ours grows
/// by chunks of 64 KiB, and a change before one is full would cost memory for nothing.
const STAY: usize = 64 << 10;

/// What a record without value weighs, so that tombstones and empty records move on too.
const OVERHEAD: usize = 16;

impl Sticky {
    pub(crate) fn new(seed: u64) -> Self {
        let choice = Choice { random: fastrand::Rng::with_seed(seed), among: Vec::new() };
        Self { current: AtomicU32::new(0), bytes: AtomicUsize::new(0), choice: Mutex::new(choice) }
    }

    /// The partition for a record of `size` bytes.
    #[inline]
    pub(crate) fn pick(&self, size: usize) -> u32 {
        let weight = size.saturating_add(OVERHEAD);
        // Not in one step, which would cost more than all the rest here: of two senders at the same
        // moment one may go uncounted, and the stay becomes a little longer.
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.bytes.store(bytes.wrapping_add(weight), Ordering::Relaxed);
        if bytes >= STAY {
            self.stayed();
        }
        self.current()
    }

    #[inline]
    fn current(&self) -> u32 {
        self.current.load(Ordering::Relaxed)
    }

    #[cold]
    fn stayed(&self) {
        let mut choice = self.choice.lock();
        // Another sender may have moved on while this one waited for the lock.
        if self.bytes.load(Ordering::Relaxed) >= STAY {
            self.move_on(&mut choice);
        }
    }

    /// Chooses among these from now on.
    pub(crate) fn choose_among(&self, among: Vec<u32>) {
        let mut choice = self.choice.lock();
        let first = choice.among.is_empty();
        choice.among = among;
        if first || !choice.among.contains(&self.current()) {
            self.move_on(&mut choice);
        }
    }

    /// Goes to one of the others: a partition that follows itself gets twice the bytes in a row.
    fn move_on(&self, choice: &mut Choice) {
        self.bytes.store(0, Ordering::Relaxed);
        let present = choice.among.iter().position(|&other| other == self.current());
        let others = choice.among.len().saturating_sub(usize::from(present.is_some()));
        if others == 0 {
            return;
        }
        let drawn = choice.random.usize(..others);
        let skip = usize::from(present.is_some_and(|present| drawn >= present));
        if let Some(&next) = choice.among.get(drawn.saturating_add(skip)) {
            self.current.store(next, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_and_then_moves_and_spreads_evenly() {
        let sticky = Sticky::new(7);
        sticky.choose_among((0..6).collect());
        let mut bytes = [0usize; 6];
        let (mut previous, mut stayed) = (sticky.pick(0), 0);
        for _ in 0..600_000 {
            let partition = sticky.pick(100);
            bytes[partition as usize] += 100;
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
    fn leaves_a_partition_that_lost_its_leader_and_goes_to_no_other_such() {
        let sticky = Sticky::new(1);
        sticky.choose_among((0..4).collect());
        for lost in 0..4 {
            sticky.choose_among((0..4).filter(|&partition| partition != lost).collect());
            assert!((0..100).all(|_| sticky.pick(STAY) != lost));
        }
    }

    #[test]
    fn one_partition_or_none() {
        let sticky = Sticky::new(1);
        assert!((0..10).all(|_| sticky.pick(STAY) == 0));
        sticky.choose_among(vec![3]);
        assert!((0..10).all(|_| sticky.pick(STAY) == 3));
    }
}
