//! Brokers that stop and start, and what that does to leaders.

use tokio_util::sync::CancellationToken;

use super::state::COORDINATOR_SLOTS;
use super::{Partition, State};

impl State {
    pub(crate) fn stop_broker(&mut self, id: i32, ended: &CancellationToken) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        broker.up = false;
        broker.fetch_sessions.clear();
        broker.cut_connections(ended);
        for partition in self.partitions_mut() {
            // The last in-sync replica stays in the set, so that only it can lead again.
            if partition.isr.len() > 1 {
                partition.isr.retain(|replica| *replica != id);
            }
            if partition.leader == Some(id) {
                let next = partition.isr.first().copied().filter(|replica| *replica != id);
                partition.elect(next);
            }
        }
    }

    pub(crate) fn start_broker(&mut self, id: i32) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        broker.up = true;
        for partition in self.partitions_mut() {
            if partition.leader.is_none() && partition.isr.contains(&id) {
                partition.elect(Some(id));
            }
            if partition.replicas.contains(&id) && !partition.isr.contains(&id) {
                partition.isr.push(id);
            }
        }
    }

    /// The broker of every coordinator slot.
    pub(crate) fn coordinators(&self) -> Vec<(i32, Option<i32>)> {
        (0..COORDINATOR_SLOTS).map(|slot| (slot, self.coordinator_of_slot(slot))).collect()
    }

    fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.topics.values_mut().flat_map(|topic| topic.partitions.iter_mut())
    }
}
