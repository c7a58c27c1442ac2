//! An offset that a coordinator wrote to its log.

use super::event::{Group, Place};

/// A commit, as it is in the topic of committed offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The group.
    pub group: Group,
    /// The partition.
    pub place: Place,
    /// The offset to continue from.
    pub offset: i64,
    /// When the coordinator took it, in milliseconds since the epoch.
    pub at: u64,
}
