//! The groups of a cluster: drives their machines, and hands late answers to who waits for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use ottla_protocol::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::Shared;
use crate::group::{
    Committer, Group, GroupPolicy, Join, JoinReply, Reply, Sync, SyncReply, Ticket,
};

/// Waits for the answer to a join.
pub(crate) type JoinWait = oneshot::Receiver<JoinReply>;
/// Waits for the answer to a sync.
pub(crate) type SyncWait = oneshot::Receiver<SyncReply>;

/// All groups, behind a lock of their own: never taken before the cluster's state.
#[derive(Debug)]
pub(crate) struct Coordination {
    policy: GroupPolicy,
    groups: Mutex<Groups>,
    /// A deadline may have come nearer.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Groups {
    by_id: BTreeMap<String, Group>,
    joins: HashMap<Ticket, oneshot::Sender<JoinReply>>,
    syncs: HashMap<Ticket, oneshot::Sender<SyncReply>>,
    next_ticket: u64,
}

impl Coordination {
    pub(crate) fn new(policy: GroupPolicy) -> Self {
        Self { policy, groups: Mutex::default(), changed: Notify::new() }
    }

    /// Joins a group; `join` is told its ticket. A member without an id creates the group.
    ///
    /// # Errors
    /// There is no such group for a member that has an id already.
    pub(crate) fn join(
        &self,
        now: Instant,
        group: &str,
        member_id: &str,
        join: impl FnOnce(Ticket) -> Join,
    ) -> Result<JoinWait, ErrorCode> {
        let mut groups = self.groups.lock();
        if !groups.by_id.contains_key(group) {
            if !member_id.is_empty() {
                return Err(ErrorCode::UNKNOWN_MEMBER_ID);
            }
            groups.by_id.insert(group.to_owned(), Group::new(self.policy.clone()));
        }
        let (send, wait) = oneshot::channel();
        let ticket = groups.ticket();
        groups.joins.insert(ticket, send);
        groups.drive(group, |machine| machine.join(now, &join(ticket)));
        drop(groups);
        self.changed.notify_one();
        Ok(wait)
    }

    /// Asks for an assignment; `sync` is told its ticket.
    ///
    /// # Errors
    /// There is no such group.
    pub(crate) fn sync(
        &self,
        now: Instant,
        group: &str,
        sync: impl FnOnce(Ticket) -> Sync,
    ) -> Result<SyncWait, ErrorCode> {
        let mut groups = self.groups.lock();
        if !groups.by_id.contains_key(group) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        let (send, wait) = oneshot::channel();
        let ticket = groups.ticket();
        groups.syncs.insert(ticket, send);
        groups.drive(group, |machine| machine.sync(now, sync(ticket)));
        drop(groups);
        self.changed.notify_one();
        Ok(wait)
    }

    /// Does something to a group that is there.
    pub(crate) fn with<R>(&self, group: &str, act: impl FnOnce(&mut Group) -> R) -> Option<R> {
        let result = self.groups.lock().drive(group, act);
        self.changed.notify_one();
        result
    }

    /// Does something to a group, which is created if need be.
    pub(crate) fn with_new<R>(&self, group: &str, act: impl FnOnce(&mut Group) -> R) -> Option<R> {
        let mut groups = self.groups.lock();
        if !groups.by_id.contains_key(group) {
            groups.by_id.insert(group.to_owned(), Group::new(self.policy.clone()));
        }
        let result = groups.drive(group, act);
        drop(groups);
        self.changed.notify_one();
        result
    }

    /// Whether this committer may commit to the group now. Groups that only store offsets begin with
    /// their first commit.
    ///
    /// # Errors
    /// As [`Group::may_commit`]; `missing` if a member says it is of a group that is not there.
    pub(crate) fn may_commit(
        &self,
        now: Instant,
        group: &str,
        committer: Committer<'_>,
        missing: ErrorCode,
    ) -> Result<(), ErrorCode> {
        if committer.generation < 0 {
            return self
                .with_new(group, |group| group.may_commit(now, committer))
                .unwrap_or(Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
        }
        self.with(group, |group| group.may_commit(now, committer)).unwrap_or(Err(missing))
    }

    /// Does something to every group whose id `which` picks.
    pub(crate) fn for_each(&self, which: impl Fn(&str) -> bool, mut act: impl FnMut(&mut Group)) {
        let mut groups = self.groups.lock();
        let ids: Vec<String> = groups.by_id.keys().filter(|id| which(id)).cloned().collect();
        for id in ids {
            groups.drive(&id, &mut act);
        }
        drop(groups);
        self.changed.notify_one();
    }

    /// Removes a group; its members are told.
    pub(crate) fn remove(&self, group: &str) -> bool {
        let mut groups = self.groups.lock();
        let there = groups.drive(group, Group::kill).is_some();
        groups.by_id.remove(group);
        there
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.groups.lock().by_id.keys().cloned().collect()
    }

    fn deadline(&self) -> Option<Instant> {
        self.groups.lock().by_id.values().filter_map(Group::poll_deadline).min()
    }

    fn handle_timeouts(&self, now: Instant) {
        let due = |group: &Group| group.poll_deadline().is_some_and(|deadline| deadline <= now);
        let mut groups = self.groups.lock();
        let ids: Vec<String> =
            groups.by_id.iter().filter(|(_, group)| due(group)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            groups.drive(&id, |group| group.handle_timeout(now));
        }
    }
}

impl Groups {
    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Feeds a group and forwards what comes out of it.
    fn drive<R>(&mut self, group: &str, act: impl FnOnce(&mut Group) -> R) -> Option<R> {
        let machine = self.by_id.get_mut(group)?;
        let result = act(machine);
        while let Some(reply) = machine.poll_reply() {
            // A connection that was cut has stopped waiting; its answer is lost, as on a wire.
            match reply {
                Reply::Join(ticket, reply) => {
                    if let Some(waiting) = self.joins.remove(&ticket) {
                        let _ = waiting.send(reply);
                    }
                }
                Reply::Sync(ticket, reply) => {
                    if let Some(waiting) = self.syncs.remove(&ticket) {
                        let _ = waiting.send(reply);
                    }
                }
            }
        }
        Some(result)
    }
}

/// Lets sessions and rebalances time out, until the cluster ends.
pub(super) async fn run_timers(shared: Arc<Shared>) {
    let coordination = &shared.coordination;
    loop {
        let deadline = coordination.deadline();
        tokio::select! {
            biased;
            () = shared.ended.cancelled() => return,
            () = coordination.changed.notified() => {}
            () = sleep_until(deadline) => coordination.handle_timeouts(shared.clock.now()),
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
