//! The machine against a coordinator in a hundred lines, with seeds: requests that are lost, whose
//! answers are lost, and that arrive long after they were given up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::{ApiKey, ErrorCode};
use tokio::time::Instant;

use super::*;

const PATIENCE: Duration = Duration::from_secs(2);

/// The last epoch that is given to a producer.
const LAST: i16 = i16::MAX - 1;

/// A coordinator as far as its producer can tell; `TransactionMetadata` of Kafka in a few lines.
struct Coordinator {
    protocol: Protocol,
    phase: Stage,
    identity: Identity,
    last_epoch: i16,
    /// The transactions, by the producer's own count, that have anything in the ongoing one.
    present: BTreeSet<u32>,
    committed: BTreeSet<u32>,
    aborted: BTreeSet<u32>,
    /// It has raised the epoch on its own, of which it tells nobody under the first protocol.
    estranged: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Empty,
    Ongoing,
    Prepared(End),
    Complete(End),
}

/// A request as it was sent.
#[derive(Clone, Debug)]
struct Sent {
    request: Request<u32>,
    by: Option<Identity>,
    protocol: Protocol,
    transaction: u32,
}

fn refused(code: ErrorCode) -> AbortCause {
    AbortCause::Broker { api: ApiKey::END_TXN, code }
}

const FENCED: Answer = Answer::Fenced(ErrorCode::PRODUCER_FENCED);

fn busy() -> Answer {
    Answer::Again { effect: false, soon: true, cause: "concurrent".to_owned() }
}

impl Coordinator {
    fn new(protocol: Protocol, epoch: i16) -> Self {
        Self {
            protocol,
            phase: Stage::Empty,
            identity: Identity { id: 1, epoch },
            last_epoch: -1,
            present: BTreeSet::new(),
            committed: BTreeSet::new(),
            aborted: BTreeSet::new(),
            estranged: false,
        }
    }

    /// A request that nobody waits for any more.
    fn arrive(&mut self, sent: &Sent) {
        let _unheard = match &sent.request {
            Request::AddPartitions(partitions) if partitions.is_empty() => self.write(sent),
            _ => self.handle(sent),
        };
    }

    fn handle(&mut self, sent: &Sent) -> Answer {
        match &sent.request {
            Request::Initialise { expected } => self.initialise(*expected),
            Request::End(end) => self.end(*end, sent),
            Request::AddPartitions(_) | Request::AddOffsets(_) => self.add(sent),
            // The group's coordinator only repeats what it heard.
            Request::CommitOffsets(_) if sent.by != Some(self.identity) => {
                Answer::Refused(refused(ErrorCode::INVALID_PRODUCER_EPOCH))
            }
            Request::CommitOffsets(_) => self.write(sent),
        }
    }

    fn add(&mut self, sent: &Sent) -> Answer {
        if sent.by != Some(self.identity) {
            return FENCED;
        }
        if let Stage::Prepared(_) = self.phase {
            return busy();
        }
        self.phase = Stage::Ongoing;
        Answer::Done
    }

    /// A record or an offset, which under the second protocol adds where it goes to.
    fn write(&mut self, sent: &Sent) -> Answer {
        if sent.protocol == Protocol::First && self.phase != Stage::Ongoing {
            return Answer::Refused(refused(ErrorCode::INVALID_TXN_STATE));
        }
        let added = self.add(sent);
        if added == Answer::Done {
            self.present.insert(sent.transaction);
            assert_eq!(self.present.len(), 1, "two transactions became one: {:?}", self.present);
        }
        added
    }

    fn initialise(&mut self, expected: Option<Identity>) -> Answer {
        if expected.is_some_and(|it| it.id != self.identity.id && it.epoch < LAST) {
            return FENCED;
        }
        match self.phase {
            Stage::Prepared(_) => return busy(),
            Stage::Ongoing => {
                // One of the two came late.
                self.fence();
                return busy();
            }
            _ => {}
        }
        let epoch = self.identity.epoch;
        match expected {
            Some(expected) if expected.epoch == epoch => self.last_epoch = epoch,
            Some(expected) if expected.epoch == self.last_epoch => {
                return Answer::Named(self.identity);
            }
            Some(_) => return FENCED,
            None => self.last_epoch = -1,
        }
        self.raise();
        self.phase = Stage::Empty;
        Answer::Named(self.identity)
    }

    fn raise(&mut self) {
        self.identity = if self.identity.epoch >= LAST {
            Identity { id: self.identity.id + 1, epoch: 0 }
        } else {
            Identity { epoch: self.identity.epoch + 1, ..self.identity }
        };
    }

    /// Aborts what is open under the next epoch.
    fn fence(&mut self) {
        self.estranged = true;
        let second = self.protocol == Protocol::Second;
        self.last_epoch = if second { self.identity.epoch } else { -1 };
        self.raise();
        self.phase = Stage::Prepared(End::Abort);
    }

    fn end(&mut self, end: End, sent: &Sent) -> Answer {
        let named = |identity| match sent.protocol {
            Protocol::First => Answer::Done,
            Protocol::Second => Answer::Named(identity),
        };
        let current = sent.by == Some(self.identity);
        let raised = sent.protocol == Protocol::Second
            && sent.by.is_some_and(|by| by.epoch == self.last_epoch && by != self.identity);
        let known = match self.phase {
            Stage::Empty | Stage::Ongoing => current,
            Stage::Prepared(_) if sent.protocol == Protocol::Second => raised,
            Stage::Prepared(_) => current,
            Stage::Complete(_) => current || raised,
        };
        if !known {
            return FENCED;
        }
        match self.phase {
            Stage::Ongoing => {}
            Stage::Prepared(other) if other == end => return busy(),
            Stage::Complete(other)
                if other == end && (raised || sent.protocol == Protocol::First) =>
            {
                return named(self.identity);
            }
            Stage::Empty | Stage::Complete(_)
                if end == End::Abort && sent.protocol == Protocol::Second && !raised => {}
            _ => return Answer::NothingOpen(refused(ErrorCode::INVALID_TXN_STATE)),
        }
        if sent.protocol == Protocol::Second {
            self.last_epoch = self.identity.epoch;
            self.raise();
        }
        self.phase = Stage::Prepared(end);
        named(self.identity)
    }

    /// Writes the markers that are due.
    fn mark(&mut self) {
        let Stage::Prepared(end) = self.phase else { return };
        let decided = std::mem::take(&mut self.present);
        match end {
            End::Commit => self.committed.extend(decided),
            End::Abort => self.aborted.extend(decided),
        }
        self.phase = Stage::Complete(end);
    }
}

/// What the producer's user was told of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Committed,
    NotCommitted,
    Unknown,
    /// It went away before it was told.
    Nothing,
}

struct World {
    seed: u64,
    random: fastrand::Rng,
    now: Instant,
    coordinator: Coordinator,
    machine: Machine<u32>,
    /// Requests that were given up, and arrive some time.
    late: Vec<Sent>,
    out: Option<Sent>,
    /// Transactions begun so far; the last one may be open.
    transaction: u32,
    /// Between `Effect::Open` and `Effect::Close`.
    open: bool,
    /// The user holds an open transaction.
    held: bool,
    enlisted: bool,
    /// A partition has something that is not written yet.
    unwritten: bool,
    asked: VecDeque<u32>,
    tickets: u64,
    told: BTreeMap<u32, Told>,
    committing: Option<u32>,
    /// What the user waits for.
    waiting: bool,
    calm: bool,
    dead: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let protocol = if random.bool() { Protocol::First } else { Protocol::Second };
        // Some run out of epochs soon.
        let epoch = if random.u8(..4) == 0 { LAST - random.i16(0..6) } else { 0 };
        Self {
            seed,
            now: Instant::now(),
            coordinator: Coordinator::new(protocol, epoch),
            // So little that some commits run out of it.
            machine: Machine::new(PATIENCE / 8),
            late: Vec::new(),
            out: None,
            transaction: 0,
            open: false,
            held: false,
            enlisted: false,
            unwritten: false,
            asked: VecDeque::new(),
            tickets: 0,
            told: BTreeMap::new(),
            committing: None,
            waiting: false,
            calm: false,
            dead: false,
            random,
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(self.random.u64(1..40));
        match self.random.u8(..12) {
            0..3 => self.act(),
            3..6 => self.answer(),
            6 | 11 => self.write(),
            7 if self.random.bool() || self.calm => self.coordinator.mark(),
            8 if !self.late.is_empty() => {
                let sent = self.late.swap_remove(self.random.usize(..self.late.len()));
                self.coordinator.arrive(&sent);
            }
            // A record fails.
            9 if !self.calm && self.held && self.random.u8(..12) == 0 => {
                self.machine.fail(refused(ErrorCode::MESSAGE_TOO_LARGE));
            }
            // The coordinator's clock.
            10 if !self.calm && self.coordinator.phase == Stage::Ongoing => {
                let late = self.random.u8(..200) == 0;
                late.then(|| self.coordinator.fence());
            }
            _ => {}
        }
        self.go_on();
    }

    /// The user does something.
    fn act(&mut self) {
        if self.dead {
            return;
        }
        if !self.held {
            // Now and then somebody does not wait for what was asked before.
            if !self.waiting || (!self.calm && self.random.u8(..20) == 0) {
                self.waiting = true;
                self.machine.begin(self.now);
            }
            return;
        }
        match self.random.u8(..8) {
            0..3 if self.machine.phase() == &Phase::Open => {
                self.machine.want(self.transaction);
                self.unwritten = true;
                if self.machine.protocol() == Protocol::Second {
                    self.machine.entered();
                    self.enlisted = true;
                }
            }
            3 => {
                self.tickets += 1;
                self.machine.want_offsets(self.tickets, "group".into(), self.now);
            }
            4 if !self.calm && self.random.bool() => {
                self.held = false;
                self.told.entry(self.transaction).or_insert(Told::NotCommitted);
                self.machine.give_up();
            }
            5 if !self.calm => {
                (self.held, self.waiting) = (false, true);
                self.told.entry(self.transaction).or_insert(Told::NotCommitted);
                self.machine.abort(self.now);
            }
            6 | 7 => {
                (self.held, self.waiting) = (false, true);
                self.told.insert(self.transaction, Told::Nothing);
                self.committing = Some(self.transaction);
                self.machine.commit();
            }
            _ => {}
        }
    }

    /// A partition writes, which begins a transaction under the second protocol.
    fn write(&mut self) {
        if !self.enlisted || !self.unwritten {
            return;
        }
        let sent = self.sent(Request::AddPartitions(Vec::new()));
        let lost = !self.calm && self.random.u8(..10) == 0;
        let answer = match lost {
            // As from a partition that never learns what became of it.
            true if self.random.bool() => {
                self.late.push(sent);
                FENCED
            }
            _ => self.coordinator.write(&sent),
        };
        match answer {
            Answer::Done => self.unwritten = false,
            Answer::Again { .. } => {}
            _ => {
                (self.unwritten, self.enlisted) = (false, false);
                self.machine.fail(refused(ErrorCode::INVALID_PRODUCER_EPOCH));
            }
        }
        if !self.unwritten && self.machine.is_settling() {
            self.machine.settled();
        }
    }

    fn sent(&self, request: Request<u32>) -> Sent {
        Sent {
            request,
            by: self.machine.identity(),
            protocol: self.machine.protocol(),
            transaction: self.transaction,
        }
    }

    /// The request that is out is answered, or not.
    fn answer(&mut self) {
        let Some(sent) = self.out.take() else { return };
        let again = |effect| Answer::Again { effect, soon: false, cause: "lost".to_owned() };
        let fault = if self.calm { 9 } else { self.random.u8(..10) };
        let answer = match fault {
            0 => again(false),
            1 => {
                self.coordinator.handle(&sent);
                again(true)
            }
            2 => {
                // The first introduction names nobody, and fences whoever is there: late, it is a
                // successor like any other.
                if sent.by.is_some() {
                    self.late.push(sent);
                }
                again(true)
            }
            _ => self.coordinator.handle(&sent),
        };
        let wait = Duration::from_millis(self.random.u64(10..200));
        self.machine.answered(self.now, answer, wait);
    }

    fn go_on(&mut self) {
        self.machine.handle_timeout(self.now);
        loop {
            if let Some(request) = self.machine.poll(self.now) {
                assert!(self.out.is_none(), "seed {}: two requests are out", self.seed);
                self.out = Some(self.sent(request));
            }
            self.machine.open(self.coordinator.protocol);
            let mut idle = true;
            while let Some(effect) = self.machine.take_effect() {
                idle = false;
                self.carry_out(effect);
            }
            if idle {
                return;
            }
        }
    }

    fn carry_out(&mut self, effect: Effect<u32>) {
        match effect {
            Effect::Open(identity, _) => {
                assert!(!self.open, "seed {}: two transactions are open", self.seed);
                assert_eq!(self.machine.identity(), Some(identity));
                self.open = true;
                self.transaction += 1;
            }
            Effect::Enlist(partitions) => {
                assert!(partitions.iter().all(|&of| of == self.transaction));
                self.enlisted = true;
            }
            Effect::Doom => (self.enlisted, self.unwritten) = (false, false),
            Effect::Settle if self.unwritten => {}
            Effect::Settle => self.machine.settled(),
            Effect::Close => {
                assert!(self.open, "seed {}: closed twice", self.seed);
                (self.open, self.enlisted) = (false, false);
            }
            Effect::Offsets(ticket, _) => self.asked.push_back(u32::try_from(ticket).unwrap()),
            Effect::Verdict(verdict) => self.hear(&verdict),
            Effect::End(_) => (self.dead, self.held) = (true, false),
        }
    }

    fn hear(&mut self, verdict: &Verdict) {
        self.waiting = false;
        let told = match verdict {
            Verdict::Begun => {
                // Now and then whoever asked for it has gone away meanwhile.
                self.held = self.calm || self.random.u8(..8) > 0;
                if !self.held {
                    self.told.insert(self.transaction, Told::NotCommitted);
                }
                return;
            }
            Verdict::Ended | Verdict::Failed(_) => return,
            Verdict::Committed => Told::Committed,
            Verdict::NotCommitted(CommitError::Unknown { .. }) => Told::Unknown,
            Verdict::NotCommitted(_) => Told::NotCommitted,
        };
        let of = self.committing.take().unwrap();
        self.told.insert(of, told);
    }

    fn check(&mut self) {
        let seed = self.seed;
        // Whatever is still on its way arrives, and every marker is written.
        for sent in std::mem::take(&mut self.late) {
            self.coordinator.arrive(&sent);
            self.coordinator.mark();
        }
        for (transaction, told) in &self.told {
            let committed = self.coordinator.committed.contains(transaction);
            let aborted = self.coordinator.aborted.contains(transaction);
            assert!(!(committed && aborted), "seed {seed}: {transaction} is torn");
            match told {
                Told::Committed => assert!(!aborted, "seed {seed}: {transaction} is lost"),
                Told::NotCommitted => {
                    assert!(!committed, "seed {seed}: {transaction} was committed after all");
                }
                Told::Unknown | Told::Nothing => {}
            }
        }
    }
}

/// At most one transaction is open, none is told as committed that is not, none is committed that
/// was told not to be, no two become one; and once nothing goes wrong any more, the producer goes
/// on, unless the coordinator has made it a stranger under the first protocol.
#[test]
fn two_thousand_seeds_of_faults() {
    let (mut commits, mut doubts) = (0, 0);
    for seed in 0..2000 {
        let mut world = World::new(seed);
        for _ in 0..600 {
            world.step();
        }
        world.calm = true;
        let before = world.told.values().filter(|told| **told == Told::Committed).count();
        for _ in 0..1500 {
            world.step();
        }
        let after = world.told.values().filter(|told| **told == Told::Committed).count();
        let excused = world.coordinator.estranged && world.coordinator.protocol == Protocol::First;
        assert!(!world.dead || excused, "seed {seed}: came to an end: {:?}", world.machine);
        assert!(world.dead || after > before, "seed {seed}: stands still: {:?}", world.machine);
        commits += after;
        doubts += world.told.values().filter(|told| **told == Told::Unknown).count();
        world.check();
    }
    assert!(commits > 10_000 && doubts > 50, "the faults hide what is tested: {commits} {doubts}");
}

/// A machine of the given protocol with an open transaction, and its clock.
fn opened(protocol: Protocol) -> (Machine<u32>, Instant) {
    let mut machine = Machine::new(PATIENCE);
    let now = Instant::now();
    machine.begin(now);
    assert_eq!(machine.poll(now), Some(Request::Initialise { expected: None }));
    machine.answered(now, Answer::Named(Identity { id: 1, epoch: 0 }), Duration::ZERO);
    assert_eq!(machine.poll(now), None);
    machine.open(protocol);
    assert_eq!(machine.phase(), &Phase::Open);
    drain(&mut machine);
    (machine, now)
}

fn drain(machine: &mut Machine<u32>) -> Vec<Effect<u32>> {
    std::iter::from_fn(|| machine.take_effect()).collect()
}

fn lost() -> Answer {
    Answer::Again { effect: true, soon: false, cause: "lost".to_owned() }
}

#[test]
fn partitions_are_added_together_and_before_the_end() {
    let (mut machine, now) = opened(Protocol::First);
    machine.want(1);
    machine.want(2);
    assert_eq!(machine.poll(now), Some(Request::AddPartitions(vec![1, 2])));
    machine.want(3);
    machine.commit();
    machine.settled();
    assert_eq!(machine.poll(now), None, "one request is out");
    machine.answered(now, Answer::Done, Duration::ZERO);
    assert!(drain(&mut machine).contains(&Effect::Enlist(vec![1, 2])));
    assert_eq!(machine.poll(now), Some(Request::AddPartitions(vec![3])));
    machine.answered(now, Answer::Done, Duration::ZERO);
    assert_eq!(machine.poll(now), Some(Request::End(End::Commit)));
    machine.answered(now, Answer::Done, Duration::ZERO);
    assert!(drain(&mut machine).contains(&Effect::Verdict(Verdict::Committed)));
    assert_eq!(machine.phase(), &Phase::Ready);
}

/// H19: what is still on its way must not hit the next transaction.
#[test]
fn after_an_unclear_answer_the_epoch_is_raised_under_the_first_protocol() {
    let (mut machine, now) = opened(Protocol::First);
    machine.want(1);
    machine.poll(now);
    machine.answered(now, Answer::Done, Duration::ZERO);
    machine.commit();
    machine.settled();
    assert_eq!(machine.poll(now), Some(Request::End(End::Commit)));
    machine.answered(now, lost(), Duration::ZERO);
    assert_eq!(machine.poll(now), Some(Request::End(End::Commit)));
    machine.answered(now, Answer::Done, Duration::ZERO);
    assert!(drain(&mut machine).contains(&Effect::Verdict(Verdict::Committed)));
    let expected = Some(Identity { id: 1, epoch: 0 });
    assert_eq!(machine.poll(now), Some(Request::Initialise { expected }));
}

#[test]
fn a_commit_without_a_clear_answer_is_in_doubt_and_what_is_left_of_it_aborted() {
    for protocol in [Protocol::First, Protocol::Second] {
        let (mut machine, mut now) = opened(protocol);
        machine.want_offsets(1, Arc::from("group"), now);
        while let Some(request) = machine.poll(now) {
            assert!(!matches!(request, Request::End(_)));
            machine.answered(now, Answer::Done, Duration::ZERO);
        }
        machine.commit();
        machine.settled();
        assert_eq!(machine.poll(now), Some(Request::End(End::Commit)));
        machine.answered(now, lost(), Duration::from_secs(1));
        now += PATIENCE;
        machine.handle_timeout(now);
        let cause = Doubt::TimedOut { after: PATIENCE, last: Some("lost".to_owned()) };
        let doubt = Verdict::NotCommitted(CommitError::Unknown { cause });
        assert!(drain(&mut machine).contains(&Effect::Verdict(doubt)));
        assert_eq!(machine.poll(now), None, "nothing more is done about it unasked");
        machine.begin(now);
        assert_eq!(machine.poll(now), Some(Request::End(End::Abort)));
        // It was committed: there is nothing open.
        let nothing = Answer::NothingOpen(refused(ErrorCode::INVALID_TXN_STATE));
        machine.answered(now, nothing, Duration::ZERO);
        let expected = Some(Identity { id: 1, epoch: 0 });
        assert_eq!(machine.poll(now), Some(Request::Initialise { expected }));
        machine.answered(now, Answer::Named(Identity { id: 1, epoch: 1 }), Duration::ZERO);
        machine.poll(now);
        machine.open(protocol);
        assert!(drain(&mut machine).contains(&Effect::Verdict(Verdict::Begun)));
    }
}

#[test]
fn a_commit_that_reached_nobody_is_none() {
    let (mut machine, mut now) = opened(Protocol::Second);
    machine.entered();
    machine.commit();
    machine.settled();
    machine.poll(now);
    let unreachable = Answer::Again { effect: false, soon: false, cause: "down".to_owned() };
    machine.answered(now, unreachable, Duration::from_secs(1));
    now += PATIENCE;
    machine.handle_timeout(now);
    let cause = AbortCause::NoCoordinator { after: PATIENCE, last: Some("down".to_owned()) };
    let verdict = Verdict::NotCommitted(CommitError::Abortable { cause });
    assert!(drain(&mut machine).contains(&Effect::Verdict(verdict)));
}

#[test]
fn a_fence_after_an_unclear_commit_leaves_the_doubt() {
    let (mut machine, now) = opened(Protocol::Second);
    machine.entered();
    machine.commit();
    machine.settled();
    machine.poll(now);
    machine.answered(now, lost(), Duration::ZERO);
    machine.poll(now);
    machine.answered(now, FENCED, Duration::ZERO);
    let cause = FatalCause::Fenced { code: ErrorCode::PRODUCER_FENCED };
    let doubt = CommitError::Unknown { cause: Doubt::Fatal { cause: cause.clone() } };
    assert!(doubt.is_fatal());
    let effects = drain(&mut machine);
    assert!(effects.contains(&Effect::Verdict(Verdict::NotCommitted(doubt))));
    assert!(effects.contains(&Effect::End(cause)));
}

#[test]
fn a_failure_keeps_a_commit_from_being_asked_for() {
    let (mut machine, now) = opened(Protocol::Second);
    machine.entered();
    machine.want_offsets(1, Arc::from("group"), now);
    machine.fail(refused(ErrorCode::MESSAGE_TOO_LARGE));
    let effects = drain(&mut machine);
    assert!(effects.contains(&Effect::Doom));
    let cause = refused(ErrorCode::MESSAGE_TOO_LARGE);
    let error = TransactionError::Abortable { cause: cause.clone() };
    assert!(effects.contains(&Effect::Offsets(1, Err(error))));
    machine.commit();
    let verdict = Verdict::NotCommitted(CommitError::Abortable { cause });
    assert_eq!(drain(&mut machine), [Effect::Verdict(verdict)]);
    assert_eq!(machine.poll(now), None);
    machine.begin(now);
    machine.poll(now);
    machine.settled();
    assert_eq!(machine.poll(now), Some(Request::End(End::Abort)));
}
