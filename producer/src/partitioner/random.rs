use std::sync::atomic::{AtomicU64, Ordering};

/// Random numbers that many threads may draw without a lock (SplitMix64): the same seed gives the
/// same numbers.
#[derive(Debug)]
pub(super) struct Random(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `end`; zero if `end` is.
    pub(super) fn below(&self, end: usize) -> usize {
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The bias of the remainder is one in 2^32 for as many partitions as there can be.
        let drawn = (mixed ^ (mixed >> 31)).checked_rem(end as u64).unwrap_or(0);
        usize::try_from(drawn).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_evenly_and_the_same_again_from_the_same_seed() {
        let (random, again) = (Random::new(5), Random::new(5));
        let mut drawn = [0u32; 7];
        for _ in 0..70_000 {
            let number = random.below(7);
            drawn[number] += 1;
            assert_eq!(number, again.below(7));
        }
        assert!(drawn.iter().all(|&times| (9_500..10_500).contains(&times)), "{drawn:?}");
        assert_eq!((random.below(1), random.below(0)), (0, 0));
    }
}
