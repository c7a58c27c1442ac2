//! Something countable, divided among partitions.

/// A number of equal things, of which half is guaranteed to partitions in equal parts and half is
/// common.
///
/// Who holds more than its part takes the rest from the common half, but no more than a multiple
/// of what stays free there (a dynamic threshold, as switches divide their packet buffers):
///
/// ```text
///   partitions that want all they can get     1     2     5    10
///   of the common half, each gets up to      80%   44%   19%   10%
/// ```
#[derive(Debug)]
pub(super) struct Pool {
    limit: usize,
    part: usize,
    held: usize,
    /// How much of the common half is taken.
    common: usize,
}

/// A partition may hold this many times what is free of the common half: the higher, the better a
/// single partition uses it, and the less is kept for others.
const GREED: usize = 4;

impl Pool {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, part: limit / 2, held: 0, common: 0 }
    }

    /// Divides the guaranteed half anew, given what each partition holds.
    pub(super) fn divide(&mut self, partitions: usize, held: impl Iterator<Item = usize>) {
        self.part = self.limit / 2 / partitions.max(1);
        self.common = held.map(|held| held.saturating_sub(self.part)).sum();
    }

    pub(super) fn take(&mut self, held: &mut usize, more: usize) {
        self.common -= held.saturating_sub(self.part);
        self.held += more;
        *held += more;
        self.common += held.saturating_sub(self.part);
    }

    pub(super) fn release(&mut self, held: &mut usize, less: usize) {
        let less = less.min(*held);
        self.common -= held.saturating_sub(self.part);
        self.held -= less;
        *held -= less;
        self.common += held.saturating_sub(self.part);
    }

    /// Whether a partition that holds this must be paused.
    pub(super) fn is_full(&self, held: usize) -> bool {
        let over = held.saturating_sub(self.part);
        over > 0 && over > self.allowance()
    }

    /// Whether a partition that was paused and holds this may go on: at half of where it is
    /// paused, so that the two do not alternate.
    pub(super) fn is_low(&self, held: usize) -> bool {
        let over = held.saturating_sub(self.part);
        let allowance = self.allowance();
        held.saturating_mul(2) <= self.part
            || (allowance > 0 && over.saturating_mul(2) <= allowance)
    }

    pub(super) fn free(&self) -> usize {
        self.limit.saturating_sub(self.held)
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    fn allowance(&self) -> usize {
        let common = self.limit - self.limit / 2;
        common.saturating_sub(self.common).saturating_mul(GREED)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Take(usize, usize),
        Release(usize, usize),
        Divide(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..8usize, 0..40usize).prop_map(|(who, count)| Step::Take(who, count)),
            4 => (0..8usize, 0..60usize).prop_map(|(who, count)| Step::Release(who, count)),
            1 => (0..20usize).prop_map(Step::Divide),
        ]
    }

    proptest! {
        /// What is taken of the common half is always what partitions hold beyond their parts,
        /// and whoever keeps to its part is never stopped.
        #[test]
        fn the_common_half_adds_up(steps in prop::collection::vec(step(), 1..200)) {
            let mut pool = Pool::new(200);
            let mut held = [0usize; 8];
            for step in steps {
                match step {
                    Step::Take(who, count) => pool.take(&mut held[who], count),
                    Step::Release(who, count) => pool.release(&mut held[who], count),
                    Step::Divide(partitions) => pool.divide(partitions, held.iter().copied()),
                }
                let common: usize = held.iter().map(|held| held.saturating_sub(pool.part)).sum();
                prop_assert_eq!(pool.common, common);
                prop_assert_eq!(pool.held(), held.iter().sum::<usize>());
                prop_assert!(!pool.is_full(pool.part));
                prop_assert!(pool.is_low(0));
                // Whoever may go on is not stopped again at once.
                for held in held {
                    prop_assert!(!pool.is_low(held) || !pool.is_full(held));
                }
            }
        }
    }
}
