//! Where a member is on its way through its group.

use ottla_protocol::api::SyncGroupRequestAssignment;

use super::assignor::Member;

/// The diagram is in the [machine](super::machine).
#[derive(Debug)]
pub(super) enum State {
    Joining {
        sent: bool,
    },
    /// The leader waits for partition counts.
    Assigning {
        sent: bool,
        members: Vec<Member>,
    },
    Syncing {
        sent: bool,
        assignments: Vec<SyncGroupRequestAssignment>,
    },
    Stable,
    /// The application finishes with what it has to give up.
    Revoking {
        then: Then,
    },
    Leaving {
        sent: bool,
        then: Then,
    },
    /// Gone, until the application shows up again.
    Left,
    Closed,
    Failed,
}

/// What comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Join,
    WaitForLife,
    Close,
}

/// What is known of the coordinator.
#[derive(Debug)]
pub(super) enum Coordinator {
    Unknown,
    Finding,
    Known,
}
