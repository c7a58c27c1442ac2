//! What the driver knows of a partition.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use ottla_client::TopicPartition;
use tokio::time::Instant;

use super::emission::Resolved;
use crate::output_queue::OutputQueue;
use crate::source::{Epoch, Mark};
use crate::tracker::{Life, Tracker};

/// A partition that is or was assigned. Never forgotten: lanes are named by its index.
#[derive(Debug)]
pub(super) struct Partition<M> {
    pub(super) at: TopicPartition,
    /// The current assignment.
    pub(super) assignment: Option<Epoch>,
    /// The newest assignment that has ended.
    pub(super) ended: Option<Epoch>,
    pub(super) tracker: Tracker<M>,
    pub(super) outputs: OutputQueue<Resolved>,
    /// Records in slots that still count.
    pub(super) live: usize,
    /// Handlers still running for a life that has ended.
    pub(super) zombies: usize,
    /// One past the highest number of a record that was started in this life.
    pub(super) started: u64,
    pub(super) drain: Option<Drain>,
    /// Waits before it reads again after an output failed.
    pub(super) rewinding: bool,
    /// Rewinds since a record was done.
    pub(super) rewinds: u32,
    /// The position may have changed since it was marked.
    pub(super) dirty: bool,
}

/// A partition takes nothing in and finishes what has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// When what is left is given up.
    pub(super) deadline: Instant,
    /// Records from this number on are not started: either none of them had been, or an earlier
    /// one will not be done, so that finishing them would not move the position.
    pub(super) keep_below: u64,
}

/// All partitions, by index and by name.
#[derive(Debug)]
pub(super) struct Partitions<M> {
    all: Vec<Partition<M>>,
    by_name: HashMap<TopicPartition, usize, RandomState>,
    lives: u64,
    /// Those with an assignment.
    assigned: usize,
}

impl<M: Mark> Partitions<M> {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), by_name: HashMap::default(), lives: 0, assigned: 0 }
    }

    /// The index of a partition, which is new if it was not known.
    pub(super) fn index(&mut self, at: &TopicPartition) -> usize {
        if let Some(&index) = self.by_name.get(at) {
            return index;
        }
        let index = self.all.len();
        let tracker = Tracker::new(self.new_life());
        self.by_name.insert(at.clone(), index);
        self.all.push(Partition {
            at: at.clone(),
            assignment: None,
            ended: None,
            tracker,
            outputs: OutputQueue::new(),
            live: 0,
            zombies: 0,
            started: 0,
            drain: None,
            rewinding: false,
            rewinds: 0,
            dirty: false,
        });
        index
    }

    #[expect(clippy::indexing_slicing, reason = "invariant: indexes come from `index`")]
    pub(super) fn get(&mut self, index: usize) -> &mut Partition<M> {
        &mut self.all[index]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Partition<M>)> {
        self.all.iter().enumerate()
    }

    pub(super) fn assigned(&self) -> usize {
        self.assigned
    }

    /// An assignment begins.
    pub(super) fn assign(&mut self, index: usize, epoch: Epoch) {
        self.unassign(index);
        self.assigned += 1;
        self.get(index).assignment = Some(epoch);
    }

    /// An assignment ends.
    pub(super) fn unassign(&mut self, index: usize) {
        let partition = self.get(index);
        if let Some(epoch) = partition.assignment.take() {
            partition.ended = partition.ended.max(Some(epoch));
            partition.drain = None;
            partition.rewinding = false;
            partition.rewinds = 0;
            self.assigned -= 1;
        }
    }

    /// A new life begins: what was received in the one before is forgotten.
    pub(super) fn renew(&mut self, index: usize) {
        let tracker = Tracker::new(self.new_life());
        let partition = self.get(index);
        partition.tracker = tracker;
        partition.outputs = OutputQueue::new();
        partition.started = 0;
        partition.dirty = false;
    }

    fn new_life(&mut self) -> Life {
        self.lives += 1;
        Life(self.lives)
    }
}
