//! What the group says about partitions, brought to table, marks and application.

use ottla_client::TopicPartition;

use super::Driver;
use super::callbacks::Notice;
use crate::config::Start;
use crate::error::CommitError;
use crate::group::PartitionSet;
use crate::partitions::Stay;

impl Driver {
    pub(super) fn assigned(&mut self, partitions: &PartitionSet) {
        let held = self.callbacks.has_listener();
        let stays: Vec<Stay> = {
            let mut table = self.shared.partitions.lock();
            let all = partitions.iter().map(|(topic, partition)| {
                TopicPartition::new(self.shared.client.topic(topic), *partition)
            });
            all.map(|at| table.assign(&at, Start::Committed, held)).collect()
        };
        {
            let mut marks = self.shared.marks.lock();
            stays.iter().for_each(|stay| marks.open(stay.slot, stay.epoch));
        }
        tracing::info!(partitions = stays.len(), "assigned");
        self.shared.changed();
        self.callbacks.push(Notice::Assigned(stays));
    }

    pub(super) fn revoke(&mut self, partitions: &PartitionSet) {
        let stays = self.stays_of(partitions);
        tracing::info!(partitions = stays.len(), "revoked");
        self.shared.partitions.lock().begin_revoking(&stays);
        self.shared.changed();
        self.callbacks.push(Notice::Revoked(stays));
    }

    /// Fences everything, also what is being revoked; the application is told of what it was not
    /// told yet.
    pub(super) fn lost(&mut self, partitions: &PartitionSet) {
        let stays = self.stays_of(partitions);
        self.fence_all();
        if !stays.is_empty() {
            tracing::warn!(partitions = stays.len(), "lost");
            self.callbacks.push(Notice::Lost(stays));
        }
    }

    pub(super) fn told(&mut self, notice: Notice, result: Result<(), CommitError>) {
        match notice {
            Notice::Assigned(stays) => {
                self.shared.partitions.lock().release(&stays);
                // What the callback has sought to can be fetched without a look-up.
                self.shared.wake_leaders(&stays);
            }
            Notice::Revoked(stays) => {
                self.fence(&stays);
                self.forget(&stays);
                if let Err(error) = &result {
                    tracing::warn!(%error, "the commit before handing partitions over failed");
                }
                self.last_commit = result;
                if let Some(machine) = &mut self.machine {
                    machine.handle_revoked();
                }
            }
            Notice::Lost(stays) => self.forget(&stays),
        }
    }

    /// The application knows by now that these have left.
    fn forget(&self, stays: &[Stay]) {
        let mut marks = self.shared.marks.lock();
        stays.iter().for_each(|stay| marks.told(stay.slot, stay.epoch));
    }

    fn stays_of(&self, partitions: &PartitionSet) -> Vec<Stay> {
        let stays = self.shared.partitions.lock().stays().into_iter();
        let named = |stay: &Stay| (stay.at.topic.name().to_owned(), stay.at.partition);
        stays.filter(|stay| partitions.contains(&named(stay))).collect()
    }

    pub(super) fn fence_all(&self) {
        let stays = self.shared.partitions.lock().stays();
        self.fence(&stays);
    }

    fn fence(&self, stays: &[Stay]) {
        {
            let mut marks = self.shared.marks.lock();
            stays.iter().for_each(|stay| marks.fence(stay.slot, stay.epoch));
        }
        self.shared.partitions.lock().unassign(stays);
        self.shared.changed();
    }
}
