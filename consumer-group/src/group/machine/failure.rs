//! What a refused or unanswered request leads to: the same again, another join, a new member, the end.

use ottla_protocol::ErrorCode;
use tokio::time::Instant;

use super::{Coordinator, GroupMachine, State, Then};
use crate::group::action::{Action, Failure, GroupError};

impl GroupMachine {
    /// What every request to the coordinator may fail with.
    pub(super) fn handle_failure(&mut self, api: &'static str, failure: Failure, now: Instant) {
        let code = match failure {
            // The same question would get the same answer. librdkafka's mock cluster refuses a sync with
            // an assignment that is null, which none may be: another generation may do better.
            Failure::Garbled if matches!(self.state, State::Syncing { .. }) => {
                self.back_off(now);
                return self.enter(State::Joining { sent: false });
            }
            Failure::Unreachable | Failure::Garbled => {
                self.coordinator = Coordinator::Unknown;
                return self.again(now);
            }
            Failure::Code(code) => code,
        };
        tracing::debug!(api, %code, generation = self.generation, "the coordinator refused");
        match code {
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => {
                self.coordinator = Coordinator::Unknown;
                self.again(now);
            }
            // Without an id the member is new; with the id kept the coordinator takes it back.
            ErrorCode::UNKNOWN_MEMBER_ID => self.start_over(String::new(), now),
            ErrorCode::ILLEGAL_GENERATION => self.start_over(self.member_id.clone(), now),
            // Only from SyncGroup here: another rebalance began before this one was over.
            ErrorCode::REBALANCE_IN_PROGRESS => self.stumble(now),
            code if is_transient(code) => self.again(now),
            code => self.fail(api, code),
        }
    }

    /// The same once more, later.
    pub(super) fn again(&mut self, now: Instant) {
        self.back_off(now);
        match &mut self.state {
            State::Joining { sent }
            | State::Assigning { sent, .. }
            | State::Syncing { sent, .. }
            | State::Leaving { sent, .. } => {
                *sent = false;
                self.attempt = self.attempt.wrapping_add(1);
            }
            _ => self.heartbeat_at = self.heartbeat_at.min(self.retry_at),
        }
    }

    pub(super) fn start_over(&mut self, member_id: String, now: Instant) {
        self.member_id = member_id;
        self.generation = -1;
        if !self.owned.is_empty() || self.heartbeats() {
            self.lose();
        }
        // A commit or heartbeat of a member on its way out must not bring it back.
        let then = match self.state {
            State::Revoking { then } | State::Leaving { then, .. } => then,
            _ => Then::Join,
        };
        self.back_off(now);
        self.gone_without_id(then);
    }

    pub(super) fn gone_without_id(&mut self, then: Then) {
        match then {
            Then::Join => self.enter(State::Joining { sent: false }),
            then => self.gone(then),
        }
    }

    pub(super) fn fail(&mut self, api: &'static str, code: ErrorCode) {
        self.lose();
        self.generation = -1;
        self.enter(State::Failed);
        self.events.push_back(Action::Fail(GroupError { api, code }));
    }

    /// Joins again: at once if it is the first time since the member was last stable.
    pub(super) fn stumble(&mut self, now: Instant) {
        if std::mem::replace(&mut self.stumbled, true) {
            self.back_off(now);
        }
        self.enter(State::Joining { sent: false });
    }

    pub(super) fn back_off(&mut self, now: Instant) {
        self.retry_at = now + self.backoff.next();
    }
}

/// Worth another attempt although the code is not about the member.
pub(super) fn is_transient(code: ErrorCode) -> bool {
    code.is_retriable() || code == ErrorCode::UNKNOWN_SERVER_ERROR
}
