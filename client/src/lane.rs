//! Which of several connections to a broker a request takes.

/// Tells apart the producers, consumers and other users of one client.
///
/// Made by [`Client::owner`](crate::Client::owner).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(pub(crate) u32);

impl OwnerId {
    /// Who owns what everybody shares.
    pub const SHARED: Self = Self(0);
}

/// What a connection is used for.
///
/// Kafka stops reading a connection while it handles a request from it, so what queues behind a
/// long poll or a join waits for minutes. Requests that may be slow therefore never share a
/// connection with those that may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LaneKind {
    /// Metadata, coordinator look-ups, administration: short requests, shared by all owners.
    General,
    /// Produce requests.
    Produce,
    /// Fetch requests, which wait at the broker for records.
    Fetch,
    /// Fetch requests that may not wait behind a parked one: after a seek or an assignment.
    SpareFetch,
    /// Joining and synchronising a group, which waits for the other members.
    Join,
    /// Heartbeats, commits and leaving.
    Heartbeat,
    /// The transaction coordinator.
    Transaction,
}

/// One of the connections to a broker: what it is for and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    kind: LaneKind,
    owner: OwnerId,
}

impl Lane {
    /// The lane all owners share.
    pub const GENERAL: Self = Self { kind: LaneKind::General, owner: OwnerId::SHARED };

    /// The lane of `owner` for `kind`. The general lane has no owner: it is always
    /// [`Lane::GENERAL`].
    #[must_use]
    pub const fn new(kind: LaneKind, owner: OwnerId) -> Self {
        match kind {
            LaneKind::General => Self::GENERAL,
            _ => Self { kind, owner },
        }
    }

    /// What the connection is for.
    #[must_use]
    pub const fn kind(self) -> LaneKind {
        self.kind
    }

    /// Whose the connection is.
    #[must_use]
    pub const fn owner(self) -> OwnerId {
        self.owner
    }
}
