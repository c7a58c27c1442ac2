//! Joining: new members, members that come back, static members that take their place again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ottla_protocol::ErrorCode;

use super::member::NEW_MEMBER_JOIN_TIMEOUT;
use super::{Group, GroupPhase, Member, Protocol, Reply, SyncReply, Ticket};

/// A JoinGroup request, whatever its version.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) ticket: Ticket,
    /// Empty: a member that does not have an id yet.
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<Protocol>,
    /// The id to give to a member that has none.
    pub(crate) fresh_id: String,
    /// From v4 on a new member first learns its id and joins again with it (KIP-394).
    pub(crate) id_required: bool,
    /// From v9 on a returning static leader can be told to leave the assignment as it is
    /// (KIP-814).
    pub(crate) can_skip_assignment: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinReply {
    pub(crate) error: ErrorCode,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: String,
    pub(crate) member_id: String,
    pub(crate) skip_assignment: bool,
    /// For the leader only.
    pub(crate) members: Vec<JoinedMember>,
}

/// A member as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) metadata: Bytes,
}

impl JoinReply {
    pub(crate) fn failed(error: ErrorCode, member_id: &str) -> Self {
        Self {
            error,
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: String::new(),
            member_id: member_id.to_owned(),
            skip_assignment: false,
            members: Vec::new(),
        }
    }
}

impl Group {
    /// A member wants to be in the next generation (`GroupCoordinator.handleJoinGroup`).
    ///
    /// The answer comes out of `poll_reply`, now or when the group has gathered.
    pub(crate) fn join(&mut self, now: Instant, join: &Join) {
        let (ticket, member_id) = (join.ticket, join.member_id.clone());
        if let Err(error) = self.try_join(now, join) {
            let id = if error == ErrorCode::GROUP_MAX_SIZE_REACHED { "" } else { &member_id };
            self.replies.push_back(Reply::Join(ticket, JoinReply::failed(error, id)));
        }
        self.try_complete_join(now);
    }

    fn try_join(&mut self, now: Instant, join: &Join) -> Result<(), ErrorCode> {
        if join.session_timeout < self.policy.min_session
            || join.session_timeout > self.policy.max_session
        {
            return Err(ErrorCode::INVALID_SESSION_TIMEOUT);
        }
        if self.phase == GroupPhase::Dead {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        if !self.has_room_for(&join.member_id) {
            return Err(ErrorCode::GROUP_MAX_SIZE_REACHED);
        }
        if !self.supports(&join.protocol_type, &join.protocols) {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        if join.member_id.is_empty() {
            return self.join_as_new(now, join);
        }
        if self.pending.contains_key(&join.member_id) {
            let id = join.member_id.clone();
            self.add_member(now, id, join);
            return Ok(());
        }
        self.join_again(now, join)
    }

    fn has_room_for(&self, member_id: &str) -> bool {
        if !member_id.is_empty() && self.member(member_id).is_some() {
            return true;
        }
        self.members.len() < self.policy.max_size
    }

    fn join_as_new(&mut self, now: Instant, join: &Join) -> Result<(), ErrorCode> {
        let id = join.fresh_id.clone();
        if let Some(instance) = join.instance_id.clone() {
            if self.static_member(&instance).is_some() {
                self.replace_static_member(now, &instance, &id, join);
            } else {
                self.add_member(now, id, join);
            }
        } else if join.id_required {
            self.pending.insert(id.clone(), now + join.session_timeout);
            let reply = JoinReply::failed(ErrorCode::MEMBER_ID_REQUIRED, &id);
            self.replies.push_back(Reply::Join(join.ticket, reply));
        } else {
            self.add_member(now, id, join);
        }
        Ok(())
    }

    fn join_again(&mut self, now: Instant, join: &Join) -> Result<(), ErrorCode> {
        self.validate_member(&join.member_id, join.instance_id.as_deref())?;
        let id = join.member_id.clone();
        let unchanged = self.member(&id).is_some_and(|member| member.protocols == join.protocols);
        match self.phase {
            GroupPhase::PreparingRebalance => self.update_member(now, &id, join),
            // The answer to its first join may have been lost.
            GroupPhase::CompletingRebalance if unchanged => {
                let reply = self.join_reply(&id);
                self.replies.push_back(Reply::Join(join.ticket, reply));
            }
            // A follower that changes nothing gets the generation it is in.
            GroupPhase::Stable if unchanged && !self.is_leader(&id) => {
                let reply = self.join_reply(&id);
                self.replies.push_back(Reply::Join(join.ticket, reply));
                self.touch(now, &id);
            }
            GroupPhase::CompletingRebalance | GroupPhase::Stable => {
                self.update_member(now, &id, join);
                self.prepare_rebalance(now);
            }
            GroupPhase::Empty | GroupPhase::Dead => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
        }
        Ok(())
    }

    fn add_member(&mut self, now: Instant, id: String, join: &Join) {
        self.pending.remove(&id);
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        if self.leader.is_none() {
            self.leader = Some(id.clone());
        }
        let mut member = Member::new(id, join);
        member.awaiting_join = Some(join.ticket);
        member.expires = Some(now + NEW_MEMBER_JOIN_TIMEOUT);
        self.members.push(member);
        if let Some(deadline) = &mut self.join_deadline {
            deadline.newcomer = true;
        }
        self.maybe_prepare_rebalance(now);
    }

    fn update_member(&mut self, now: Instant, id: &str, join: &Join) {
        let Some(member) = self.member_mut(id) else { return };
        member.session_timeout = join.session_timeout;
        member.rebalance_timeout = join.rebalance_timeout;
        member.protocols.clone_from(&join.protocols);
        member.protocol_type.clone_from(&join.protocol_type);
        member.touch(now);
        // A second join of the same member: the first will not be answered with a generation.
        let superseded = member.awaiting_join.replace(join.ticket);
        let alone = self.members.len() == 1;
        if alone {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        if let Some(ticket) = superseded {
            let reply = JoinReply::failed(ErrorCode::REBALANCE_IN_PROGRESS, id);
            self.replies.push_back(Reply::Join(ticket, reply));
        }
    }

    /// A static member came back without its id, as after a restart: it takes its old place under
    /// a new id, and whoever still uses the old one is fenced (KIP-345).
    fn replace_static_member(&mut self, now: Instant, instance: &str, id: &str, join: &Join) {
        let old_leader = self.leader.clone().unwrap_or_default();
        let Some(member) =
            self.members.iter_mut().find(|member| member.instance_id.as_deref() == Some(instance))
        else {
            return;
        };
        let old_id = std::mem::replace(&mut member.id, id.to_owned());
        member.session_timeout = join.session_timeout;
        member.rebalance_timeout = join.rebalance_timeout;
        member.protocols.clone_from(&join.protocols);
        member.client_id.clone_from(&join.client_id);
        member.touch(now);
        let fenced_sync = member.awaiting_sync.take();
        let fenced_join = member.awaiting_join.replace(join.ticket);
        if old_leader == old_id {
            self.leader = Some(id.to_owned());
        }
        if let Some(ticket) = fenced_join {
            let reply = JoinReply::failed(ErrorCode::FENCED_INSTANCE_ID, &old_id);
            self.replies.push_back(Reply::Join(ticket, reply));
        }
        if let Some(ticket) = fenced_sync {
            let reply = SyncReply::failed(ErrorCode::FENCED_INSTANCE_ID);
            self.replies.push_back(Reply::Sync(ticket, reply));
        }
        match self.phase {
            GroupPhase::Stable if self.select_protocol() == self.protocol => {
                self.welcome_back(id, old_leader, join);
            }
            GroupPhase::Stable | GroupPhase::CompletingRebalance => self.prepare_rebalance(now),
            GroupPhase::PreparingRebalance | GroupPhase::Empty | GroupPhase::Dead => {}
        }
    }

    /// Answers a static member that came back to a stable group: no rebalance.
    fn welcome_back(&mut self, id: &str, old_leader: String, join: &Join) {
        if let Some(member) = self.member_mut(id) {
            member.awaiting_join = None;
        }
        let mut reply = self.join_reply(id);
        if join.can_skip_assignment {
            reply.skip_assignment = self.is_leader(id);
        } else {
            // It must not take itself for the leader, else it would assign without a rebalance.
            reply.leader = old_leader;
            reply.members = Vec::new();
        }
        self.replies.push_back(Reply::Join(join.ticket, reply));
        self.persist();
    }

    /// The current generation as `id` is told of it.
    pub(super) fn join_reply(&self, id: &str) -> JoinReply {
        let members = if self.is_leader(id) { self.joined_members() } else { Vec::new() };
        JoinReply {
            error: ErrorCode::NONE,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: id.to_owned(),
            skip_assignment: false,
            members,
        }
    }

    fn joined_members(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let joined = |member: &Member| JoinedMember {
            id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.iter().map(joined).collect()
    }
}
