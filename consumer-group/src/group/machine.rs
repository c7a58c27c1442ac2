//! The membership of a classic group as a machine without I/O or clock.
//!
//! ```text
//!            ┌──────────────── rejoin ───────────────┐
//!            ▼                                       │
//!  Joining ─join─► Assigning ─plan─► Syncing ─sync─► Stable ─rebalance─► Revoking
//!     ▲      leader │                   ▲                │                  │
//!     │             └─── a follower ────┘                │ close            │ given up
//!     └──────────────────────────────────────────────────┼──────────────────┘
//!                                                        ▼
//!     any ─refused─► Failed        any ─silent─► Leaving ─left─► Left ─awake─► Joining
//! ```
//!
//! `poll` gives the next action and `wake_at` the time of the one after; `handle_*` takes what
//! came of them. An answer names the attempt it belongs to and is ignored when that is over.
//!
//! What it says about partitions is incremental. The eager protocol differs from a cooperative one
//! only in [`GroupMachine::to_give_up`]: it gives up everything before it joins.

mod failure;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use ottla_client::{Backoff, RetryPolicy};
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{JoinGroupResponse, SyncGroupRequestAssignment, SyncGroupResponse};
use ottla_protocol::consumer_protocol::{self, ConsumerProtocolSubscription};
use tokio::time::Instant;

use self::failure::is_transient;
use super::action::{Action, Failure};
use super::assignment::{PartitionSet, assignment, by_topic, encode, read_assignment};
use super::assignor::{self, Member};
use super::state::{Coordinator, State, Then};

/// `retry.backoff.ms` and `retry.backoff.max.ms`.
const RETRY: RetryPolicy =
    RetryPolicy::doubling(Duration::from_millis(100), Duration::from_secs(1));

#[derive(Debug, Clone)]
pub(crate) struct GroupSettings {
    pub(crate) topics: Vec<String>,
    /// A static member does not leave when it goes (KIP-345).
    pub(crate) is_static: bool,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) seed: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct GroupMachine {
    settings: GroupSettings,
    state: State,
    coordinator: Coordinator,
    member_id: String,
    generation: i32,
    is_leader: bool,
    /// The topics the leader assigns, and what it knew of them when it last did.
    watched: BTreeSet<String>,
    counted: BTreeMap<String, i32>,
    owned: PartitionSet,
    /// Counts the states that wait for an answer, so that late answers can be told.
    attempt: u64,
    heartbeat_at: Instant,
    heartbeat_sent: bool,
    retry_at: Instant,
    backoff: Backoff,
    /// It had to join again since it was last stable. The next time it waits, or a coordinator that
    /// refuses every join would be asked as fast as it answers.
    stumbled: bool,
    events: VecDeque<Action>,
}

impl GroupMachine {
    pub(crate) fn new(settings: GroupSettings, now: Instant) -> Self {
        Self {
            backoff: Backoff::new(RETRY, settings.seed),
            settings,
            state: State::Joining { sent: false },
            coordinator: Coordinator::Unknown,
            member_id: String::new(),
            generation: -1,
            is_leader: false,
            watched: BTreeSet::new(),
            counted: BTreeMap::new(),
            owned: PartitionSet::new(),
            attempt: 0,
            heartbeat_at: now,
            heartbeat_sent: false,
            retry_at: now,
            stumbled: false,
            events: VecDeque::new(),
        }
    }

    pub(crate) fn member_id(&self) -> &str {
        &self.member_id
    }

    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    /// The member id that the coordinator still has to be told to forget.
    pub(crate) fn farewell(&self) -> Option<&str> {
        let known = !self.member_id.is_empty() && !self.settings.is_static;
        let over = matches!(self.state, State::Closed | State::Failed | State::Left);
        (known && !over).then_some(&self.member_id)
    }

    /// Whether a silent application is a reason to leave now.
    pub(crate) fn is_stable(&self) -> bool {
        matches!(self.state, State::Stable)
    }

    /// The topics whose partition counts the leader has to watch.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &str> {
        self.watched.iter().map(String::as_str)
    }

    /// The next thing to do, if there is one now.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Action> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if self.needs_coordinator() {
            return self.poll_coordinator(now);
        }
        if self.heartbeats() && !self.heartbeat_sent && now >= self.heartbeat_at {
            self.heartbeat_sent = true;
            return Some(Action::Heartbeat {
                attempt: self.attempt,
                member_id: self.member_id.clone(),
                generation: self.generation,
            });
        }
        if now < self.retry_at {
            return None;
        }
        let attempt = self.attempt;
        match &mut self.state {
            State::Joining { sent: sent @ false } => {
                *sent = true;
                Some(Action::Join {
                    attempt,
                    member_id: self.member_id.clone(),
                    subscription: self.subscription(),
                })
            }
            State::Assigning { sent: sent @ false, members } => {
                *sent = true;
                let topics = members.iter().flat_map(|member| &member.topics).cloned();
                self.watched = topics.collect();
                Some(Action::CountPartitions { attempt, topics: self.watched.clone() })
            }
            State::Syncing { sent: sent @ false, assignments } => {
                *sent = true;
                Some(Action::Sync {
                    attempt,
                    member_id: self.member_id.clone(),
                    generation: self.generation,
                    assignments: assignments.clone(),
                })
            }
            State::Leaving { sent: sent @ false, .. } => {
                *sent = true;
                Some(Action::Leave { attempt, member_id: self.member_id.clone() })
            }
            _ => None,
        }
    }

    /// When `poll` may have something although nothing has been handled in between.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        if !self.events.is_empty() {
            return Some(self.retry_at.min(self.heartbeat_at));
        }
        if self.needs_coordinator() {
            return matches!(self.coordinator, Coordinator::Unknown).then_some(self.retry_at);
        }
        let waiting = match self.state {
            State::Joining { sent }
            | State::Assigning { sent, .. }
            | State::Syncing { sent, .. }
            | State::Leaving { sent, .. } => (!sent).then_some(self.retry_at),
            _ => None,
        };
        let heartbeat = (self.heartbeats() && !self.heartbeat_sent).then_some(self.heartbeat_at);
        waiting.into_iter().chain(heartbeat).min()
    }

    pub(crate) fn handle_coordinator(&mut self, found: Result<(), Failure>, now: Instant) {
        match found {
            Ok(()) => {
                self.coordinator = Coordinator::Known;
                self.retry_at = now;
                if self.heartbeats() {
                    // The group may have run out of patience meanwhile; ask at once.
                    self.heartbeat_at = now;
                }
            }
            Err(Failure::Code(code)) if !is_transient(code) => self.fail("FindCoordinator", code),
            Err(_) => {
                self.coordinator = Coordinator::Unknown;
                self.back_off(now);
            }
        }
    }

    pub(crate) fn handle_joined(
        &mut self,
        attempt: u64,
        answer: Result<JoinGroupResponse, Failure>,
        now: Instant,
    ) {
        if attempt != self.attempt || !matches!(self.state, State::Joining { .. }) {
            return;
        }
        let response = match accepted(answer, |response| response.error_code) {
            Ok(response) => response,
            Err((failure, response)) => {
                if failure == Failure::Code(ErrorCode::MEMBER_ID_REQUIRED) {
                    // KIP-394: the id comes first, so that a lost answer leaves no ghost behind.
                    if let Some(response) = response {
                        self.member_id = response.member_id;
                    }
                    return self.stumble(now);
                }
                return self.handle_failure("JoinGroup", failure, now);
            }
        };
        self.backoff.reset();
        self.member_id = response.member_id;
        self.generation = response.generation_id;
        self.is_leader = response.leader == self.member_id;
        self.heartbeat_at = now + self.settings.heartbeat_interval;
        self.watched.clear();
        self.counted.clear();
        if !self.is_leader || response.skip_assignment {
            return self.enter(State::Syncing { sent: false, assignments: Vec::new() });
        }
        let members = response.members.into_iter().map(|member| Member {
            topics: consumer_protocol::decode::<ConsumerProtocolSubscription>(&member.metadata)
                .map(|subscription| subscription.topics)
                .inspect_err(|error| {
                    tracing::warn!(member = member.member_id, %error, "unreadable subscription");
                })
                .unwrap_or_default(),
            id: member.member_id,
            instance: member.group_instance_id,
        });
        let members = members.collect();
        self.enter(State::Assigning { sent: false, members });
    }

    /// The counts that were asked for; topics that are not known to exist are left out.
    pub(crate) fn handle_counted(&mut self, attempt: u64, counts: BTreeMap<String, i32>) {
        if attempt != self.attempt {
            return;
        }
        let State::Assigning { members, .. } = &self.state else { return };
        let assignments = assignor::assign(members, &counts)
            .into_iter()
            .map(|(member_id, topics)| SyncGroupRequestAssignment {
                member_id,
                assignment: assignment(topics),
            })
            .collect();
        self.counted = counts;
        self.enter(State::Syncing { sent: false, assignments });
    }

    pub(crate) fn handle_synced(
        &mut self,
        attempt: u64,
        answer: Result<SyncGroupResponse, Failure>,
        now: Instant,
    ) {
        if attempt != self.attempt || !matches!(self.state, State::Syncing { .. }) {
            return;
        }
        let response = match accepted(answer, |response| response.error_code) {
            Ok(response) => response,
            Err((failure, _)) => return self.handle_failure("SyncGroup", failure, now),
        };
        let Ok(assigned) = read_assignment(&response.assignment) else {
            // A leader that writes nonsense: Java gives up here as well.
            return self.fail("SyncGroup", ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        };
        self.backoff.reset();
        let (wanted, foreign): (PartitionSet, PartitionSet) =
            assigned.into_iter().partition(|(topic, _)| self.settings.topics.contains(topic));
        if !foreign.is_empty() {
            tracing::warn!(?foreign, "the leader assigned topics that are not subscribed to");
        }
        let added: PartitionSet = wanted.difference(&self.owned).cloned().collect();
        self.owned = wanted;
        self.stumbled = false;
        self.enter(State::Stable);
        self.events.push_back(Action::Assigned(added));
    }

    pub(crate) fn handle_heartbeat(
        &mut self,
        attempt: u64,
        answer: Result<(), Failure>,
        now: Instant,
    ) {
        self.heartbeat_sent = false;
        self.heartbeat_at = now + self.settings.heartbeat_interval;
        if !self.heartbeats() {
            return;
        }
        match answer {
            Ok(()) => self.backoff.reset(),
            // An answer to the generation before says nothing about this one.
            Err(Failure::Code(_)) if attempt != self.attempt => {}
            Err(Failure::Code(ErrorCode::REBALANCE_IN_PROGRESS)) => self.rebalance(),
            Err(failure) => self.handle_failure("Heartbeat", failure, now),
        }
    }

    /// What a commit was refused with says as much as a heartbeat, about the same generation.
    pub(crate) fn handle_commit_refused(&mut self, generation: i32, code: ErrorCode, now: Instant) {
        if generation == self.generation && self.heartbeats() {
            match code {
                ErrorCode::REBALANCE_IN_PROGRESS => self.rebalance(),
                ErrorCode::ILLEGAL_GENERATION
                | ErrorCode::UNKNOWN_MEMBER_ID
                | ErrorCode::FENCED_INSTANCE_ID => {
                    self.handle_failure("OffsetCommit", Failure::Code(code), now);
                }
                _ => {}
            }
        }
    }

    /// The application is done with what it had to give up, or its time is over.
    pub(crate) fn handle_revoked(&mut self) {
        let State::Revoking { then } = self.state else { return };
        match then {
            Then::Join => self.enter(State::Joining { sent: false }),
            then => self.leave(then),
        }
    }

    pub(crate) fn handle_left(&mut self, attempt: u64) {
        if attempt == self.attempt {
            if let State::Leaving { then, .. } = self.state {
                self.gone(then);
            }
        }
    }

    /// The topics' partition counts as they are now. The leader assigns anew when they differ from
    /// what it knew.
    pub(crate) fn handle_topics(&mut self, counts: &BTreeMap<String, i32>) {
        if !self.watched.is_empty() && self.is_stable() && *counts != self.counted {
            tracing::debug!(before = ?self.counted, now = ?counts, "partitions changed: rejoining");
            self.rebalance();
        }
    }

    /// The application has been silent for too long: others shall have its partitions.
    pub(crate) fn handle_silence(&mut self) {
        if self.is_stable() {
            self.lose();
            self.leave(Then::WaitForLife);
        }
    }

    /// The application is back.
    pub(crate) fn handle_life(&mut self) {
        match &mut self.state {
            State::Left => self.enter(State::Joining { sent: false }),
            State::Leaving { then: then @ Then::WaitForLife, .. } => *then = Then::Join,
            _ => {}
        }
    }

    /// Give up everything in good order, then leave for good.
    pub(crate) fn handle_close(&mut self) {
        match &mut self.state {
            State::Failed | State::Closed => self.events.push_back(Action::Closed),
            State::Left => self.gone(Then::Close),
            State::Leaving { then, .. } | State::Revoking { then } => *then = Then::Close,
            State::Joining { .. } | State::Assigning { .. } | State::Syncing { .. } => {
                self.leave(Then::Close);
            }
            State::Stable => self.revoke(Then::Close),
        }
    }

    /// What has to be given up before joining: the eager protocol's rule is everything.
    fn to_give_up(&self) -> PartitionSet {
        self.owned.clone()
    }

    fn rebalance(&mut self) {
        if self.is_stable() {
            self.revoke(Then::Join);
        }
    }

    fn revoke(&mut self, then: Then) {
        let revoked = if then == Then::Join { self.to_give_up() } else { self.owned.clone() };
        self.owned.retain(|partition| !revoked.contains(partition));
        self.enter(State::Revoking { then });
        self.events.push_back(Action::Revoke(revoked));
    }

    fn lose(&mut self) {
        let lost = std::mem::take(&mut self.owned);
        self.events.push_back(Action::Lost(lost));
    }

    fn leave(&mut self, then: Then) {
        if self.settings.is_static || self.member_id.is_empty() {
            return self.gone(then);
        }
        self.enter(State::Leaving { sent: false, then });
    }

    fn gone(&mut self, then: Then) {
        if !self.settings.is_static {
            self.member_id.clear();
        }
        self.generation = -1;
        match then {
            Then::Join => self.enter(State::Joining { sent: false }),
            Then::WaitForLife => self.enter(State::Left),
            Then::Close => {
                self.enter(State::Closed);
                self.events.push_back(Action::Closed);
            }
        }
    }

    fn enter(&mut self, state: State) {
        self.attempt = self.attempt.wrapping_add(1);
        self.state = state;
    }

    fn poll_coordinator(&mut self, now: Instant) -> Option<Action> {
        if matches!(self.coordinator, Coordinator::Unknown) && now >= self.retry_at {
            self.coordinator = Coordinator::Finding;
            return Some(Action::FindCoordinator);
        }
        None
    }

    fn needs_coordinator(&self) -> bool {
        !matches!(self.coordinator, Coordinator::Known)
            && !matches!(self.state, State::Left | State::Closed | State::Failed)
    }

    /// Whether the coordinator expects heartbeats: also while the application takes its time to
    /// give something up, which is what keeps the member alive meanwhile.
    fn heartbeats(&self) -> bool {
        matches!(
            self.state,
            State::Assigning { .. }
                | State::Syncing { .. }
                | State::Stable
                | State::Revoking { .. }
        )
    }

    fn subscription(&self) -> Bytes {
        let subscription = ConsumerProtocolSubscription {
            topics: self.settings.topics.clone(),
            owned_partitions: by_topic(&self.owned),
            generation_id: self.generation,
            ..ConsumerProtocolSubscription::default()
        };
        encode(&subscription)
    }
}

/// A response, or why it is none, with the one that refuses.
fn accepted<R>(
    answer: Result<R, Failure>,
    code: impl Fn(&R) -> ErrorCode,
) -> Result<R, (Failure, Option<R>)> {
    let response = answer.map_err(|failure| (failure, None))?;
    match code(&response) {
        ErrorCode::NONE => Ok(response),
        code => Err((Failure::Code(code), Some(response))),
    }
}

#[cfg(test)]
mod tests;
