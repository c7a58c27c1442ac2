//! Handing out the leader's assignment.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use ottla_protocol::ErrorCode;

use super::{Group, GroupPhase, Reply, Ticket};

/// A SyncGroup request, whatever its version.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    pub(crate) ticket: Ticket,
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
    /// From v5 on (KIP-559).
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    /// By member; from the leader only.
    pub(crate) assignments: BTreeMap<String, Bytes>,
}

/// The answer to a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncReply {
    pub(crate) error: ErrorCode,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignment: Bytes,
}

impl SyncReply {
    pub(crate) fn failed(error: ErrorCode) -> Self {
        Self { error, protocol_type: None, protocol: None, assignment: Bytes::new() }
    }
}

impl Group {
    /// A member asks for its assignment, the leader brings everyone's
    /// (`GroupCoordinator.doSyncGroup`). The answer comes out of `poll_reply`.
    pub(crate) fn sync(&mut self, now: Instant, sync: Sync) {
        let ticket = sync.ticket;
        if let Err(error) = self.try_sync(now, sync) {
            self.replies.push_back(Reply::Sync(ticket, SyncReply::failed(error)));
        }
    }

    fn try_sync(&mut self, now: Instant, sync: Sync) -> Result<(), ErrorCode> {
        self.validate_sync(&sync)?;
        match self.phase {
            GroupPhase::Empty | GroupPhase::Dead => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            GroupPhase::PreparingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            GroupPhase::CompletingRebalance => {
                if let Some(member) = self.member_mut(&sync.member_id) {
                    member.owes_sync = false;
                    let superseded = member.awaiting_sync.replace(sync.ticket);
                    self.fail_sync(superseded, ErrorCode::REBALANCE_IN_PROGRESS);
                }
                if self.is_leader(&sync.member_id) {
                    self.assign(now, sync.assignments);
                }
                Ok(())
            }
            GroupPhase::Stable => {
                let reply = self.sync_reply(&sync.member_id);
                self.replies.push_back(Reply::Sync(sync.ticket, reply));
                if let Some(member) = self.member_mut(&sync.member_id) {
                    member.owes_sync = false;
                    member.touch(now);
                }
                Ok(())
            }
        }
    }

    fn validate_sync(&self, sync: &Sync) -> Result<(), ErrorCode> {
        if self.phase == GroupPhase::Dead {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        self.validate_member(&sync.member_id, sync.instance_id.as_deref())?;
        if sync.generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        let differs =
            |theirs: &Option<String>, ours: &Option<String>| theirs.is_some() && theirs != ours;
        if differs(&sync.protocol_type, &self.protocol_type)
            || differs(&sync.protocol, &self.protocol)
        {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        Ok(())
    }

    fn assign(&mut self, now: Instant, mut assignments: BTreeMap<String, Bytes>) {
        for member in &mut self.members {
            member.assignment = assignments.remove(&member.id).unwrap_or_default();
        }
        self.phase = GroupPhase::Stable;
        self.persist();
        self.answer_syncs(now);
    }

    fn answer_syncs(&mut self, now: Instant) {
        let waiting: Vec<(String, Ticket)> = self
            .members
            .iter_mut()
            .filter_map(|member| Some((member.id.clone(), member.awaiting_sync.take()?)))
            .collect();
        for (id, ticket) in waiting {
            let reply = self.sync_reply(&id);
            self.replies.push_back(Reply::Sync(ticket, reply));
            self.touch(now, &id);
        }
    }

    /// Tells everyone who waits for an assignment that none will come.
    pub(super) fn fail_syncs(&mut self, now: Instant, error: ErrorCode) {
        for member in &mut self.members {
            member.assignment = Bytes::new();
            if let Some(ticket) = member.awaiting_sync.take() {
                self.replies.push_back(Reply::Sync(ticket, SyncReply::failed(error)));
                member.touch(now);
            }
        }
    }

    fn fail_sync(&mut self, ticket: Option<Ticket>, error: ErrorCode) {
        if let Some(ticket) = ticket {
            self.replies.push_back(Reply::Sync(ticket, SyncReply::failed(error)));
        }
    }

    fn sync_reply(&self, id: &str) -> SyncReply {
        SyncReply {
            error: ErrorCode::NONE,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self.member(id).map(|member| member.assignment.clone()).unwrap_or_default(),
        }
    }
}
