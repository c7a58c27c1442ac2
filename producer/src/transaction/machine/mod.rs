//! The life of one transactional id, as its producer sees it: a machine without I/O or clock.

mod answers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::ErrorCode;
use tokio::time::Instant;

use super::error::{AbortCause, CommitError, Doubt, FatalCause, TransactionError};
use crate::idempotence::Identity;

/// Decides what is asked of the coordinators, and what their answers mean.
///
/// ```text
///               begin            named            begin
///   (nameless) ──────► Nameless ──────► Ready ──────────────► Open ◄─┐ records, offsets
///                         ▲               ▲                   │ │ └──┘
///                         │ epoch has to  │ ended      commit │ │ something failed
///                         │ be raised     │                   │ ▼
///                         │               │                   │ Doomed
///                         │               │                   │ │ abort, drop, begin, close
///                         │               │                   ▼ ▼
///                         ├───────────────┴─── Ending ◄── Settling     all have outcomes
///                         │                     │  ▲
///                         │      no clear answer│  │ begin, close: abort what is not committed
///                         │      to a commit    ▼  │
///                         │                    Doubtful
///                         └── and from anywhere, for good: Fatal
/// ```
///
/// Invariants:
/// - A commit is told as done only when the coordinator has said so.
/// - One request is out at a time, so that the coordinator sees them in order.
/// - Nothing is asked to be ended while a record or an offset of it has no outcome.
/// - Under the first protocol an epoch lasts over many transactions, so a request that is still on
///   its way could hit a later one (H19): after any that had no clear answer, and after every
///   abort, the epoch is raised (KIP-360). Under the second every end raises it.
/// - The epoch is raised by telling the present one, so that a producer that was fenced finds out
///   and fences nobody in turn.
#[derive(Debug)]
pub(super) struct Machine<P> {
    phase: Phase,
    identity: Option<Identity>,
    /// How long an end, or whoever waits, is waited for.
    patience: Duration,
    /// The protocol of the open transaction; what is begun next may follow another one.
    protocol: Protocol,
    /// A transaction has been asked for, and another may follow.
    called: bool,
    /// The coordinator may know of the transaction.
    started: bool,
    /// All records have their outcomes.
    settled: bool,
    /// A request of this epoch may still arrive some time.
    late: bool,
    /// Sequences of this epoch are broken, or the coordinator holds another epoch.
    must_raise: bool,
    /// The commit may have been taken in.
    commit_tried: bool,
    /// Partitions to be added.
    wanted: Vec<P>,
    offsets: VecDeque<Offsets>,
    /// Groups that have been added.
    groups: Vec<Arc<str>>,
    asking: Option<Request<P>>,
    failures: u32,
    /// Nothing is asked before, after a failure.
    resume_at: Option<Instant>,
    /// What went wrong last.
    last: Option<String>,
    waiter: Option<Waiter>,
    /// When the waiter is told that it takes too long.
    wait_until: Option<Instant>,
    /// When a commit without a clear answer is given up.
    end_by: Option<Instant>,
    effects: VecDeque<Effect<P>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// There is no identity, or one whose epoch has to be raised first.
    Nameless,
    Ready,
    Open,
    /// Open, but to be aborted.
    Doomed(AbortCause),
    /// Waiting for the outcomes of records and offsets.
    Settling(End),
    Ending(End),
    /// Nobody knows whether it is committed.
    Doubtful,
    Fatal(FatalCause),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Commit,
    Abort,
}

/// How a cluster runs transactions (its feature `transaction.version`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// Partitions and groups are added by requests of their own (KIP-98).
    First,
    /// The first write adds a partition, the first offset a group, and each end raises the epoch
    /// (KIP-890).
    Second,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waiter {
    Begin,
    Commit,
    Abort,
    Close,
}

#[derive(Clone, Debug)]
struct Offsets {
    ticket: u64,
    group: Arc<str>,
    by: Instant,
}

/// What is to be asked of a coordinator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Request<P> {
    /// `InitProducerId`, telling the identity held so far if there is one.
    Initialise {
        expected: Option<Identity>,
    },
    AddPartitions(Vec<P>),
    AddOffsets(Arc<str>),
    /// `TxnOffsetCommit` of the offsets that were handed in under this ticket.
    CommitOffsets(u64),
    End(End),
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Done,
    /// Done, and this is who we are from now on.
    Named(Identity),
    /// To be asked again later. `effect` says whether it may have been done all the same, `soon`
    /// whether it only waits for the end of the transaction before.
    Again {
        effect: bool,
        soon: bool,
        cause: String,
    },
    /// The coordinator has nothing open that could be ended that way.
    NothingOpen(AbortCause),
    /// The coordinator does not know this producer (any longer).
    Stranger(AbortCause),
    /// This cannot be done; the transaction has to be aborted.
    Refused(AbortCause),
    /// The coordinator takes this producer for one of the past.
    Fenced(ErrorCode),
    /// The brokers cannot raise an epoch.
    CannotRaise(String),
    Fatal(FatalCause),
}

/// What is to be done besides asking.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Effect<P> {
    /// A transaction is open: records may be sent under this identity.
    Open(Identity, Protocol),
    /// The partitions are in the transaction.
    Enlist(Vec<P>),
    /// Records that need not be waited for are given up.
    Doom,
    /// [`Machine::settled`] is to be called once all records have their outcomes.
    Settle,
    /// The transaction is over.
    Close,
    /// What became of offsets.
    Offsets(u64, Result<(), TransactionError>),
    /// For whoever waits.
    Verdict(Verdict),
    /// The producer has come to its end.
    End(FatalCause),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Begun,
    Committed,
    /// Aborted, or closed.
    Ended,
    NotCommitted(CommitError),
    Failed(TransactionError),
}

impl<P: Clone> Machine<P> {
    pub(super) const fn new(patience: Duration) -> Self {
        Self {
            phase: Phase::Nameless,
            identity: None,
            patience,
            protocol: Protocol::First,
            called: false,
            started: false,
            settled: false,
            late: false,
            must_raise: false,
            commit_tried: false,
            wanted: Vec::new(),
            offsets: VecDeque::new(),
            groups: Vec::new(),
            asking: None,
            failures: 0,
            resume_at: None,
            last: None,
            waiter: None,
            wait_until: None,
            end_by: None,
            effects: VecDeque::new(),
        }
    }

    pub(super) const fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// The protocol of the open transaction.
    pub(super) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    #[cfg(test)]
    pub(super) const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether the records' outcomes are waited for.
    pub(super) const fn is_settling(&self) -> bool {
        matches!(self.phase, Phase::Settling(_)) && !self.settled
    }

    /// What is to be done besides asking, in order.
    pub(super) fn take_effect(&mut self) -> Option<Effect<P>> {
        self.effects.pop_front()
    }

    /// A transaction is wanted; whatever was before it comes to its end first.
    pub(super) fn begin(&mut self, now: Instant) {
        self.called = true;
        self.wait_for(Waiter::Begin, now);
    }

    /// The open transaction is to be committed.
    pub(super) fn commit(&mut self) {
        (self.waiter, self.wait_until) = (Some(Waiter::Commit), None);
        match &self.phase {
            Phase::Open => self.settle(End::Commit),
            Phase::Doomed(cause) => {
                let cause = cause.clone();
                self.tell(Verdict::NotCommitted(CommitError::Abortable { cause }));
            }
            Phase::Fatal(cause) => {
                let cause = cause.clone();
                self.tell(Verdict::NotCommitted(CommitError::Fatal { cause }));
            }
            _ => {
                let cause = AbortCause::GivenUp;
                self.tell(Verdict::NotCommitted(CommitError::Abortable { cause }));
            }
        }
    }

    /// The open transaction is to be aborted.
    pub(super) fn abort(&mut self, now: Instant) {
        self.give_up();
        self.wait_for(Waiter::Abort, now);
    }

    /// Nobody has the open transaction any more.
    pub(super) fn give_up(&mut self) {
        match self.phase {
            Phase::Open => {
                self.effects.push_back(Effect::Doom);
                self.fail_offsets(&TransactionError::Abortable { cause: AbortCause::GivenUp });
                self.settle(End::Abort);
            }
            Phase::Doomed(_) => self.settle(End::Abort),
            _ => {}
        }
    }

    /// No transaction will follow: what is open is aborted.
    pub(super) fn close(&mut self, now: Instant) {
        self.called = false;
        self.wait_for(Waiter::Close, now);
    }

    /// A partition has records for the transaction, which under the first protocol has to take it
    /// in before they are sent.
    pub(super) fn want(&mut self, partition: P) {
        let open = matches!(self.phase, Phase::Open | Phase::Settling(End::Commit));
        if open && self.protocol == Protocol::First {
            self.wanted.push(partition);
        }
    }

    /// There are partitions that have records for the transaction. Under the second protocol
    /// brokers may know of them without our asking.
    pub(super) fn entered(&mut self) {
        let open = matches!(self.phase, Phase::Open | Phase::Doomed(_) | Phase::Settling(_));
        self.started |= open && self.protocol == Protocol::Second;
    }

    /// Whether somebody waits for a verdict.
    pub(super) const fn is_waited_for(&self) -> bool {
        self.waiter.is_some()
    }

    /// A partition's sequence has a hole.
    pub(super) const fn broke(&mut self) {
        self.must_raise = true;
    }

    /// Offsets are to be committed with the transaction.
    pub(super) fn want_offsets(&mut self, ticket: u64, group: Arc<str>, now: Instant) {
        let error = match &self.phase {
            Phase::Open => {
                let by = now + self.patience;
                self.offsets.push_back(Offsets { ticket, group, by });
                return;
            }
            Phase::Doomed(cause) => TransactionError::Abortable { cause: cause.clone() },
            Phase::Fatal(cause) => TransactionError::Fatal { cause: cause.clone() },
            _ => TransactionError::Abortable { cause: AbortCause::GivenUp },
        };
        self.effects.push_back(Effect::Offsets(ticket, Err(error)));
    }

    /// Something of the transaction failed: it can only be aborted.
    pub(super) fn fail(&mut self, cause: AbortCause) {
        let committing = self.phase == Phase::Settling(End::Commit);
        if self.phase != Phase::Open && !committing {
            self.must_raise |= self.phase == Phase::Settling(End::Abort);
            return;
        }
        self.must_raise = true;
        self.effects.push_back(Effect::Doom);
        self.fail_offsets(&TransactionError::Abortable { cause: cause.clone() });
        self.wanted.clear();
        self.phase = Phase::Doomed(cause.clone());
        if committing {
            self.not_committed(CommitError::Abortable { cause });
        }
    }

    /// All records have their outcomes.
    pub(super) const fn settled(&mut self) {
        self.settled = true;
    }

    /// Gives up what has taken too long.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let (after, last) = (self.patience, self.last.clone());
        if self.offsets.front().is_some_and(|offsets| offsets.by <= now) {
            self.fail(AbortCause::NoCoordinator { after, last: last.clone() });
        }
        let committing = self.phase == Phase::Ending(End::Commit);
        if committing && self.end_by.is_some_and(|by| by <= now) {
            self.end_by = None;
            if self.commit_tried || self.asking.is_some() {
                self.must_raise = true;
                self.phase = Phase::Doubtful;
                let cause = Doubt::TimedOut { after, last: last.clone() };
                self.not_committed(CommitError::Unknown { cause });
            } else {
                let cause = AbortCause::NoCoordinator { after, last: last.clone() };
                self.phase = Phase::Doomed(cause.clone());
                self.not_committed(CommitError::Abortable { cause });
            }
        }
        if self.wait_until.is_some_and(|until| until <= now) {
            self.tell(Verdict::Failed(TransactionError::TimedOut { after, last }));
        }
    }

    /// When [`poll`](Self::poll) or [`handle_timeout`](Self::handle_timeout) have something to do
    /// without anything else happening.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let resume_at = self.resume_at.filter(|_| self.asking.is_none());
        let offsets = self.offsets.front().map(|offsets| offsets.by);
        [resume_at, self.wait_until, self.end_by, offsets].into_iter().flatten().min()
    }

    /// Goes on as far as it can without the coordinators; the next thing to ask of them.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Request<P>> {
        self.advance(now);
        if self.asking.is_some() || self.resume_at.is_some_and(|at| at > now) {
            return None;
        }
        self.resume_at = None;
        let request = match self.phase {
            Phase::Nameless if self.called => Request::Initialise { expected: self.identity },
            Phase::Open | Phase::Settling(End::Commit) => self.next_addition()?,
            Phase::Ending(end) => Request::End(end),
            _ => return None,
        };
        self.asking = Some(request.clone());
        Some(request)
    }

    fn next_addition(&mut self) -> Option<Request<P>> {
        if self.protocol == Protocol::First && !self.wanted.is_empty() {
            return Some(Request::AddPartitions(std::mem::take(&mut self.wanted)));
        }
        let next = self.offsets.front()?;
        if self.protocol == Protocol::First && !self.groups.contains(&next.group) {
            return Some(Request::AddOffsets(Arc::clone(&next.group)));
        }
        self.started = true;
        Some(Request::CommitOffsets(next.ticket))
    }

    fn advance(&mut self, now: Instant) {
        if let Some(Waiter::Begin | Waiter::Close) = self.waiter {
            match self.phase {
                Phase::Open | Phase::Doomed(_) => self.give_up(),
                Phase::Doubtful if self.asking.is_none() => {
                    // What is committed by now stays so; what is not never will be.
                    self.end(End::Abort, now);
                }
                _ => {}
            }
        }
        if let Phase::Settling(end) = self.phase {
            let additions = !self.wanted.is_empty() || !self.offsets.is_empty();
            let waits = end == End::Commit && additions;
            if self.settled && self.asking.is_none() && !waits {
                self.end(end, now);
            }
        }
        match (&self.phase, self.waiter) {
            (Phase::Ready | Phase::Nameless, Some(Waiter::Close)) => self.tell(Verdict::Ended),
            (Phase::Fatal(cause), Some(Waiter::Commit)) => {
                let cause = cause.clone();
                self.tell(Verdict::NotCommitted(CommitError::Fatal { cause }));
            }
            (Phase::Fatal(_), Some(Waiter::Close)) => self.tell(Verdict::Ended),
            (Phase::Fatal(cause), Some(_)) => {
                let cause = cause.clone();
                self.tell(Verdict::Failed(TransactionError::Fatal { cause }));
            }
            _ => {}
        }
    }

    /// Opens a transaction if one is waited for and can be. `protocol` is what the cluster has
    /// turned on now.
    pub(super) fn open(&mut self, protocol: Protocol) {
        let Some(identity) = self.identity else { return };
        if self.phase != Phase::Ready || self.waiter != Some(Waiter::Begin) {
            return;
        }
        self.phase = Phase::Open;
        self.protocol = protocol;
        (self.started, self.settled, self.must_raise, self.late) = (false, false, false, false);
        (self.commit_tried, self.end_by) = (false, None);
        self.wanted.clear();
        self.groups.clear();
        self.effects.push_back(Effect::Open(identity, protocol));
        self.tell(Verdict::Begun);
    }

    fn settle(&mut self, end: End) {
        self.phase = Phase::Settling(end);
        self.settled = false;
        if end == End::Abort {
            self.wanted.clear();
        }
        self.effects.push_back(Effect::Settle);
    }

    fn end(&mut self, end: End, now: Instant) {
        if !self.started {
            self.over(end);
            return;
        }
        self.phase = Phase::Ending(end);
        self.commit_tried = false;
        (self.failures, self.resume_at) = (0, None);
        self.end_by = (end == End::Commit).then(|| now + self.patience);
    }

    /// The transaction has ended.
    fn over(&mut self, end: End) {
        let raised_by_end = self.started && self.protocol == Protocol::Second;
        let aborted = end == End::Abort && self.started;
        let raise = !raised_by_end && (aborted || self.late);
        self.must_raise &= aborted;
        self.phase = if raise { Phase::Nameless } else { Phase::Ready };
        (self.failures, self.resume_at, self.end_by) = (0, None, None);
        self.effects.push_back(Effect::Close);
        match (self.waiter, end) {
            (Some(Waiter::Commit), End::Commit) => self.tell(Verdict::Committed),
            (Some(Waiter::Abort), _) => self.tell(Verdict::Ended),
            _ => {}
        }
    }

    fn wait_for(&mut self, waiter: Waiter, now: Instant) {
        (self.waiter, self.wait_until) = (Some(waiter), Some(now + self.patience));
    }

    /// Tells whoever waits; the verdict is the last word on what they asked for.
    fn tell(&mut self, verdict: Verdict) {
        if self.waiter.take().is_some() {
            self.effects.push_back(Effect::Verdict(verdict));
        }
        self.wait_until = None;
    }

    fn not_committed(&mut self, error: CommitError) {
        if self.waiter == Some(Waiter::Commit) {
            self.tell(Verdict::NotCommitted(error));
        }
    }

    fn fail_offsets(&mut self, error: &TransactionError) {
        for Offsets { ticket, .. } in self.offsets.drain(..) {
            self.effects.push_back(Effect::Offsets(ticket, Err(error.clone())));
        }
    }
}

#[cfg(test)]
mod tests;
