//! Letting go of partitions: revoked, lost, and at the end.
//!
//! ```text
//!  revoked, shutdown ─► drain: nothing new starts, what has begun is finished
//!                          │ all done                    │ deadline
//!                          │                             ▼
//!                          │                   abort: positions marked, handlers dropped
//!                          ▼                             ▼ tasks gone, or a short grace is over
//!                       let go: position marked, assignment fenced, handover dropped
//! ```

use std::time::Duration;

use ottla_client::TopicPartition;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Driver;
use super::partition::Drain;
use super::slot::State;
use crate::error::StopReason;
use crate::handle::Wish;
use crate::order::OutputOrder;
use crate::sink::Sink;
use crate::source::{Epoch, Handover, Source};

/// Partitions on their way out together.
#[derive(Debug)]
pub(super) struct Leaving {
    partitions: Vec<(usize, Epoch)>,
    /// When what is left is given up; once it is, when tasks are no longer waited for.
    pub(super) deadline: Instant,
    aborted: bool,
    /// Tells the source that the partitions may go; none at the processor's own end.
    handover: Option<Handover>,
}

/// How long dropped handlers are waited for. A task is gone as soon as it is polled once more, so
/// what takes longer than this blocks its thread, and may do so for ever.
pub(crate) const ABORT_GRACE: Duration = Duration::from_millis(500);

impl<S: Source, K: Sink> Driver<S, K> {
    pub(super) fn on_wish(&mut self, wish: Wish) {
        match wish {
            Wish::Run => {}
            Wish::Shutdown => self.begin_close(self.settings.drain_timeout),
            Wish::Stop => self.begin_close(Duration::ZERO),
        }
    }

    /// The processor ends because of this, unless it ends because of something else already.
    pub(super) fn stop_because(&mut self, reason: StopReason) {
        if self.reason.is_none() {
            warn!(%reason, "stops");
            self.reason = Some(reason);
        }
        self.begin_close(self.settings.drain_timeout);
    }

    /// Lets go of everything, within this time.
    fn begin_close(&mut self, within: Duration) {
        let deadline = self.now + within;
        for leaving in &mut self.leaving {
            leaving.deadline = leaving.deadline.min(deadline);
        }
        if self.closing {
            return;
        }
        self.closing = true;
        let assigned: Vec<_> = self
            .partitions
            .iter()
            .filter_map(|(index, partition)| Some((index, partition.assignment?)))
            .collect();
        for &(index, _) in &assigned {
            self.source.pause(&self.partitions.get(index).at);
        }
        self.begin_leaving(assigned, deadline, None);
    }

    pub(super) fn on_revoked(&mut self, revoked: &[(TopicPartition, Epoch)], handover: Handover) {
        let revoked = self.still_ours(revoked);
        info!(partitions = revoked.len(), "revoked");
        let deadline = self.now + self.settings.drain_timeout;
        self.begin_leaving(revoked, deadline, Some(handover));
    }

    /// Others may have these partitions already: nothing to wait for, nothing to commit.
    pub(super) fn on_lost(&mut self, lost: &[(TopicPartition, Epoch)]) {
        for (index, _) in self.still_ours(lost) {
            let at = self.partitions.get(index).at.clone();
            let overlaps = self
                .count(index, |state| matches!(state, State::Executing(_) | State::Sending { .. }));
            warn!(%at, overlaps, "lost");
            self.counters().lost_partitions(1);
            self.counters().overlaps(overlaps);
            self.end_life(index);
            self.unassign(index);
        }
    }

    fn still_ours(&mut self, partitions: &[(TopicPartition, Epoch)]) -> Vec<(usize, Epoch)> {
        let indexed = partitions.iter().map(|(at, epoch)| (self.partitions.index(at), *epoch));
        let indexed: Vec<_> = indexed.collect();
        indexed
            .into_iter()
            .filter(|&(index, epoch)| self.partitions.get(index).assignment == Some(epoch))
            .collect()
    }

    fn begin_leaving(
        &mut self,
        partitions: Vec<(usize, Epoch)>,
        deadline: Instant,
        handover: Option<Handover>,
    ) {
        for &(index, _) in &partitions {
            self.begin_drain(index, deadline);
        }
        self.leaving.push(Leaving { partitions, deadline, aborted: false, handover });
    }

    /// Nothing new starts. Records after the last one that was started are given up at once, for
    /// nothing is lost by it; those before it are finished, so that no gap is left.
    pub(super) fn begin_drain(&mut self, index: usize, deadline: Instant) {
        let partition = self.partitions.get(index);
        if partition.drain.is_some() {
            return;
        }
        let mut keep_below = partition.started;
        partition.rewinding = false;
        for (_, record) in self.slots.iter().filter(|(_, r)| r.partition == index && r.is_live()) {
            let blocked = match record.state {
                State::Waiting { due } => due > deadline,
                State::Parked => true,
                _ => false,
            };
            if blocked {
                keep_below = keep_below.min(record.ticket.seq);
            }
        }
        self.partitions.get(index).drain = Some(Drain { deadline, keep_below });
        self.drop_from(index, keep_below);
    }

    /// This record will not be done here, and so nothing after it can be committed: of that, only
    /// what is running is finished.
    pub(super) fn block(&mut self, slot: usize) {
        let Some(record) = self.slots.get(slot) else { return };
        let (index, seq) = (record.partition, record.ticket.seq);
        let Some(drain) = &mut self.partitions.get(index).drain else {
            debug_assert!(false, "records are blocked only while their partition drains");
            return;
        };
        drain.keep_below = drain.keep_below.min(seq);
        let keep_below = drain.keep_below;
        // Its task has ended, whatever its state says.
        if let Some(record) = self.slots.get_mut(slot) {
            if matches!(record.state, State::Executing(_)) {
                record.state = State::Ready;
            }
        }
        self.drop_records(index, |record| record.ticket.seq == seq);
        self.drop_from(index, keep_below);
    }

    fn drop_from(&mut self, index: usize, keep_below: u64) {
        let in_order = self.settings.output_order == OutputOrder::Input;
        self.drop_records(index, |record| {
            record.ticket.seq >= keep_below
                && (record.is_idle() || (in_order && matches!(record.state, State::Held)))
        });
    }

    /// Lets go of partitions that are done, or whose time is over. All positions have been marked
    /// in this round.
    pub(super) fn let_go(&mut self) {
        let mut at = 0;
        while let Some(leaving) = self.leaving.get(at) {
            let late = leaving.deadline <= self.now;
            let aborted = leaving.aborted;
            if self.is_drained(at) || (late && aborted) {
                let leaving = self.leaving.swap_remove(at);
                self.release(leaving);
            } else if late {
                self.abort(at);
            } else {
                at += 1;
            }
        }
    }

    fn is_drained(&mut self, at: usize) -> bool {
        let Self { leaving, partitions, .. } = self;
        leaving.get(at).is_none_or(|leaving| {
            leaving.partitions.iter().all(|&(index, epoch)| {
                let partition = partitions.get(index);
                let ours = partition.assignment == Some(epoch);
                (!ours || partition.live == 0) && partition.zombies == 0
            })
        })
    }

    /// The time to drain is over: what is left is given up.
    fn abort(&mut self, at: usize) {
        let Some(leaving) = self.leaving.get_mut(at) else { return };
        leaving.aborted = true;
        leaving.deadline = self.now + ABORT_GRACE;
        for (index, epoch) in leaving.partitions.clone() {
            if self.partitions.get(index).assignment != Some(epoch) {
                continue;
            }
            // An output that is on its way cannot be called back.
            let sending = self.count(index, |state| matches!(state, State::Sending { .. }));
            self.counters().overlaps(sending);
            self.end_life(index);
        }
    }

    fn release(&mut self, leaving: Leaving) {
        for (index, epoch) in leaving.partitions {
            let partition = self.partitions.get(index);
            if partition.zombies > 0 {
                let (at, handlers) = (&partition.at, partition.zombies);
                warn!(%at, handlers, "handlers could not be stopped; work may overlap");
                self.counters().overlaps(handlers);
            }
            if self.partitions.get(index).assignment == Some(epoch) {
                self.end_life(index);
                self.unassign(index);
            }
        }
        drop(leaving.handover);
    }

    fn unassign(&mut self, index: usize) {
        self.partitions.unassign(index);
        self.ledger.set_partitions(self.partitions.assigned());
    }

    fn count(&self, partition: usize, which: impl Fn(&State) -> bool) -> usize {
        let records = self.slots.iter().map(|(_, record)| record);
        records.filter(|r| r.partition == partition && which(&r.state)).count()
    }
}
