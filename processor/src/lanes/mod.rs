//! Who may run now, and who waits behind whom.
//!
//! A lane is a queue of records of which only the head may run. Records are named by their slot,
//! and the queues are links between slots: entering and leaving a lane allocates nothing once the
//! tables have grown.
//!
//! A lane belongs to a partition and a key, not to an assignment: a record that is still running
//! when its partition is revoked keeps its lane, so that the same key, should the partition come
//! back, waits until the old task is gone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

/// A lane: a partition, and the hash of a key in it.
///
/// Keys are told apart by 64 bits of hash of their bytes; two keys with the same hash share a
/// lane, which delays them and breaks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    /// The partition's number within the processor, the same over all its lives.
    pub(crate) partition: usize,
    /// The hash of the key; `None` for the lane of the whole partition, or of null keys.
    pub(crate) key: Option<u64>,
}

/// All lanes that hold a record.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// The last slot of every lane in use.
    tails: HashMap<Lane, usize, RandomState>,
    /// Who waits directly behind a slot, by slot.
    behind: Vec<Option<usize>>,
}

impl Lanes {
    pub(crate) fn new(state: RandomState) -> Self {
        Self { tails: HashMap::with_hasher(state), behind: Vec::new() }
    }

    /// Queues a slot at the end of a lane; true if it is the head and may run.
    pub(crate) fn enter(&mut self, lane: Lane, slot: usize) -> bool {
        if self.behind.len() <= slot {
            self.behind.resize(slot + 1, None);
        }
        match self.tails.entry(lane) {
            Entry::Vacant(entry) => {
                entry.insert(slot);
                true
            }
            Entry::Occupied(mut entry) => {
                let last = entry.insert(slot);
                if let Some(link) = self.behind.get_mut(last) {
                    *link = Some(slot);
                }
                false
            }
        }
    }

    /// The head of a lane leaves it; returns the next head, which may run now.
    pub(crate) fn leave(&mut self, lane: Lane, head: usize) -> Option<usize> {
        let next = self.behind.get_mut(head).and_then(Option::take);
        if next.is_none() {
            self.tails.remove(&lane);
        }
        next
    }

    /// How many lanes hold a record.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.tails.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn lane(key: u64) -> Lane {
        Lane { partition: 0, key: Some(key) }
    }

    #[test]
    fn one_lane_runs_one_at_a_time_in_order() {
        let mut lanes = Lanes::new(RandomState::default());
        assert!(lanes.enter(lane(1), 10));
        assert!(!lanes.enter(lane(1), 4));
        assert!(!lanes.enter(lane(1), 7));
        assert_eq!(lanes.leave(lane(1), 10), Some(4));
        assert!(!lanes.enter(lane(1), 10));
        assert_eq!(lanes.leave(lane(1), 4), Some(7));
        assert_eq!(lanes.leave(lane(1), 7), Some(10));
        assert_eq!(lanes.leave(lane(1), 10), None);
        assert_eq!(lanes.len(), 0);
        assert!(lanes.enter(lane(1), 3));
    }

    #[test]
    fn lanes_of_other_keys_and_partitions_are_free() {
        let mut lanes = Lanes::new(RandomState::default());
        assert!(lanes.enter(lane(1), 0));
        assert!(lanes.enter(lane(2), 1));
        assert!(lanes.enter(Lane { partition: 1, key: Some(1) }, 2));
        assert!(lanes.enter(Lane { partition: 0, key: None }, 3));
        assert_eq!(lanes.len(), 4);
    }

    proptest! {
        /// Against a queue per key: every head leaves at a random time.
        #[test]
        fn agrees_with_queues(steps in prop::collection::vec((any::<bool>(), 0..6u64), 1..300)) {
            let mut lanes = Lanes::new(RandomState::default());
            let mut queues: HashMap<u64, VecDeque<usize>> = HashMap::new();
            let mut free: Vec<usize> = (0..300).rev().collect();
            for (enter, key) in steps {
                let queue = queues.entry(key).or_default();
                if enter {
                    let slot = free.pop().unwrap();
                    prop_assert_eq!(lanes.enter(lane(key), slot), queue.is_empty());
                    queue.push_back(slot);
                } else if let Some(head) = queue.pop_front() {
                    prop_assert_eq!(lanes.leave(lane(key), head), queue.front().copied());
                    free.push(head);
                }
                prop_assert_eq!(lanes.len(), queues.values().filter(|q| !q.is_empty()).count());
            }
        }
    }
}
