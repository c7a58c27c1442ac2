//! How much work may be taken in, and how much of it may run.
//!
//! A record holds a permit from the moment it is received until its partition's position has
//! moved over it: while it waits for its lane, executes, waits for a retry, waits for the
//! acknowledgement of its output, and while it is done but an earlier record is not. Bytes are
//! those of the batches that unfinished records keep in memory.
//!
//! Half of everything is guaranteed to the assigned partitions in equal parts, the other half goes
//! to whoever wants it: a partition may hold a multiple of what is still free of it, and is paused
//! beyond that. So a partition alone can use nine tenths, and however many partitions are stuck
//! behind failing records, every other one has its part.

mod pool;

use self::pool::Pool;

/// The bounds of a [`Ledger`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Handlers running at the same time.
    pub(crate) concurrency: usize,
    /// Records received and not behind their partition's position.
    pub(crate) outstanding: usize,
    /// Bytes of the batches that records keep in memory.
    pub(crate) bytes: usize,
    /// Records waiting for a retry, or parked: beyond this many, partitions with such records
    /// take in no more.
    pub(crate) retrying: usize,
}

/// Who holds what.
#[derive(Debug)]
pub(crate) struct Ledger {
    limits: Limits,
    records: Pool,
    bytes: Pool,
    waiting: usize,
    executing: usize,
    executing_again: usize,
    shares: Vec<Share>,
    /// Partitions now paused.
    paused: Vec<usize>,
    /// Records released since paused partitions were last looked at.
    released: usize,
}

#[derive(Debug, Default)]
struct Share {
    records: usize,
    bytes: usize,
    waiting: usize,
    paused: bool,
}

impl Ledger {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            records: Pool::new(limits.outstanding),
            bytes: Pool::new(limits.bytes),
            waiting: 0,
            executing: 0,
            executing_again: 0,
            shares: Vec::new(),
            paused: Vec::new(),
            released: 0,
        }
    }

    /// This many partitions are assigned.
    pub(crate) fn set_partitions(&mut self, partitions: usize) {
        self.records.divide(partitions, self.shares.iter().map(|share| share.records));
        self.bytes.divide(partitions, self.shares.iter().map(|share| share.bytes));
    }

    /// Records and bytes arrive. True if the partition must be paused now.
    pub(crate) fn take(&mut self, partition: usize, records: usize, bytes: usize) -> bool {
        let share = share(&mut self.shares, partition);
        self.records.take(&mut share.records, records);
        self.bytes.take(&mut share.bytes, bytes);
        let full = self.records.is_full(share.records)
            || self.bytes.is_full(share.bytes)
            || (share.waiting > 0 && self.waiting >= self.limits.retrying);
        let pause = full && !share.paused;
        if pause {
            share.paused = true;
            self.paused.push(partition);
        }
        pause
    }

    /// The position moved over `records` records, or they were dropped.
    pub(crate) fn release(&mut self, partition: usize, records: usize) {
        self.released += records;
        let share = share(&mut self.shares, partition);
        self.records.release(&mut share.records, records);
    }

    /// A record let go of its batch.
    pub(crate) fn release_bytes(&mut self, partition: usize, bytes: usize) {
        self.released += 1;
        let share = share(&mut self.shares, partition);
        self.bytes.release(&mut share.bytes, bytes);
    }

    /// A record begins to wait for a retry.
    pub(crate) fn wait(&mut self, partition: usize) {
        self.waiting += 1;
        share(&mut self.shares, partition).waiting += 1;
    }

    /// A record no longer waits for a retry.
    pub(crate) fn wake(&mut self, partition: usize) {
        self.waiting = self.waiting.saturating_sub(1);
        self.released += 1;
        let share = share(&mut self.shares, partition);
        share.waiting = share.waiting.saturating_sub(1);
    }

    /// Takes a place to execute, if there is one. Retries cannot take them all while `others`
    /// (records on their first attempt) are ready too.
    pub(crate) fn start(&mut self, again: bool, others: bool) -> bool {
        let most = if again && others {
            // With a single place the two take turns, which the caller sees to.
            (self.limits.concurrency - self.limits.concurrency / 4).max(1)
        } else {
            self.limits.concurrency
        };
        let used = if again && others { self.executing_again } else { self.executing };
        if self.executing >= self.limits.concurrency || used >= most {
            return false;
        }
        self.executing += 1;
        self.executing_again += usize::from(again);
        true
    }

    /// A handler has ended.
    pub(crate) fn stop(&mut self, again: bool) {
        self.executing = self.executing.saturating_sub(1);
        self.executing_again = self.executing_again.saturating_sub(usize::from(again));
    }

    /// The paused partitions that may go on; worth asking after every round of completions.
    pub(crate) fn resume(&mut self, resumed: &mut Vec<usize>) {
        // With many paused partitions and all places busy, a look at each for every completion
        // would cost more than it brings.
        let quantum = self.limits.outstanding / 32;
        if self.paused.is_empty()
            || (self.released <= quantum && self.executing >= self.limits.concurrency)
        {
            return;
        }
        self.released = 0;
        let Self { records, bytes, waiting, limits, shares, paused, .. } = self;
        paused.retain(|&partition| {
            let share = share(shares, partition);
            share.paused = !(records.is_low(share.records)
                && bytes.is_low(share.bytes)
                && (share.waiting == 0 || *waiting < limits.retrying));
            if !share.paused {
                resumed.push(partition);
            }
            share.paused
        });
    }

    /// Forgets that a partition is paused: its assignment ended, or it starts a new life.
    pub(crate) fn forget_pause(&mut self, partition: usize) {
        self.paused.retain(|&paused| paused != partition);
        share(&mut self.shares, partition).paused = false;
    }

    /// Whether a partition is paused for want of permits.
    pub(crate) fn is_paused(&self, partition: usize) -> bool {
        self.shares.get(partition).is_some_and(|share| share.paused)
    }

    /// How many records to ask for at once: so few that a partition does not go far over its
    /// bounds with them.
    pub(crate) fn batch(&self) -> usize {
        self.records.free() / 4
    }

    /// Handlers running.
    pub(crate) fn executing(&self) -> usize {
        self.executing
    }

    /// Records waiting for a retry, or parked.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Records that hold a permit.
    pub(crate) fn outstanding(&self) -> usize {
        self.records.held()
    }

    /// Bytes of batches kept in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.held()
    }

    /// Partitions paused for want of permits.
    pub(crate) fn paused(&self) -> usize {
        self.paused.len()
    }
}

fn share(shares: &mut Vec<Share>, partition: usize) -> &mut Share {
    if shares.len() <= partition {
        shares.resize_with(partition + 1, Share::default);
    }
    #[expect(clippy::indexing_slicing, reason = "invariant: resized above")]
    &mut shares[partition]
}

#[cfg(test)]
mod tests;
