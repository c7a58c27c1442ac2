//! What the coordinators' answers lead to.

use std::time::Duration;

use tokio::time::Instant;

use super::{Answer, Effect, End, Machine, Phase, Protocol, Request, Verdict, Waiter};
use crate::{
    idempotence::Identity,
    transaction::error::{CommitError, Doubt, FatalCause, TransactionError},
};

impl<P: Clone> Machine<P> {
    /// Takes in what came of the request that was out. If it is to be asked again, then `wait`
    /// later.
    pub(in crate::transaction) fn answered(
        &mut self,
        now: Instant,
        answer: Answer,
        wait: Duration,
    ) {
        let Some(asked) = self.asking.take() else { return };
        if matches!(self.phase, Phase::Fatal(_)) {
            return;
        }
        match answer {
            Answer::Again { effect, cause, .. } => {
                self.failures = self.failures.saturating_add(1);
                self.resume_at = Some(now + wait);
                self.last = Some(cause);
                self.ask_again(asked, effect);
                return;
            }
            Answer::Fatal(cause) => return self.end_for_good(&asked, cause),
            Answer::Fenced(code) => {
                let aborting = matches!(asked, Request::End(End::Abort));
                if aborting && self.protocol == Protocol::Second {
                    return self.suspect_fence();
                }
                return self.end_for_good(&asked, FatalCause::Fenced { code });
            }
            _ => {}
        }
        (self.failures, self.last) = (0, None);
        match asked {
            Request::Initialise { .. } => self.initialised(answer),
            Request::AddPartitions(partitions) => match answer {
                Answer::Done => {
                    self.started = true;
                    if matches!(self.phase, Phase::Open | Phase::Settling(End::Commit)) {
                        self.effects.push_back(Effect::Enlist(partitions));
                    }
                }
                refused => self.refused(refused),
            },
            Request::AddOffsets(group) => match answer {
                Answer::Done => {
                    self.started = true;
                    self.groups.push(group);
                }
                refused => self.refused(refused),
            },
            Request::CommitOffsets(ticket) => match answer {
                // After a failure they were told of it already.
                Answer::Done if self.offsets.front().is_some_and(|it| it.ticket == ticket) => {
                    self.offsets.pop_front();
                    self.effects.push_back(Effect::Offsets(ticket, Ok(())));
                }
                Answer::Done => {}
                refused => self.refused(refused),
            },
            Request::End(end) => self.ended(end, answer),
        }
    }

    fn ask_again(&mut self, asked: Request<P>, effect: bool) {
        match asked {
            Request::Initialise { .. } => {}
            Request::AddPartitions(mut partitions) => {
                self.started |= effect;
                self.late |= effect;
                if matches!(self.phase, Phase::Open | Phase::Settling(End::Commit)) {
                    partitions.append(&mut self.wanted);
                    self.wanted = partitions;
                }
            }
            Request::AddOffsets(_) => {
                self.started |= effect;
                self.late |= effect;
            }
            Request::CommitOffsets(_) => self.late |= effect,
            Request::End(end) => {
                self.late |= effect;
                self.commit_tried |= effect && end == End::Commit;
            }
        }
    }

    fn initialised(&mut self, answer: Answer) {
        match answer {
            Answer::Named(identity) => self.named(identity),
            // Whoever had no need of another epoch goes on under this one.
            Answer::CannotRaise(_) if !self.must_raise => {
                if let Some(identity) = self.identity {
                    self.named(identity);
                }
            }
            Answer::CannotRaise(cause) => self.die(FatalCause::Unsupported { cause }),
            _ => {}
        }
    }

    fn named(&mut self, identity: Identity) {
        self.identity = Some(identity);
        (self.must_raise, self.late) = (false, false);
        if self.phase == Phase::Nameless {
            self.phase = Phase::Ready;
        }
        if self.waiter == Some(Waiter::Abort) {
            self.tell(Verdict::Ended);
        }
    }

    /// Under the second protocol an abort is refused as fenced also while the markers of the
    /// transaction before are being written, if nothing of this one has reached the coordinator.
    /// Who asks for the next epoch by telling the present one is told the truth.
    fn suspect_fence(&mut self) {
        (self.phase, self.must_raise) = (Phase::Nameless, true);
        (self.failures, self.resume_at, self.end_by) = (0, None, None);
        self.effects.push_back(Effect::Close);
    }

    fn refused(&mut self, answer: Answer) {
        if let Answer::Refused(cause) | Answer::Stranger(cause) | Answer::NothingOpen(cause) =
            answer
        {
            self.fail(cause);
        }
    }

    fn ended(&mut self, end: End, answer: Answer) {
        match (end, answer) {
            (_, Answer::Named(identity)) => {
                self.identity = Some(identity);
                self.over(end);
            }
            // An answer of the second protocol without an identity: ask for one.
            (_, Answer::Done) if self.protocol == Protocol::Second => {
                self.over(end);
                (self.phase, self.must_raise) = (Phase::Nameless, true);
            }
            (_, Answer::Done) => self.over(end),
            // Nothing is open there; who we are to the coordinator is found out next.
            (End::Abort, _) => {
                self.over(end);
                (self.phase, self.must_raise) = (Phase::Nameless, true);
            }
            (End::Commit, Answer::Stranger(_)) if self.commit_tried => {
                let after = self.patience;
                let cause = Doubt::TimedOut { after, last: self.last.clone() };
                self.doubt(CommitError::Unknown { cause });
            }
            (
                End::Commit,
                Answer::Refused(cause) | Answer::Stranger(cause) | Answer::NothingOpen(cause),
            ) => {
                self.must_raise = true;
                self.end_by = None;
                // A commit that was in doubt is told of no other way.
                if self.phase == Phase::Ending(End::Commit) {
                    self.phase = Phase::Doomed(cause.clone());
                    self.not_committed(CommitError::Abortable { cause });
                }
            }
            // Dealt with before.
            (End::Commit, _) => {}
        }
    }

    fn doubt(&mut self, error: CommitError) {
        (self.phase, self.must_raise, self.end_by) = (Phase::Doubtful, true, None);
        self.not_committed(error);
    }

    /// The answer to `asked` was that the producer cannot go on.
    fn end_for_good(&mut self, asked: &Request<P>, cause: FatalCause) {
        // Only a coordinator can say that it was not done: what ends on our side may be on its way.
        let unclear = self.commit_tried || cause == FatalCause::Ended;
        if unclear && matches!(asked, Request::End(End::Commit)) {
            let cause = Doubt::Fatal { cause: cause.clone() };
            self.not_committed(CommitError::Unknown { cause });
        }
        self.die(cause);
    }

    /// The producer cannot go on.
    pub(in crate::transaction) fn die(&mut self, cause: FatalCause) {
        if matches!(self.phase, Phase::Fatal(_)) {
            return;
        }
        let asking = matches!(self.asking, Some(Request::End(End::Commit)));
        if self.phase == Phase::Ending(End::Commit) && (self.commit_tried || asking) {
            let cause = Doubt::Fatal { cause: cause.clone() };
            self.not_committed(CommitError::Unknown { cause });
        }
        self.fail_offsets(&TransactionError::Fatal { cause: cause.clone() });
        self.wanted.clear();
        (self.resume_at, self.end_by) = (None, None);
        self.phase = Phase::Fatal(cause.clone());
        self.effects.push_back(Effect::End(cause));
    }
}
