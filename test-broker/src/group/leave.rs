//! Leaving, by request or by falling silent.

use std::time::Instant;

use ottla_protocol::ErrorCode;

use super::{Group, GroupPhase, JoinReply, Reply, SyncReply};

/// One of the members a LeaveGroup request names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaving {
    /// May be empty when the instance id is given.
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
}

impl Group {
    /// A member leaves (`GroupCoordinator.handleLeaveGroup`).
    ///
    /// # Errors
    /// It is not in the group under this identity.
    pub(crate) fn leave(&mut self, now: Instant, leaving: &Leaving) -> Result<(), ErrorCode> {
        if self.phase == GroupPhase::Dead {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        if self.pending.remove(&leaving.member_id).is_some() {
            self.try_complete_join(now);
            return Ok(());
        }
        let by_instance = leaving.instance_id.as_deref().filter(|_| leaving.member_id.is_empty());
        let id = match by_instance {
            Some(instance) => self.static_member(instance).map(|member| member.id.clone()),
            None => {
                self.validate_member(&leaving.member_id, leaving.instance_id.as_deref())?;
                Some(leaving.member_id.clone())
            }
        };
        let id = id.ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        self.remove_member(now, &id);
        Ok(())
    }

    /// Takes a member out and lets the others gather again.
    pub(super) fn remove_member(&mut self, now: Instant, id: &str) {
        self.drop_member(id);
        match self.phase {
            GroupPhase::Stable | GroupPhase::CompletingRebalance => self.prepare_rebalance(now),
            GroupPhase::PreparingRebalance => self.try_complete_join(now),
            GroupPhase::Empty | GroupPhase::Dead => {}
        }
    }

    /// Takes a member out; what it waits for is answered.
    pub(super) fn drop_member(&mut self, id: &str) {
        let Some(at) = self.members.iter().position(|member| member.id == id) else { return };
        let member = self.members.remove(at);
        let error = ErrorCode::UNKNOWN_MEMBER_ID;
        if let Some(ticket) = member.awaiting_join {
            self.replies.push_back(Reply::Join(ticket, JoinReply::failed(error, id)));
        }
        if let Some(ticket) = member.awaiting_sync {
            self.replies.push_back(Reply::Sync(ticket, SyncReply::failed(error)));
        }
        if self.is_leader(id) {
            self.leader = self.members.first().map(|member| member.id.clone());
        }
    }
}
