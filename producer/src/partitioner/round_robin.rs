use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many records to one partition, then as many to the next.
#[derive(Debug)]
pub(super) struct RoundRobin {
    records: usize,
    /// Records so far, from a random start: many producers do not all begin with the same partition.
    sent: AtomicUsize,
}

impl RoundRobin {
    pub(super) fn new(records: NonZeroU32, seed: u64) -> Self {
        let records = records.get() as usize;
        // Far from where it would overflow, and at the beginning of a turn.
        let start = ((seed >> 40) as usize).saturating_mul(records);
        Self { records, sent: AtomicUsize::new(start) }
    }

    /// One of the partitions to choose among.
    #[inline]
    pub(super) fn pick(&self, among: &[u32]) -> Option<u32> {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        let turn = sent.checked_div(self.records)?.checked_rem(among.len())?;
        among.get(turn).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(records: u32, seed: u64, among: &[u32], times: usize) -> Vec<u32> {
        let robin = RoundRobin::new(NonZeroU32::new(records).unwrap(), seed);
        (0..times).map(|_| robin.pick(among).unwrap()).collect()
    }

    #[test]
    fn goes_on_after_so_many_records() {
        assert_eq!(picked(1, 0, &[0, 1, 2], 7), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(picked(3, 0, &[4, 7], 8), [4, 4, 4, 7, 7, 7, 4, 4]);
        assert_eq!(RoundRobin::new(NonZeroU32::MIN, 0).pick(&[]), None);
    }

    #[test]
    fn begins_anywhere() {
        let among: Vec<u32> = (0..12).collect();
        let first: std::collections::BTreeSet<u32> =
            (1..100).map(|seed: u64| picked(5, seed << 40, &among, 1)[0]).collect();
        assert_eq!(first.len(), 12);
    }
}
