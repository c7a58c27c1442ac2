//! What drives the transactions of a cluster: their markers and their clock.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Shared, State};
use crate::transaction::{Marker, Participant, TransactionPhase};

use super::TestCluster;

impl Shared {
    /// Writes the markers that are due. To be called after whatever may have ended a transaction,
    /// under the same lock, so that nobody sees it in between.
    pub(crate) fn settle_transactions(&self, state: &mut State) {
        let now = self.clock.now();
        for (id, marker) in state.transactions.markers(now) {
            let missing = self.write_markers(state, marker);
            state.transactions.marked(now, &id, missing);
        }
        self.transactions_changed.notify_one();
    }

    /// Writes markers, and gives back those that found no leader to write to.
    fn write_markers(&self, state: &mut State, marker: Marker) -> Vec<Participant> {
        let Marker { identity, commit, participants } = marker;
        let mut missing = Vec::new();
        for participant in participants {
            match &participant {
                Participant::Partition(topic, index) => {
                    // A topic that was deleted needs no marker.
                    let Some(partition) = state.partition_mut(topic, *index) else { continue };
                    if partition.leader.is_some() {
                        partition.append_marker(identity, commit, self.clock.millis());
                    } else {
                        missing.push(participant);
                    }
                }
                Participant::Group(group) => {
                    let producer_id = identity.producer_id;
                    self.coordination
                        .with(group, |group| group.offsets.end_transaction(producer_id, commit));
                }
            }
        }
        missing
    }
}

impl TestCluster {
    /// Where a transactional id is in its life; `None` if it was never used.
    pub fn transaction(&self, id: &str) -> Option<TransactionPhase> {
        self.shared.state.lock().transactions.get(id).map(|transaction| transaction.phase())
    }

    /// The broker that coordinates a transactional id.
    pub fn transaction_coordinator(&self, id: &str) -> Option<i32> {
        self.shared.state.lock().transaction_coordinator(id)
    }

    /// Makes another broker the coordinator of a transactional id; transactions go on where they
    /// were. Says whether the broker is up.
    pub fn move_transaction_coordinator(&self, id: &str, broker: i32) -> bool {
        let mut state = self.shared.state.lock();
        let up = state.is_up(broker);
        if up {
            let slot = State::coordinator_slot(id);
            state.moved_transaction_coordinators.insert(slot, broker);
        }
        up
    }
}

/// Aborts what takes too long and writes markers that were put off, until the cluster ends.
pub(super) async fn run_timers(shared: Arc<Shared>) {
    loop {
        let deadline = shared.state.lock().transactions.poll_deadline();
        tokio::select! {
            biased;
            () = shared.ended.cancelled() => return,
            () = shared.transactions_changed.notified() => {}
            () = sleep_until(deadline.map(Instant::from_std)) => {
                let mut state = shared.state.lock();
                state.transactions.handle_timeout(shared.clock.now());
                shared.settle_transactions(&mut state);
            }
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
