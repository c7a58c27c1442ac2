//! Who leads the partitions.

use std::time::Duration;

use ottla_client::{RefreshReason, RetryPolicy};
use tokio::time::Instant;

use super::Driver;
use crate::partitions::Leader;

/// How often to ask for what metadata does not have.
pub(super) const SEARCH: RetryPolicy =
    RetryPolicy::doubling(Duration::from_millis(500), Duration::from_secs(10));

impl Driver {
    /// Gives every partition the leader it has by metadata, and every leader a fetch loop.
    /// Whether every partition has one.
    pub(super) fn follow_leaders(&self) -> bool {
        let cluster = self.shared.client.cluster();
        let mut moved = Vec::new();
        let mut all_led = true;
        {
            let mut table = self.shared.partitions.lock();
            let refused: Vec<_> = table
                .leaders()
                .filter_map(|(slot, at, _)| {
                    let code = cluster.topic(&at.topic)?.error;
                    (!code.is_ok() && !code.is_retriable()).then_some((slot, code))
                })
                .collect();
            for (slot, code) in refused {
                table.refuse(slot, code);
                self.shared.wake_application();
            }
            let leaders: Vec<_> = table
                .leaders()
                .map(|(slot, at, _)| {
                    let topic = cluster.topic(&at.topic);
                    let partition = topic.and_then(|topic| topic.partition(at.partition));
                    let leader = topic.zip(partition).and_then(|(topic, partition)| {
                        let broker = partition.leader?;
                        Some(Leader { broker, epoch: partition.leader_epoch, topic_id: topic.id })
                    });
                    (slot, leader)
                })
                .collect();
            for (slot, leader) in leaders {
                all_led &= leader.is_some();
                if table.set_leader(slot, leader) {
                    moved.extend(leader.map(|leader| leader.broker));
                }
            }
        }
        moved.sort_unstable();
        moved.dedup();
        for broker in moved {
            self.shared.fetch_from(broker);
        }
        self.shared.wake_departed();
        all_led
    }

    /// Asks for metadata again and again while something is missing in it, where otherwise minutes
    /// might pass; when to do so next.
    pub(super) fn search(&mut self, is_complete: bool, now: Instant) -> Option<Instant> {
        if is_complete {
            self.search.reset();
            self.search_at = None;
        } else if self.search_at.is_none_or(|at| at <= now) {
            self.search_at = Some(now + self.search.next());
            self.shared.client.metadata().request_refresh(RefreshReason::Stale);
        }
        self.search_at
    }
}
