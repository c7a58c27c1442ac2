//! One member of a group.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Group, Join, Ticket};

/// A member that is in its first join may wait this long for the group to gather
/// (`GroupCoordinator.NewMemberJoinTimeoutMs`).
pub(super) const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(300);

/// A way of assigning partitions that a member can follow, with what it says about itself for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: String,
    pub(crate) metadata: Bytes,
}

#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) assignment: Bytes,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    pub(super) protocol_type: String,
    pub(super) protocols: Vec<Protocol>,
    pub(super) awaiting_join: Option<Ticket>,
    pub(super) awaiting_sync: Option<Ticket>,
    /// It has joined this generation and not yet asked for its assignment.
    pub(super) owes_sync: bool,
    /// It has never been part of a generation.
    pub(super) is_new: bool,
    /// When it is given up unless it is heard from. `None` while an answer is owed to it.
    pub(super) expires: Option<Instant>,
}

impl Member {
    pub(super) fn new(id: String, join: &Join) -> Self {
        Self {
            id,
            instance_id: join.instance_id.clone(),
            client_id: join.client_id.clone(),
            assignment: Bytes::new(),
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            protocol_type: join.protocol_type.clone(),
            protocols: join.protocols.clone(),
            awaiting_join: None,
            awaiting_sync: None,
            owes_sync: false,
            is_new: true,
            expires: None,
        }
    }

    /// It was heard from.
    pub(super) fn touch(&mut self, now: Instant) {
        self.expires = Some(now + self.session_timeout);
    }

    /// Whether its session may lapse: not while it waits for an answer of ours, unless it is new
    /// (`MemberMetadata.hasSatisfiedHeartbeat`).
    pub(super) fn may_expire(&self) -> bool {
        self.is_new || (self.awaiting_join.is_none() && self.awaiting_sync.is_none())
    }

    /// The first of its protocols that is among `candidates`.
    pub(super) fn vote(&self, candidates: &[&str]) -> Option<&str> {
        let mut names = self.protocols.iter().map(|protocol| protocol.name.as_str());
        names.find(|name| candidates.contains(name))
    }

    pub(super) fn supports(&self, name: &str) -> bool {
        self.protocols.iter().any(|protocol| protocol.name == name)
    }

    /// What it says about itself for one protocol.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|known| known.name == protocol);
        found.map(|known| known.metadata.clone()).unwrap_or_default()
    }
}

impl Group {
    /// The longest of the members' rebalance timeouts.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.iter().map(|member| member.rebalance_timeout);
        timeouts.max().unwrap_or_default()
    }

    /// Whether `protocols` has one that every member supports (`GroupMetadata.supportsProtocols`).
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.members.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let shared = |name: &str| self.members.iter().all(|member| member.supports(name));
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|protocol| shared(&protocol.name))
    }

    /// The protocol of the next generation: among those that all support, the one most members
    /// would choose first; at a tie the one the leader likes better (Kafka leaves ties to the
    /// order of a hash map).
    pub(super) fn select_protocol(&self) -> Option<String> {
        let first = self.leader().and_then(|id| self.member(id)).or(self.members.first())?;
        let candidates: Vec<&str> = first
            .protocols
            .iter()
            .map(|protocol| protocol.name.as_str())
            .filter(|name| self.members.iter().all(|member| member.supports(name)))
            .collect();
        let votes = |name: &str| {
            self.members.iter().filter(|member| member.vote(&candidates) == Some(name)).count()
        };
        let mut best: Option<(usize, &str)> = None;
        for name in &candidates {
            let count = votes(name);
            if best.is_none_or(|(most, _)| count > most) {
                best = Some((count, name));
            }
        }
        best.map(|(_, name)| name.to_owned())
    }
}
