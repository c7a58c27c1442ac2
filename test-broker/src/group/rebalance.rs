//! Gathering the members of the next generation, and giving up those who do not come.

use std::time::Instant;

use ottla_protocol::ErrorCode;

use super::{Group, GroupPhase, JoinDeadline, JoinReply, Persisted, Reply};

impl Group {
    /// Does what is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.expire_pending(now);
        self.expire_sessions(now);
        self.expire_join(now);
        self.expire_sync(now);
    }

    pub(super) fn maybe_prepare_rebalance(&mut self, now: Instant) {
        let may = matches!(
            self.phase,
            GroupPhase::Stable | GroupPhase::CompletingRebalance | GroupPhase::Empty
        );
        if may {
            self.prepare_rebalance(now);
        }
    }

    /// Starts gathering (`GroupCoordinator.prepareRebalance`).
    pub(super) fn prepare_rebalance(&mut self, now: Instant) {
        if self.phase == GroupPhase::CompletingRebalance {
            self.fail_syncs(now, ErrorCode::REBALANCE_IN_PROGRESS);
        }
        self.sync_deadline = None;
        let timeout = self.rebalance_timeout();
        let delay = self.policy.initial_delay;
        let initial = self.phase == GroupPhase::Empty && !delay.is_zero();
        self.join_deadline = Some(if initial {
            JoinDeadline {
                at: now + delay,
                initial_left: Some(timeout.saturating_sub(delay)),
                newcomer: false,
            }
        } else {
            JoinDeadline { at: now + timeout, initial_left: None, newcomer: false }
        });
        self.phase = GroupPhase::PreparingRebalance;
        self.try_complete_join(now);
    }

    /// Ends the gathering if everyone is there (`GroupCoordinator.tryCompleteJoin`).
    pub(super) fn try_complete_join(&mut self, now: Instant) {
        let waiting_out = self.join_deadline.is_some_and(|join| join.initial_left.is_some());
        if self.phase != GroupPhase::PreparingRebalance || waiting_out {
            return;
        }
        let all = self.members.iter().all(|member| member.awaiting_join.is_some());
        if all && self.pending.is_empty() {
            self.complete_join(now);
        }
    }

    /// Forms a generation of those who came (`GroupCoordinator.onCompleteJoin`).
    fn complete_join(&mut self, now: Instant) {
        self.drop_absent_members();
        if !self.elect_leader() && !self.members.is_empty() {
            // Only absent static members are left: wait for them, or for their sessions to lapse.
            let at = now + self.rebalance_timeout();
            self.join_deadline = Some(JoinDeadline { at, initial_left: None, newcomer: false });
            return;
        }
        self.join_deadline = None;
        self.generation = self.generation.wrapping_add(1).max(0);
        if self.members.is_empty() {
            self.protocol = None;
            self.phase = GroupPhase::Empty;
            self.persist();
            return;
        }
        self.protocol = self.select_protocol();
        self.phase = GroupPhase::CompletingRebalance;
        self.sync_deadline = Some(now + self.rebalance_timeout());
        self.answer_joins(now);
    }

    /// Static members may be away until their session lapses; the others are out.
    fn drop_absent_members(&mut self) {
        let absent: Vec<String> = self
            .members
            .iter()
            .filter(|member| member.awaiting_join.is_none() && member.instance_id.is_none())
            .map(|member| member.id.clone())
            .collect();
        for id in absent {
            self.drop_member(&id);
        }
    }

    /// Keeps the leader if it came, else takes the first who did
    /// (`GroupMetadata.maybeElectNewJoinedLeader`).
    fn elect_leader(&mut self) -> bool {
        let came = |id: &str| self.member(id).is_some_and(|member| member.awaiting_join.is_some());
        if self.leader().is_some_and(came) {
            return true;
        }
        let first = self.members.iter().find(|member| member.awaiting_join.is_some());
        let Some(id) = first.map(|member| member.id.clone()) else { return false };
        self.leader = Some(id);
        true
    }

    fn answer_joins(&mut self, now: Instant) {
        let ids: Vec<String> = self.members.iter().map(|member| member.id.clone()).collect();
        for id in ids {
            let reply = self.join_reply(&id);
            let Some(member) = self.member_mut(&id) else { continue };
            member.is_new = false;
            member.owes_sync = true;
            let Some(ticket) = member.awaiting_join.take() else { continue };
            member.touch(now);
            self.replies.push_back(Reply::Join(ticket, reply));
        }
    }

    fn expire_pending(&mut self, now: Instant) {
        let before = self.pending.len();
        self.pending.retain(|_, expires| *expires > now);
        if self.pending.len() != before {
            self.try_complete_join(now);
        }
    }

    fn expire_sessions(&mut self, now: Instant) {
        let lapsed: Vec<String> = self
            .members
            .iter()
            .filter(|member| member.expires.is_some_and(|expires| expires <= now))
            .map(|member| member.id.clone())
            .collect();
        for id in lapsed {
            let Some(member) = self.member_mut(&id) else { continue };
            // An earlier removal of this round may have completed the join and renewed it.
            if member.expires.is_none_or(|expires| expires > now) {
                continue;
            }
            if member.may_expire() {
                self.remove_member(now, &id);
            } else {
                member.expires = None;
            }
        }
    }

    fn expire_join(&mut self, now: Instant) {
        let Some(join) = self.join_deadline.filter(|join| join.at <= now) else { return };
        let delay = self.policy.initial_delay;
        match join.initial_left.filter(|left| join.newcomer && !left.is_zero()) {
            Some(left) => {
                let step = delay.min(left);
                let left = Some(left.saturating_sub(step));
                let at = now + step;
                self.join_deadline = Some(JoinDeadline { at, initial_left: left, newcomer: false });
            }
            None => self.complete_join(now),
        }
    }

    /// Members that joined and never asked for their assignment are out
    /// (`GroupCoordinator.onExpirePendingSync`).
    fn expire_sync(&mut self, now: Instant) {
        if self.sync_deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        self.sync_deadline = None;
        let silent: Vec<String> = self
            .members
            .iter()
            .filter(|member| member.owes_sync)
            .map(|member| member.id.clone())
            .collect();
        if silent.is_empty() {
            return;
        }
        for id in silent {
            self.drop_member(&id);
        }
        self.maybe_prepare_rebalance(now);
    }

    /// Remembers what a new coordinator would find in the log.
    pub(super) fn persist(&mut self) {
        self.persisted = Persisted {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: self.members.clone(),
        };
    }

    /// The group moves to another coordinator: whoever waits is sent there, and what was not
    /// written down is forgotten (`GroupCoordinator.onGroupUnloaded`, `onGroupLoaded`).
    pub(crate) fn reload(&mut self, now: Instant) {
        self.dismiss(ErrorCode::NOT_COORDINATOR);
        let found = self.persisted.clone();
        self.generation = found.generation;
        self.protocol_type = found.protocol_type;
        self.protocol = found.protocol;
        self.leader = found.leader;
        self.members = found.members;
        for member in &mut self.members {
            member.awaiting_sync = None;
            member.awaiting_join = None;
            member.owes_sync = false;
            member.is_new = false;
            member.touch(now);
        }
        self.phase = if self.members.is_empty() { GroupPhase::Empty } else { GroupPhase::Stable };
    }

    /// The group is removed: whoever waits is told, nobody can come back.
    pub(crate) fn kill(&mut self) {
        self.dismiss(ErrorCode::UNKNOWN_MEMBER_ID);
        self.phase = GroupPhase::Dead;
    }

    fn dismiss(&mut self, error: ErrorCode) {
        for member in std::mem::take(&mut self.members) {
            if let Some(ticket) = member.awaiting_join {
                let reply = JoinReply::failed(error, &member.id);
                self.replies.push_back(Reply::Join(ticket, reply));
            }
            if let Some(ticket) = member.awaiting_sync {
                let reply = super::SyncReply::failed(error);
                self.replies.push_back(Reply::Sync(ticket, reply));
            }
        }
        self.pending.clear();
        self.leader = None;
        self.join_deadline = None;
        self.sync_deadline = None;
    }
}
