use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{JoinGroupResponse, JoinGroupResponseMember, SyncGroupResponse};
use ottla_protocol::consumer_protocol::{self, ConsumerProtocolSubscription};
use tokio::time::Instant;

use crate::group::action::GroupError;

use super::*;

const BEAT: Duration = Duration::from_secs(3);

fn machine(now: Instant) -> GroupMachine {
    settled(now, false, 1)
}

fn settled(now: Instant, is_static: bool, seed: u64) -> GroupMachine {
    let topics = vec!["t".to_owned()];
    GroupMachine::new(GroupSettings { topics, is_static, heartbeat_interval: BEAT, seed }, now)
}

fn set(partitions: impl IntoIterator<Item = i32>) -> PartitionSet {
    partitions.into_iter().map(|partition| ("t".to_owned(), partition)).collect()
}

fn joined(generation_id: i32, leads: bool) -> JoinGroupResponse {
    let subscription =
        ConsumerProtocolSubscription { topics: vec!["t".to_owned()], ..Default::default() };
    let metadata = consumer_protocol::encode(&subscription, 1).unwrap();
    let member = |id: &str| JoinGroupResponseMember {
        member_id: id.to_owned(),
        metadata: metadata.clone(),
        ..Default::default()
    };
    JoinGroupResponse {
        generation_id,
        protocol_name: Some("range".to_owned()),
        leader: if leads { "me".to_owned() } else { "you".to_owned() },
        member_id: "me".to_owned(),
        members: if leads { vec![member("me"), member("you")] } else { Vec::new() },
        ..Default::default()
    }
}

fn refusal(error_code: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse { error_code, member_id: "me".to_owned(), ..Default::default() }
}

fn synced(partitions: impl IntoIterator<Item = i32>) -> SyncGroupResponse {
    let topics = BTreeMap::from([("t".to_owned(), partitions.into_iter().collect())]);
    SyncGroupResponse { assignment: assignment(topics), ..Default::default() }
}

fn code<T>(code: ErrorCode) -> Result<T, Failure> {
    Err(Failure::Code(code))
}

/// What comes out until nothing more does.
fn drain(machine: &mut GroupMachine, now: Instant) -> Vec<Action> {
    std::iter::from_fn(|| machine.poll(now)).collect()
}

fn only(machine: &mut GroupMachine, now: Instant) -> Action {
    let mut actions = drain(machine, now);
    assert_eq!(actions.len(), 1, "{actions:?}");
    actions.remove(0)
}

/// Takes a machine through its first join, as a follower.
fn join(machine: &mut GroupMachine, now: Instant, partitions: &[i32]) {
    let mut action = only(machine, now);
    if action == Action::FindCoordinator {
        machine.handle_coordinator(Ok(()), now);
        action = only(machine, now);
    }
    let Action::Join { attempt, .. } = action else { panic!("{action:?}") };
    machine.handle_joined(attempt, Ok(joined(1, false)), now);
    let Action::Sync { attempt, generation: 1, .. } = only(machine, now) else { panic!() };
    machine.handle_synced(attempt, Ok(synced(partitions.iter().copied())), now);
    assert_eq!(only(machine, now), Action::Assigned(set(partitions.iter().copied())));
    assert!(machine.is_stable());
}

#[test]
fn the_member_id_is_taken_before_joining() {
    let now = Instant::now();
    let mut machine = machine(now);
    assert_eq!(only(&mut machine, now), Action::FindCoordinator);
    machine.handle_coordinator(Ok(()), now);
    let Action::Join { attempt, member_id, .. } = only(&mut machine, now) else { panic!() };
    assert_eq!(member_id, "");
    machine.handle_joined(attempt, Ok(refusal(ErrorCode::MEMBER_ID_REQUIRED)), now);
    let Action::Join { member_id, .. } = only(&mut machine, now) else { panic!() };
    assert_eq!(member_id, "me", "at once");
}

#[test]
fn the_leader_assigns_what_it_counts_and_again_when_that_changes() {
    let now = Instant::now();
    let mut machine = machine(now);
    assert_eq!(only(&mut machine, now), Action::FindCoordinator);
    machine.handle_coordinator(Ok(()), now);
    let Action::Join { attempt, .. } = only(&mut machine, now) else { panic!() };
    machine.handle_joined(attempt, Ok(joined(1, true)), now);
    let Action::CountPartitions { attempt, topics } = only(&mut machine, now) else { panic!() };
    assert_eq!(topics, BTreeSet::from(["t".to_owned()]));
    let counts = |count| BTreeMap::from([("t".to_owned(), count)]);
    machine.handle_counted(attempt, counts(3));
    let Action::Sync { attempt, assignments, .. } = only(&mut machine, now) else { panic!() };
    let given: BTreeMap<_, _> = assignments
        .iter()
        .map(|given| (given.member_id.as_str(), read_assignment(&given.assignment).unwrap()))
        .collect();
    assert_eq!(given, BTreeMap::from([("me", set([0, 1])), ("you", set([2]))]));
    machine.handle_synced(attempt, Ok(synced([0, 1])), now);
    assert_eq!(only(&mut machine, now), Action::Assigned(set([0, 1])));

    machine.handle_topics(&counts(3));
    assert_eq!(drain(&mut machine, now), []);
    machine.handle_topics(&counts(4));
    assert_eq!(only(&mut machine, now), Action::Revoke(set([0, 1])));
}

#[test]
fn a_rebalance_waits_for_the_application_while_heartbeats_go_on() {
    let mut now = Instant::now();
    let mut machine = machine(now);
    join(&mut machine, now, &[1, 2]);
    now += BEAT;
    let Action::Heartbeat { attempt, .. } = only(&mut machine, now) else { panic!() };
    machine.handle_heartbeat(attempt, code(ErrorCode::REBALANCE_IN_PROGRESS), now);
    assert_eq!(only(&mut machine, now), Action::Revoke(set([1, 2])));
    for _ in 0..10 {
        assert_eq!(machine.wake_at(), Some(now + BEAT));
        now += BEAT;
        let Action::Heartbeat { attempt, .. } = only(&mut machine, now) else { panic!() };
        machine.handle_heartbeat(attempt, code(ErrorCode::REBALANCE_IN_PROGRESS), now);
        assert_eq!(drain(&mut machine, now), [], "told once");
    }
    machine.handle_revoked();
    let Action::Join { member_id, .. } = only(&mut machine, now) else { panic!() };
    assert_eq!(member_id, "me");
}

#[test]
fn who_is_forgotten_loses_everything_and_starts_over() {
    for (refusal, keeps_id) in
        [(ErrorCode::UNKNOWN_MEMBER_ID, false), (ErrorCode::ILLEGAL_GENERATION, true)]
    {
        let mut now = Instant::now();
        let mut machine = machine(now);
        join(&mut machine, now, &[1]);
        now += BEAT;
        let Action::Heartbeat { attempt, .. } = only(&mut machine, now) else { panic!() };
        machine.handle_heartbeat(attempt, code(refusal), now);
        assert_eq!(only(&mut machine, now), Action::Lost(set([1])));
        assert_eq!(machine.generation(), -1);
        now += Duration::from_secs(2);
        let Action::Join { member_id, .. } = only(&mut machine, now) else { panic!() };
        assert_eq!(member_id == "me", keeps_id, "{refusal}");
    }
}

#[test]
fn a_coordinator_that_refuses_every_join_is_not_asked_as_fast_as_it_answers() {
    for refusal in [ErrorCode::REBALANCE_IN_PROGRESS, ErrorCode::MEMBER_ID_REQUIRED] {
        let mut now = Instant::now();
        let mut machine = machine(now);
        assert_eq!(only(&mut machine, now), Action::FindCoordinator);
        machine.handle_coordinator(Ok(()), now);
        let begun = now;
        let mut joins = 0;
        while now < begun + Duration::from_secs(10) {
            match machine.poll(now) {
                Some(Action::Join { attempt, .. }) => {
                    machine.handle_joined(attempt, Err(Failure::Code(refusal)), now);
                    joins += 1;
                    assert!(joins < 100, "{joins} joins within {:?}: {refusal}", now - begun);
                }
                Some(other) => panic!("{other:?}"),
                None => now = machine.wake_at().unwrap(),
            }
        }
        assert!(joins > 5);
    }
}

#[test]
fn an_assignment_that_cannot_be_read_is_not_asked_for_again() {
    let mut now = Instant::now();
    let mut machine = machine(now);
    assert_eq!(only(&mut machine, now), Action::FindCoordinator);
    machine.handle_coordinator(Ok(()), now);
    let Action::Join { attempt, .. } = only(&mut machine, now) else { panic!() };
    machine.handle_joined(attempt, Ok(joined(1, false)), now);
    let Action::Sync { attempt, .. } = only(&mut machine, now) else { panic!() };
    machine.handle_synced(attempt, Err(Failure::Garbled), now);
    assert_eq!(drain(&mut machine, now), [], "not at once");
    now += Duration::from_secs(2);
    let Action::Join { attempt, member_id, .. } = only(&mut machine, now) else { panic!() };
    assert_eq!(member_id, "me");
    // A join that cannot be read is tried again after the coordinator was looked for.
    machine.handle_joined(attempt, Err(Failure::Garbled), now);
    now += Duration::from_secs(2);
    assert_eq!(only(&mut machine, now), Action::FindCoordinator);
}

#[test]
fn answers_to_what_is_over_are_ignored() {
    let mut now = Instant::now();
    let mut machine = machine(now);
    join(&mut machine, now, &[1]);
    machine.handle_joined(0, Ok(joined(9, false)), now);
    machine.handle_synced(0, Ok(synced([7])), now);
    machine.handle_left(0);
    machine.handle_revoked();
    assert_eq!((machine.generation(), drain(&mut machine, now)), (1, vec![]));
    now += BEAT;
    let Action::Heartbeat { attempt: old, .. } = only(&mut machine, now) else { panic!() };
    machine.handle_commit_refused(1, ErrorCode::REBALANCE_IN_PROGRESS, now);
    assert_eq!(only(&mut machine, now), Action::Revoke(set([1])));
    machine.handle_revoked();
    // The answer to the heartbeat of the generation that is over.
    machine.handle_heartbeat(old, code(ErrorCode::UNKNOWN_MEMBER_ID), now);
    let Action::Join { member_id, .. } = only(&mut machine, now) else { panic!() };
    assert_eq!(member_id, "me");
    machine.handle_commit_refused(0, ErrorCode::UNKNOWN_MEMBER_ID, now);
    assert_eq!(drain(&mut machine, now), []);
}

#[test]
fn a_heartbeat_of_the_generation_before_says_nothing_of_this_one() {
    let mut now = Instant::now();
    let mut machine = machine(now);
    join(&mut machine, now, &[1]);
    now += BEAT;
    let Action::Heartbeat { attempt: old, .. } = only(&mut machine, now) else { panic!() };
    machine.handle_commit_refused(1, ErrorCode::REBALANCE_IN_PROGRESS, now);
    assert_eq!(only(&mut machine, now), Action::Revoke(set([1])));
    machine.handle_revoked();
    join(&mut machine, now, &[2]);
    for code in [ErrorCode::ILLEGAL_GENERATION, ErrorCode::REBALANCE_IN_PROGRESS] {
        machine.handle_heartbeat(old, Err(Failure::Code(code)), now);
        assert_eq!(drain(&mut machine, now), [], "{code}");
    }
    assert!(machine.is_stable());
}

#[test]
fn a_silent_application_is_taken_out_and_comes_back() {
    let now = Instant::now();
    let mut machine = machine(now);
    join(&mut machine, now, &[1]);
    machine.handle_silence();
    let actions = drain(&mut machine, now);
    let [Action::Lost(lost), Action::Leave { attempt, member_id }] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!((lost, member_id.as_str()), (&set([1]), "me"));
    machine.handle_left(*attempt);
    assert_eq!((drain(&mut machine, now), machine.wake_at()), (vec![], None));
    machine.handle_life();
    let Action::Join { member_id, .. } = only(&mut machine, now) else { panic!() };
    assert_eq!(member_id, "");
}

#[test]
fn a_static_member_does_not_say_that_it_leaves() {
    let now = Instant::now();
    let mut machine = settled(now, true, 1);
    join(&mut machine, now, &[1]);
    machine.handle_close();
    assert_eq!(only(&mut machine, now), Action::Revoke(set([1])));
    machine.handle_revoked();
    assert_eq!(only(&mut machine, now), Action::Closed);
    assert_eq!(machine.farewell(), None);
}

#[test]
fn refusals_for_good_end_the_membership() {
    for refused in [
        ErrorCode::GROUP_AUTHORIZATION_FAILED,
        ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
        ErrorCode::FENCED_INSTANCE_ID,
        ErrorCode::GROUP_MAX_SIZE_REACHED,
        ErrorCode::UNSUPPORTED_VERSION,
        ErrorCode(3000),
    ] {
        let now = Instant::now();
        let mut machine = machine(now);
        join(&mut machine, now, &[1]);
        let now = now + BEAT;
        let Action::Heartbeat { attempt, .. } = only(&mut machine, now) else { panic!() };
        machine.handle_heartbeat(attempt, code(refused), now);
        let expected = Action::Fail(GroupError { api: "Heartbeat", code: refused });
        assert_eq!(drain(&mut machine, now), [Action::Lost(set([1])), expected]);
        assert_eq!(machine.wake_at(), None);
        machine.handle_close();
        assert_eq!(only(&mut machine, now), Action::Closed);
    }
}

/// A coordinator, an application and a network that do anything they may, in any order. After each
/// step what must always hold is checked; in the end everything goes well, and the member has to
/// be stable soon.
struct Chaos {
    random: fastrand::Rng,
    machine: GroupMachine,
    now: Instant,
    owned: PartitionSet,
    requests: Vec<Action>,
    heartbeats: Vec<u64>,
    revoking: bool,
    over: bool,
    trace: Vec<String>,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let now = Instant::now();
        let mut random = fastrand::Rng::with_seed(seed);
        Self {
            machine: settled(now, random.bool(), seed),
            random,
            now,
            owned: PartitionSet::new(),
            requests: Vec::new(),
            heartbeats: Vec::new(),
            revoking: false,
            over: false,
            trace: Vec::new(),
        }
    }

    fn collect(&mut self) {
        for count in 0.. {
            assert!(count < 20, "it spins");
            let Some(action) = self.machine.poll(self.now) else { break };
            self.trace.push(format!("{action:?}"));
            assert!(!self.over || action == Action::Closed, "after the end: {action:?}");
            match action {
                Action::Assigned(added) => {
                    assert!(added.is_disjoint(&self.owned), "assigned twice");
                    assert!(!self.revoking, "assigned while it gives up");
                    self.owned.extend(added);
                }
                Action::Revoke(gone) => {
                    assert!(gone.is_subset(&self.owned), "revoked what it had not");
                    assert!(!self.revoking);
                    self.owned.retain(|partition| !gone.contains(partition));
                    self.revoking = true;
                }
                Action::Lost(gone) => {
                    assert!(gone.is_subset(&self.owned), "lost what it had not");
                    self.owned.retain(|partition| !gone.contains(partition));
                    self.revoking = false;
                }
                Action::Fail(_) => {
                    assert!(self.owned.is_empty(), "failed with partitions");
                    self.over = true;
                }
                Action::Closed => {
                    assert!(self.owned.is_empty(), "closed with partitions");
                    self.over = true;
                }
                Action::Heartbeat { attempt, .. } => {
                    assert!(self.heartbeats.is_empty(), "two heartbeats at a time");
                    self.heartbeats.push(attempt);
                }
                request => {
                    let waits = request != Action::FindCoordinator;
                    assert!(!(waits && self.revoking), "does not wait: {request:?}");
                    if matches!(request, Action::Join { .. }) {
                        // The eager protocol's rule.
                        assert!(self.owned.is_empty(), "joins with partitions");
                    }
                    self.requests.push(request);
                }
            }
        }
        assert!(self.requests.len() <= 3, "{:?}", self.requests);
    }

    fn failure(&mut self) -> Failure {
        const CODES: [ErrorCode; 9] = [
            ErrorCode::COORDINATOR_NOT_AVAILABLE,
            ErrorCode::NOT_COORDINATOR,
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
            ErrorCode::UNKNOWN_MEMBER_ID,
            ErrorCode::ILLEGAL_GENERATION,
            ErrorCode::REBALANCE_IN_PROGRESS,
            ErrorCode::REQUEST_TIMED_OUT,
            ErrorCode::UNKNOWN_SERVER_ERROR,
            ErrorCode::GROUP_AUTHORIZATION_FAILED,
        ];
        match self.random.usize(0..12) {
            pick @ 0..8 => Failure::Code(CODES[pick]),
            8 if self.random.u8(0..40) == 0 => Failure::Code(CODES[8]),
            8 => Failure::Garbled,
            _ => Failure::Unreachable,
        }
    }

    /// Answers a request; well, if `good`.
    fn answer(&mut self, request: Action, good: bool) {
        let failure = (!good && self.random.u8(0..3) > 0).then(|| self.failure());
        self.trace.push(format!("  {failure:?}"));
        let now = self.now;
        match request {
            Action::FindCoordinator => {
                let found = failure.filter(
                    |failure| !matches!(failure, Failure::Code(code) if !is_transient(*code)),
                );
                self.machine.handle_coordinator(found.map_or(Ok(()), Err), now);
            }
            Action::Join { attempt, .. } => {
                let answer = match failure {
                    Some(Failure::Code(code)) if self.random.bool() => Ok(refusal(code)),
                    Some(failure) => Err(failure),
                    None => Ok(joined(self.random.i32(1..100), self.random.bool())),
                };
                self.machine.handle_joined(attempt, answer, now);
            }
            Action::CountPartitions { attempt, .. } => {
                let counts = BTreeMap::from([("t".to_owned(), self.random.i32(1..9))]);
                self.machine.handle_counted(attempt, counts);
            }
            Action::Sync { attempt, .. } => {
                let partitions: Vec<i32> = (0..9).filter(|_| self.random.bool()).collect();
                let answer = failure.map_or_else(|| Ok(synced(partitions)), Err);
                self.machine.handle_synced(attempt, answer, now);
            }
            Action::Leave { attempt, .. } => self.machine.handle_left(attempt),
            other => panic!("{other:?} wants no answer"),
        }
    }

    fn step(&mut self, good: bool) {
        match self.random.u8(0..10) {
            0..4 if !self.requests.is_empty() => {
                let request = self.requests.swap_remove(self.random.usize(0..self.requests.len()));
                self.answer(request, good);
            }
            4..6 => {
                if let Some(attempt) = self.heartbeats.pop() {
                    let bad = !good && self.random.u8(0..4) == 0;
                    let answer = if bad { Err(self.failure()) } else { Ok(()) };
                    self.trace.push(format!("  heartbeat {answer:?}"));
                    self.machine.handle_heartbeat(attempt, answer, self.now);
                }
            }
            6 if self.revoking => {
                self.revoking = false;
                self.machine.handle_revoked();
            }
            7 if !good => match self.random.u8(0..6) {
                0 => self.machine.handle_silence(),
                1..3 => self.machine.handle_life(),
                3 => {
                    let generation = self.machine.generation();
                    if let Failure::Code(code) = self.failure() {
                        if code != ErrorCode::GROUP_AUTHORIZATION_FAILED {
                            self.machine.handle_commit_refused(generation, code, self.now);
                        }
                    }
                }
                4 => {
                    let counts = BTreeMap::from([("t".to_owned(), self.random.i32(1..9))]);
                    self.machine.handle_topics(&counts);
                }
                _ => {}
            },
            _ => self.now += Duration::from_millis(self.random.u64(1..1500)),
        }
        self.collect();
    }
}

#[test]
fn whatever_happens_the_rules_hold_and_it_recovers() {
    for seed in 0..400 {
        let mut chaos = Chaos::new(seed);
        let run = std::panic::AssertUnwindSafe(|| {
            chaos.collect();
            for _ in 0..300 {
                chaos.step(false);
            }
            if chaos.over {
                return;
            }
            let healed = chaos.now;
            chaos.machine.handle_life();
            while !chaos.machine.is_stable() {
                chaos.step(true);
                let took = chaos.now - healed;
                assert!(took < Duration::from_secs(120), "not stable after {took:?}");
                chaos.machine.handle_life();
            }
            chaos.machine.handle_close();
            chaos.collect();
            let closing = chaos.now;
            while !chaos.over {
                chaos.step(true);
                assert!(chaos.now - closing < Duration::from_secs(60), "does not close");
            }
            assert_eq!(chaos.machine.wake_at(), None);
        });
        let result = std::panic::catch_unwind(run);
        if let Err(panic) = result {
            let last: Vec<_> = chaos.trace.iter().rev().take(25).rev().collect();
            println!("seed {seed}: {last:#?}");
            std::panic::resume_unwind(panic);
        }
    }
}
