//! Who a consumer is within its group, as other requests have to state it.

/// A group member's identity, as carried by commits inside and outside transactions (KIP-447).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupMetadata {
    /// The group (`group.id`).
    pub group_id: String,
    /// The generation of a classic group or the member epoch of KIP-848; −1 outside a group.
    pub generation_id_or_member_epoch: i32,
    /// The member id the coordinator gave; empty outside a group.
    pub member_id: String,
    /// The static member's name (`group.instance.id`), if it has one.
    pub group_instance_id: Option<String>,
}

impl GroupMetadata {
    /// The identity of a consumer that commits to `group_id` without being a member.
    #[must_use]
    pub fn standalone(group_id: impl Into<String>) -> Self {
        Self {
            group_id: group_id.into(),
            generation_id_or_member_epoch: -1,
            member_id: String::new(),
            group_instance_id: None,
        }
    }
}

/// An offset that a group commits for a partition: the next one to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct GroupOffset {
    /// The offset of the next record to read: one more than that of the last one done.
    pub offset: i64,
    /// The leader epoch of the last record done, if it is known (KIP-320).
    pub leader_epoch: Option<i32>,
    /// Whatever is to be kept next to the offset; mostly empty.
    pub metadata: String,
}

impl GroupOffset {
    /// Nothing but the offset.
    #[must_use]
    pub const fn new(offset: i64) -> Self {
        Self { offset, leader_epoch: None, metadata: String::new() }
    }

    /// The same with the leader epoch of the last record done.
    #[must_use]
    pub const fn leader_epoch(mut self, epoch: i32) -> Self {
        self.leader_epoch = Some(epoch);
        self
    }

    /// The same with something to be kept next to it.
    #[must_use]
    pub fn metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = metadata.into();
        self
    }
}

impl From<i64> for GroupOffset {
    fn from(offset: i64) -> Self {
        Self::new(offset)
    }
}
