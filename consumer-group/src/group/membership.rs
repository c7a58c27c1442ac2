//! Who this member is, for those who have to state it.

use ottla_client::GroupMetadata;
use parking_lot::Mutex;

/// The member's identity as the coordinator knows it, written by the driver and read by commits
/// and by the application.
#[derive(Debug)]
pub(crate) struct Membership(Mutex<Option<GroupMetadata>>);

impl Membership {
    /// Not a member yet, or, without a group, ever.
    pub(crate) fn new(group: Option<&str>, instance: Option<&str>) -> Self {
        Self(Mutex::new(group.map(|group| GroupMetadata {
            group_instance_id: instance.map(ToOwned::to_owned),
            ..GroupMetadata::standalone(group)
        })))
    }

    pub(crate) fn current(&self) -> Option<GroupMetadata> {
        self.0.lock().clone()
    }

    /// Notes the member id and generation of the group that was joined; an empty id and -1 for
    /// none.
    pub(crate) fn set(&self, member_id: &str, generation: i32) {
        if let Some(group) = &mut *self.0.lock() {
            if group.member_id != member_id {
                member_id.clone_into(&mut group.member_id);
            }
            group.generation_id_or_member_epoch = generation;
        }
    }
}
