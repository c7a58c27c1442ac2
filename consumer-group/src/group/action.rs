//! What the group machine wants done.

use std::collections::BTreeSet;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::SyncGroupRequestAssignment;

use super::assignment::PartitionSet;

/// What is to be done. Requests carry the attempt that their answer has to name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    FindCoordinator,
    Join {
        attempt: u64,
        member_id: String,
        subscription: Bytes,
    },
    /// How many partitions these topics have: this member is to assign them.
    CountPartitions {
        attempt: u64,
        topics: BTreeSet<String>,
    },
    Sync {
        attempt: u64,
        member_id: String,
        generation: i32,
        assignments: Vec<SyncGroupRequestAssignment>,
    },
    Heartbeat {
        attempt: u64,
        member_id: String,
        generation: i32,
    },
    Leave {
        attempt: u64,
        member_id: String,
    },
    /// These are ours from now on.
    Assigned(PartitionSet),
    /// Finish with these; `handle_revoked` is awaited.
    Revoke(PartitionSet),
    /// These are gone already.
    Lost(PartitionSet),
    /// Nothing more will come: the group does not take this member.
    Fail(GroupError),
    /// Nothing more will come: the member has left for good.
    Closed,
}

/// Why a request came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The coordinator said so.
    Code(ErrorCode),
    /// There was no answer, or nobody to ask.
    Unreachable,
    /// There was an answer, and it cannot be read.
    Garbled,
}

/// Why the membership ended for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupError {
    pub(crate) api: &'static str,
    pub(crate) code: ErrorCode,
}
