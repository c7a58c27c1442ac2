//! The order of one partition's batches on the wire: a machine without I/O or clock.

mod splitting;

use std::collections::VecDeque;

use ottla_protocol::records::Sequence;

use super::identity::{Identity, advance};

/// Names a drained batch, as long as it is not settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket(u64);

/// Numbers the batches of one partition and decides which may be sent.
///
/// ```text
///             drain: numbered, frozen              sent             answered
///   queued ─────────────────────────► to send ───────────► in flight ───────► settled
///     ▲                                  ▲                     │
///     │ nothing possibly written,        │ all answered        │ an error: rewind
///     │ next epoch                       └─────────────────────┘ (this partition only)
///     └── given up before
/// ```
///
/// Invariants:
/// - `drained` is in the order of the sequence numbers; nothing is sent past a batch that is to be
///   sent again, so that the broker sees each epoch's sequences ascending.
/// - A batch is not sent before the fifth in front of it is settled: brokers recognise the last
///   five only.
/// - A batch that is too large is split where it is, its pieces numbered as it was; so nothing
///   behind it is numbered anew.
/// - After an error nothing is sent until everything in flight has been answered: what overtakes
///   is refused by the broker, and what it wrote already it recognises.
/// - Until a batch has been acknowledged by the present leader under the present identity, one is
///   in flight: a broker without any state accepts whatever sequence comes first.
/// - A new leader gets nothing before everything in flight to the old one has been answered.
/// - A batch that has been given up leaves a hole, so the partition goes to its next epoch, at
///   sequence zero; but not while a batch is possibly written: until then its retries keep the old
///   epoch, in which the broker can still recognise it.
/// - What is possibly written behind a batch that the broker calls out of sequence can be asked for
///   no more: the broker would have to take that batch first. It is given up, its outcome unknown.
/// - In a transactional producer the partition sends nothing before it belongs to the open
///   transaction, and never goes to another epoch by itself: whatever is given up makes the
///   transaction one to be aborted, after which all partitions begin anew under the next epoch.
#[derive(Debug)]
pub(crate) struct Sequencer<B> {
    mode: Mode,
    /// The sequence of the next batch to be drained.
    next: i32,
    drained: VecDeque<Drained<B>>,
    /// How many of `drained`, from the front, have been sent since the last rewind.
    sent: usize,
    in_flight: usize,
    rewinding: bool,
    proven: bool,
    /// What is in flight went to a leader of the past.
    moving: bool,
    /// A batch was given up: the present epoch must not number another.
    broken: bool,
    standing: Standing,
    next_ticket: u64,
    /// The place of the next batch to be drained.
    next_place: u64,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// Waiting for an identity.
    Nameless,
    Idempotent(Identity),
    /// Without idempotence; `retries` says whether order must be kept over retries.
    Plain {
        retries: bool,
    },
}

/// What a partition is to its producer's transactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// There are none.
    Free,
    /// It does not belong to one (yet).
    Outside,
    Member,
    /// It belongs to one that is to be aborted: nothing is numbered any more, and only with
    /// `resolve` what is possibly written is sent again.
    Doomed {
        resolve: bool,
    },
}

#[derive(Debug)]
struct Drained<B> {
    batch: B,
    ticket: Ticket,
    identity: Option<Identity>,
    base: i32,
    /// Which batch of this partition it is on the wire, counted without gaps.
    place: u64,
    /// Sticky from the first byte on the wire that was not clearly refused.
    possibly_written: bool,
    /// The broker refused it as too large: it is not sent again before it was split.
    too_large: bool,
    /// The broker called it out of sequence, with nothing in front of it: so it is not written,
    /// and will not be in its epoch.
    misfit: bool,
    in_flight: bool,
}

/// What came of sending a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// It is in the log.
    Written,
    /// It is not in the log because of this try, and may be tried again.
    RefusedForNow,
    /// It is not in the log because of this try, and never will be.
    RefusedForGood,
    /// It is not in the log because of this try; its records may be tried again in smaller batches.
    TooLarge,
    /// Nobody knows; it may be tried again.
    Unsure,
    /// The broker does not know the sequence before it.
    OutOfSequence,
}

/// What an answer settled.
#[derive(Debug)]
pub(crate) enum Settled<B> {
    /// Nothing yet: the batch is sent again, or was given up before.
    Nothing,
    Written(B),
    GivenUp(GivenUp<B>),
}

/// A batch that is not tried any longer.
#[derive(Debug)]
pub(crate) struct GivenUp<B> {
    pub(crate) batch: B,
    pub(crate) possibly_written: bool,
}

/// Batches of one partition in flight: as many as a broker recognises again (KIP-98).
const MAX_IN_FLIGHT: usize = 5;

impl<B> Sequencer<B> {
    pub(crate) const fn idempotent() -> Self {
        Self::with(Mode::Nameless, Standing::Free)
    }

    /// For a producer that writes nothing outside of transactions.
    pub(crate) const fn transactional() -> Self {
        Self::with(Mode::Nameless, Standing::Outside)
    }

    pub(crate) const fn plain(retries: bool) -> Self {
        Self::with(Mode::Plain { retries }, Standing::Free)
    }

    const fn with(mode: Mode, standing: Standing) -> Self {
        Self {
            mode,
            next: 0,
            drained: VecDeque::new(),
            sent: 0,
            in_flight: 0,
            rewinding: false,
            proven: false,
            moving: false,
            broken: false,
            standing,
            next_ticket: 0,
            next_place: 0,
        }
    }

    /// The oldest batch that is not settled.
    pub(crate) fn front(&self) -> Option<&B> {
        self.drained.front().map(|drained| &drained.batch)
    }

    /// A batch that is not settled.
    pub(crate) fn get(&self, ticket: Ticket) -> Option<&B> {
        let drained = self.drained.iter().find(|drained| drained.ticket == ticket);
        drained.map(|drained| &drained.batch)
    }

    /// The batch drained last.
    pub(crate) fn back(&self) -> Option<&B> {
        self.drained.back().map(|drained| &drained.batch)
    }

    /// Whether a batch is to be sent again before any other.
    pub(crate) fn has_resend(&self) -> bool {
        self.sent < self.drained.len()
    }

    /// Whether an identity is needed before anything can be drained: none was adopted, or its
    /// epochs have run out.
    pub(crate) fn wants_identity(&self) -> bool {
        if self.is_transactional() {
            return false;
        }
        match self.mode {
            Mode::Nameless => true,
            Mode::Idempotent(identity) => self.broken && identity.next_epoch().is_none(),
            Mode::Plain { .. } => false,
        }
    }

    /// Adopts the producer's identity where one is needed and allowed.
    pub(crate) fn adopt(&mut self, identity: Identity) {
        let used = match self.mode {
            Mode::Idempotent(used) => Some(used.id),
            _ => None,
        };
        if self.wants_identity() && self.drained.is_empty() && used != Some(identity.id) {
            self.begin(identity);
        }
    }

    /// The producer id that ran out of epochs, if one did.
    pub(crate) fn exhausted(&self) -> Option<i64> {
        match self.mode {
            Mode::Idempotent(identity) if self.wants_identity() => Some(identity.id),
            _ => None,
        }
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.standing != Standing::Free
    }

    /// The partition belongs to the open transaction of `identity` from now on. Numbers go on where
    /// they were, unless the identity is another than before.
    pub(crate) fn enlist(&mut self, identity: Identity) {
        debug_assert!(self.drained.is_empty(), "a transaction has left something behind");
        // A broken sequence is never begun again under its own epoch: the broker would take its
        // records for repetitions of others.
        if !matches!(self.mode, Mode::Idempotent(used) if used == identity) {
            self.begin(identity);
        }
        self.standing = Standing::Member;
    }

    /// The transaction is over.
    pub(crate) fn dismiss(&mut self) {
        if self.is_transactional() {
            self.standing = Standing::Outside;
        }
    }

    /// The transaction is to be aborted: gives up what is not in flight. With `resolve`, what is
    /// possibly written is sent again until its outcome is known, so that nothing of it arrives when
    /// the transaction is over.
    pub(crate) fn doom(&mut self, resolve: bool) -> Vec<GivenUp<B>> {
        let mut given_up = Vec::new();
        if self.is_transactional() {
            self.standing = Standing::Doomed { resolve };
            let mut at = 0;
            while let Some(drained) = self.drained.get(at) {
                if drained.in_flight || (resolve && drained.possibly_written) {
                    at = at.saturating_add(1);
                } else if let Settled::GivenUp(gone) = self.give_up(at) {
                    given_up.push(gone);
                }
            }
            self.rest();
        }
        given_up
    }

    /// Whether the transaction is to be aborted, so that nothing more is numbered.
    pub(crate) const fn is_doomed(&self) -> bool {
        matches!(self.standing, Standing::Doomed { .. })
    }

    /// Whether a number was given to a batch that is not in the log for certain, so that none can
    /// follow under this identity.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    fn begin(&mut self, identity: Identity) {
        self.mode = Mode::Idempotent(identity);
        (self.next, self.broken, self.proven) = (0, false, false);
    }

    /// The leader changed: the new one has to prove itself.
    pub(crate) const fn leader_changed(&mut self) {
        self.proven = false;
        self.moving = self.in_flight > 0;
    }

    /// The topic was deleted and made anew: its log knows nothing of our sequences, so they begin
    /// again as well, as soon as nothing is possibly written.
    pub(crate) fn topic_changed(&mut self) {
        self.leader_changed();
        // Within a transaction the broker decides whether it can go on.
        self.broken |= matches!(self.mode, Mode::Idempotent(_)) && !self.is_transactional();
    }

    /// Whether errors are only to be expected now: of batches behind one that failed, or sent to a
    /// leader of the past.
    pub(crate) const fn is_upset(&self) -> bool {
        self.rewinding || self.moving
    }

    /// Whether one more batch may be sent now, again or for the first time.
    fn may_send(&self) -> bool {
        let limit = match self.mode {
            Mode::Nameless => 0,
            Mode::Plain { retries: true } => 1,
            Mode::Idempotent(_) if !self.proven => 1,
            Mode::Idempotent(_) | Mode::Plain { retries: false } => MAX_IN_FLIGHT,
        };
        let outside = self.standing == Standing::Outside;
        !outside && !self.rewinding && !self.moving && self.in_flight < limit
    }

    /// Whether a batch may be sent again now.
    pub(crate) fn may_resend(&self) -> bool {
        let next = self.drained.get(self.sent).map(|next| next.place);
        self.may_send() && next.is_some_and(|next| self.is_recognisable_behind(next))
    }

    /// Whether a batch may be drained now.
    pub(crate) fn may_drain(&self) -> bool {
        let whole = !self.broken && !self.is_doomed();
        let recognisable = self.is_recognisable_behind(self.next_place);
        whole && self.may_send() && !self.has_resend() && recognisable
    }

    /// Whether the broker would still recognise the oldest batch after the one at `place`. It is
    /// not enough to count those that are not settled: behind one whose answer was lost, others may
    /// have been written.
    fn is_recognisable_behind(&self, place: u64) -> bool {
        let since = |oldest: &Drained<B>| place.wrapping_sub(oldest.place);
        self.drained.front().is_none_or(|oldest| since(oldest) < MAX_IN_FLIGHT as u64)
    }

    fn next_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        ticket
    }

    /// Numbers a batch and counts it as sent.
    pub(crate) fn drain(&mut self, batch: B, count: u32) -> (Ticket, Sequence) {
        debug_assert!(self.may_drain(), "drained against the order");
        let ticket = self.next_ticket();
        let place = self.next_place;
        self.next_place = place.wrapping_add(1);
        let identity = match self.mode {
            Mode::Idempotent(identity) => Some(identity),
            _ => None,
        };
        let base = self.next;
        self.next = advance(base, count);
        self.drained.push_back(Drained {
            batch,
            ticket,
            identity,
            base,
            place,
            possibly_written: false,
            too_large: false,
            misfit: false,
            in_flight: true,
        });
        self.sent = self.drained.len();
        self.in_flight = self.in_flight.saturating_add(1);
        (ticket, sequence(identity, base))
    }

    /// The next batch to be sent again, counted as sent.
    pub(crate) fn resend(&mut self) -> Option<(Ticket, Sequence, &B)> {
        if !self.may_resend() {
            return None;
        }
        let drained = self.drained.get_mut(self.sent)?;
        drained.in_flight = true;
        self.sent = self.sent.saturating_add(1);
        self.in_flight = self.in_flight.saturating_add(1);
        Some((drained.ticket, sequence(drained.identity, drained.base), &drained.batch))
    }

    /// The next batch that [`resend`](Self::resend) would give.
    pub(crate) fn peek_resend(&self) -> Option<&B> {
        if self.may_resend() {
            self.drained.get(self.sent).map(|drained| &drained.batch)
        } else {
            None
        }
    }

    /// Takes in what came of sending a batch, once for each time it was sent.
    pub(crate) fn answered(&mut self, ticket: Ticket, answer: Answer) -> Settled<B> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let settled = self.take_in(ticket, answer);
        self.rest();
        settled
    }

    /// With nothing in flight a rewind is over, and so is a move.
    fn rest(&mut self) {
        if self.in_flight == 0 {
            self.moving = false;
            if self.rewinding {
                self.rewinding = false;
                self.sent = 0;
            }
        }
    }

    fn take_in(&mut self, ticket: Ticket, answer: Answer) -> Settled<B> {
        let Some(at) = self.drained.iter().position(|drained| drained.ticket == ticket) else {
            return Settled::Nothing;
        };
        let Some(drained) = self.drained.get_mut(at) else { return Settled::Nothing };
        drained.in_flight = false;
        match answer {
            Answer::Written => {
                self.proven |= !self.moving;
                return self
                    .remove(at)
                    .map_or(Settled::Nothing, |gone| Settled::Written(gone.batch));
            }
            Answer::Unsure => drained.possibly_written = true,
            Answer::RefusedForNow => {}
            // Without sequences it is no answer to anything.
            Answer::OutOfSequence if matches!(self.mode, Mode::Plain { .. }) => {
                return self.give_up(at);
            }
            // Whoever is behind another that failed is out of sequence for that reason alone.
            Answer::OutOfSequence if at > 0 => {}
            Answer::OutOfSequence => {
                // The broker forgot what it acknowledged, or the sequence expired with it.
                self.broken = true;
                if drained.possibly_written || self.standing != Standing::Free {
                    return self.give_up(at);
                }
                drained.misfit = true;
            }
            // Whole is the only way in which the broker could recognise it.
            Answer::TooLarge if drained.possibly_written => return self.give_up(at),
            Answer::TooLarge => drained.too_large = true,
            Answer::RefusedForGood => return self.give_up(at),
        }
        let unsure = drained.possibly_written;
        let once = match self.standing {
            Standing::Doomed { resolve } => !(resolve && unsure),
            _ => matches!(self.mode, Mode::Plain { retries: false }),
        };
        if once {
            return self.give_up(at);
        }
        self.rewinding = true;
        Settled::Nothing
    }

    fn give_up(&mut self, at: usize) -> Settled<B> {
        self.remove(at).map_or(Settled::Nothing, |gone| {
            // Those in flight behind it meet the hole it leaves.
            self.broken = matches!(self.mode, Mode::Idempotent(_));
            self.rewinding |= self.broken && !self.drained.is_empty();
            let possibly_written = gone.possibly_written || gone.in_flight;
            Settled::GivenUp(GivenUp { batch: gone.batch, possibly_written })
        })
    }

    fn remove(&mut self, at: usize) -> Option<Drained<B>> {
        let gone = self.drained.remove(at)?;
        if at < self.sent {
            self.sent = self.sent.saturating_sub(1);
        }
        Some(gone)
    }

    /// A batch that is not settled.
    pub(crate) fn batch_mut(&mut self, ticket: Ticket) -> Option<&mut B> {
        let mut drained = self.drained.iter_mut();
        drained.find(|drained| drained.ticket == ticket).map(|drained| &mut drained.batch)
    }

    /// Gives up one batch.
    pub(crate) fn give_up_one(&mut self, ticket: Ticket) -> Settled<B> {
        let at = self.drained.iter().position(|drained| drained.ticket == ticket);
        let settled = at.map_or(Settled::Nothing, |at| self.give_up(at));
        self.rest();
        settled
    }

    /// Gives up every batch that `overdue` names, in flight or not.
    pub(crate) fn expire(&mut self, mut overdue: impl FnMut(&B) -> bool) -> Vec<GivenUp<B>> {
        let mut expired = Vec::new();
        let mut at = 0;
        while let Some(drained) = self.drained.get(at) {
            if !overdue(&drained.batch) {
                at = at.saturating_add(1);
            } else if let Settled::GivenUp(given_up) = self.give_up(at) {
                expired.push(given_up);
            }
        }
        self.rest();
        expired
    }

    /// Gives up what is possibly written behind a batch that the broker calls out of sequence, once
    /// everything has been answered. The partition would stand still until their deadlines
    /// otherwise: they wait for that batch, and it for the next epoch, which waits for them.
    pub(crate) fn give_up_stranded(&mut self) -> Vec<GivenUp<B>> {
        let mut stranded = Vec::new();
        if self.in_flight > 0 || !self.drained.front().is_some_and(|front| front.misfit) {
            return stranded;
        }
        let mut at = 1;
        while let Some(drained) = self.drained.get(at) {
            if !drained.possibly_written {
                at = at.saturating_add(1);
            } else if let Settled::GivenUp(given_up) = self.give_up(at) {
                stranded.push(given_up);
            }
        }
        stranded
    }

    /// Gives back everything that is numbered if `wanted` names any of it and no broker can have a
    /// batch of it; those that are still to be sent are numbered anew, in the next epoch.
    pub(crate) fn recall(&mut self, wanted: impl FnMut(&B) -> bool) -> Vec<B> {
        let possibly_written = self.drained.iter().any(|drained| drained.possibly_written);
        let bound = self.is_transactional() || self.in_flight > 0 || possibly_written;
        if bound || !self.drained.iter().map(|drained| &drained.batch).any(wanted) {
            return Vec::new();
        }
        if let Mode::Idempotent(_) = self.mode {
            // The refusals were clear; but the numbers are not used twice for all that.
            self.broken = true;
            return self.renew();
        }
        (self.sent, self.rewinding) = (0, false);
        self.drained.drain(..).map(|drained| drained.batch).collect()
    }

    /// After a batch was given up: once nothing is possibly written and all is answered, goes to
    /// the next epoch and returns the batches to be drained anew, in order.
    pub(crate) fn renew(&mut self) -> Vec<B> {
        let possibly_written = self.drained.iter().any(|drained| drained.possibly_written);
        let bound = self.is_transactional() || self.in_flight > 0 || possibly_written;
        if !self.broken || bound {
            return Vec::new();
        }
        self.sent = 0;
        self.rewinding = false;
        if let Mode::Idempotent(identity) = self.mode {
            if let Some(next) = identity.next_epoch() {
                self.begin(next);
            }
        }
        self.drained.drain(..).map(|drained| drained.batch).collect()
    }
}

fn sequence(identity: Option<Identity>, base: i32) -> Sequence {
    identity.map_or(Sequence::NONE, |identity| identity.sequence(base))
}
