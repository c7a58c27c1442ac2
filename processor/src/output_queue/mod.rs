//! Output in input order: a partition's results leave in the order their records came in.

use std::collections::VecDeque;

/// Results waiting for the results of earlier records, for one partition in one life.
///
/// Records are named by their number, counted from 0 in the order received. What waits here still
/// holds its permit, so the queue is as bounded as the permits are.
#[derive(Debug)]
pub(crate) struct OutputQueue<T> {
    /// The result of record `base + index`, once it is there.
    waiting: VecDeque<Option<T>>,
    base: u64,
}

impl<T> OutputQueue<T> {
    pub(crate) fn new() -> Self {
        Self { waiting: VecDeque::new(), base: 0 }
    }

    /// The result of record `seq` is there. Each record has one result; another is ignored.
    pub(crate) fn complete(&mut self, seq: u64, result: T) {
        let Some(index) = seq.checked_sub(self.base).and_then(|i| usize::try_from(i).ok()) else {
            return;
        };
        if self.waiting.len() <= index {
            self.waiting.resize_with(index + 1, || None);
        }
        if let Some(place @ None) = self.waiting.get_mut(index) {
            *place = Some(result);
        }
    }

    /// The next result in input order, if it is there.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let result = self.waiting.front_mut()?.take()?;
        self.waiting.pop_front();
        self.base += 1;
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_leave_in_input_order() {
        let mut queue = OutputQueue::new();
        queue.complete(2, 'c');
        assert_eq!(queue.pop(), None);
        queue.complete(0, 'a');
        assert_eq!(queue.pop(), Some('a'));
        assert_eq!(queue.pop(), None);
        queue.complete(1, 'b');
        queue.complete(0, 'x');
        assert_eq!(queue.pop(), Some('b'));
        assert_eq!(queue.pop(), Some('c'));
        assert_eq!(queue.pop(), None);
        queue.complete(3, 'd');
        assert_eq!(queue.pop(), Some('d'));
    }

    #[test]
    fn every_arrival_order_leaves_in_order() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..100 {
            let mut arrivals: Vec<u64> = (0..50).collect();
            rng.shuffle(&mut arrivals);
            let mut queue = OutputQueue::new();
            let mut left = Vec::new();
            for seq in arrivals {
                queue.complete(seq, seq);
                left.extend(std::iter::from_fn(|| queue.pop()));
            }
            assert_eq!(left, (0..50).collect::<Vec<_>>());
        }
    }
}
