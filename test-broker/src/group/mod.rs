//! A classic consumer group as its coordinator sees it: a state machine without I/O or clock.
//!
//! It follows Kafka's `GroupCoordinator` and `GroupMetadata` (and the classic half of
//! `GroupMetadataManager` that took their place). Joins and syncs may be answered later, so each
//! carries a [`Ticket`]; answers come out of [`Group::poll_reply`]. Everything else is answered at
//! once. The driver calls [`Group::handle_timeout`] at or after [`Group::poll_deadline`].
//!
//! ```text
//!                 first member joins
//!      ┌───────┐ ───────────────────────► ┌────────────────────┐ ◄──────────────┐
//!      │ Empty │                          │ PreparingRebalance │                │ a member joins,
//!      └───────┘ ◄─────────────────────── └────────────────────┘                │ leaves, expires,
//!                 all members gone            │ all have joined, or             │ or changes what
//!                                             │ the others are given up         │ it supports
//!                                             ▼                                 │
//!                                         ┌─────────────────────┐               │
//!                                         │ CompletingRebalance │ ──────────────┤
//!                                         └─────────────────────┘               │
//!                                             │ the leader's assignment         │
//!                                             ▼                                 │
//!                                         ┌────────┐                            │
//!                                         │ Stable │ ───────────────────────────┘
//!                                         └────────┘        (any state) ── removed ──► Dead
//! ```

mod commit;
mod deletion;
mod heartbeat;
mod join;
mod leave;
mod member;
mod offsets;
mod rebalance;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use ottla_protocol::ErrorCode;

pub(crate) use commit::Committer;
pub(crate) use join::{Join, JoinReply};
pub(crate) use leave::Leaving;
pub(crate) use member::{Member, Protocol};
pub(crate) use offsets::{CommittedOffset, CommittedOffsets};
pub(crate) use sync::{Sync, SyncReply};

/// Names a join or sync whose answer may come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Ticket(pub(crate) u64);

/// An answer to an earlier join or sync.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Join(Ticket, JoinReply),
    Sync(Ticket, SyncReply),
}

/// Where a group is in its life; see the diagram of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupPhase {
    /// No members; offsets may remain.
    Empty,
    /// Waiting for all members to join again.
    PreparingRebalance,
    /// Waiting for the leader's assignment.
    CompletingRebalance,
    /// Every member has, or can ask for, its assignment.
    Stable,
    /// Removed; a request that still holds it is told to look elsewhere.
    Dead,
}

impl GroupPhase {
    /// Its name in Kafka's answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// How a coordinator treats its groups.
#[derive(Debug, Clone)]
pub(crate) struct GroupPolicy {
    /// `group.initial.rebalance.delay.ms`
    pub(crate) initial_delay: Duration,
    /// `group.min.session.timeout.ms`
    pub(crate) min_session: Duration,
    /// `group.max.session.timeout.ms`
    pub(crate) max_session: Duration,
    /// `group.max.size`
    pub(crate) max_size: usize,
}

impl Default for GroupPolicy {
    /// Kafka's defaults, but for the initial delay: 3 s there, none here.
    fn default() -> Self {
        Self {
            initial_delay: Duration::ZERO,
            min_session: Duration::from_secs(6),
            max_session: Duration::from_secs(1800),
            max_size: usize::MAX,
        }
    }
}

/// One group.
#[derive(Debug)]
pub(crate) struct Group {
    phase: GroupPhase,
    policy: GroupPolicy,
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    /// In the order in which they joined.
    members: Vec<Member>,
    /// Member ids handed out with `MEMBER_ID_REQUIRED`, and when they lapse.
    pending: BTreeMap<String, Instant>,
    /// While preparing: when the rebalance goes on without those who have not joined.
    join_deadline: Option<JoinDeadline>,
    /// After a join: when members that have not asked for their assignment are given up.
    sync_deadline: Option<Instant>,
    /// What a new coordinator would read from the log.
    persisted: Persisted,
    pub(crate) offsets: CommittedOffsets,
    replies: VecDeque<Reply>,
}

/// The end of a join phase.
#[derive(Debug, Clone, Copy)]
struct JoinDeadline {
    at: Instant,
    /// The first rebalance of an empty group waits in steps of the initial delay for as long as
    /// members keep coming (`InitialDelayedJoin`); this much of the wait is left.
    initial_left: Option<Duration>,
    /// A member came during the current step.
    newcomer: bool,
}

/// A group as Kafka writes it to its offsets topic: at each completed assignment.
#[derive(Debug, Clone, Default)]
struct Persisted {
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: Vec<Member>,
}

impl Group {
    pub(crate) fn new(policy: GroupPolicy) -> Self {
        Self {
            phase: GroupPhase::Empty,
            policy,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: Vec::new(),
            pending: BTreeMap::new(),
            join_deadline: None,
            sync_deadline: None,
            persisted: Persisted::default(),
            offsets: CommittedOffsets::default(),
            replies: VecDeque::new(),
        }
    }

    pub(crate) fn phase(&self) -> GroupPhase {
        self.phase
    }

    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    pub(crate) fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    pub(crate) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub(crate) fn leader(&self) -> Option<&str> {
        self.leader.as_deref()
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The next answer to hand out.
    pub(crate) fn poll_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    /// When [`Group::handle_timeout`] has something to do.
    pub(crate) fn poll_deadline(&self) -> Option<Instant> {
        let sessions = self.members.iter().filter_map(|member| member.expires);
        let pending = self.pending.values().copied();
        let join = self.join_deadline.map(|deadline| deadline.at);
        sessions.chain(pending).chain(join).chain(self.sync_deadline).min()
    }

    /// Whether this request comes from the member it names, under its current identity
    /// (`GroupCoordinator.validateCurrentMember`).
    fn validate_member(&self, id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            return match self.static_member(instance) {
                None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(member) if member.id != id => Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => Ok(()),
            };
        }
        if self.member(id).is_some() { Ok(()) } else { Err(ErrorCode::UNKNOWN_MEMBER_ID) }
    }

    fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    fn static_member(&self, instance: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.instance_id.as_deref() == Some(instance))
    }

    fn is_leader(&self, id: &str) -> bool {
        self.leader.as_deref() == Some(id)
    }

    fn touch(&mut self, now: Instant, id: &str) {
        if let Some(member) = self.member_mut(id) {
            member.touch(now);
        }
    }
}
