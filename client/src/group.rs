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
