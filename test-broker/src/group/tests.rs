use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ottla_protocol::ErrorCode;

use super::*;

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_secs(60);

/// A group and a clock that only moves when told.
struct Bench {
    group: Group,
    now: Instant,
    tickets: u64,
    replies: BTreeMap<Ticket, Reply>,
}

impl Bench {
    fn new() -> Self {
        Self::with(GroupPolicy::default())
    }

    fn with(policy: GroupPolicy) -> Self {
        let group = Group::new(policy);
        Self { group, now: Instant::now(), tickets: 0, replies: BTreeMap::new() }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// A join as a client of an old version makes it: no id needed in advance.
    fn joining(&mut self, member_id: &str) -> Join {
        let ticket = self.ticket();
        Join {
            ticket,
            member_id: member_id.to_owned(),
            instance_id: None,
            client_id: "client".to_owned(),
            session_timeout: SESSION,
            rebalance_timeout: REBALANCE,
            protocol_type: "consumer".to_owned(),
            protocols: vec![protocol("range")],
            fresh_id: format!("m{}", ticket.0),
            id_required: false,
            can_skip_assignment: false,
        }
    }

    fn send(&mut self, join: &Join) -> Ticket {
        let ticket = join.ticket;
        self.group.join(self.now, join);
        self.collect();
        ticket
    }

    fn join(&mut self, member_id: &str) -> Ticket {
        let join = self.joining(member_id);
        self.send(&join)
    }

    fn sync(
        &mut self,
        member: &str,
        generation: i32,
        assignments: &[(&str, &'static str)],
    ) -> Ticket {
        let ticket = self.ticket();
        let assignments = assignments
            .iter()
            .map(|(id, what)| ((*id).to_owned(), Bytes::from_static(what.as_bytes())))
            .collect();
        let sync = Sync {
            ticket,
            member_id: member.to_owned(),
            instance_id: None,
            generation,
            protocol_type: None,
            protocol: None,
            assignments,
        };
        self.group.sync(self.now, sync);
        self.collect();
        ticket
    }

    fn collect(&mut self) {
        while let Some(reply) = self.group.poll_reply() {
            let (Reply::Join(ticket, _) | Reply::Sync(ticket, _)) = reply;
            assert!(self.replies.insert(ticket, reply).is_none(), "answered twice: {ticket:?}");
        }
    }

    fn is_waiting(&self, ticket: Ticket) -> bool {
        !self.replies.contains_key(&ticket)
    }

    #[track_caller]
    fn joined(&mut self, ticket: Ticket) -> JoinReply {
        match self.replies.remove(&ticket) {
            Some(Reply::Join(_, reply)) => reply,
            other => panic!("{ticket:?}: {other:?}"),
        }
    }

    #[track_caller]
    fn synced(&mut self, ticket: Ticket) -> SyncReply {
        match self.replies.remove(&ticket) {
            Some(Reply::Sync(_, reply)) => reply,
            other => panic!("{ticket:?}: {other:?}"),
        }
    }

    /// Lets time pass, and whatever is due in it happen when it is due.
    fn pass(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(due) = self.group.poll_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.group.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    fn beat(&mut self, member: &str, generation: i32) -> Result<(), ErrorCode> {
        let result = self.group.heartbeat(self.now, member, None, generation);
        self.collect();
        result
    }

    fn leave(&mut self, member: &str) -> Result<(), ErrorCode> {
        let leaving = Leaving { member_id: member.to_owned(), instance_id: None };
        let result = self.group.leave(self.now, &leaving);
        self.collect();
        result
    }

    /// A stable group of two, the first its leader.
    fn stable_pair(&mut self) -> (String, String) {
        let first = self.join("");
        let first = self.joined(first).member_id;
        self.sync(&first, 1, &[]);
        let second = self.join("");
        let again = self.join(&first);
        let second = self.joined(second).member_id;
        assert_eq!(self.joined(again).generation, 2);
        self.sync(&second, 2, &[]);
        self.sync(&first, 2, &[(&first, "one"), (&second, "two")]);
        assert_eq!(self.group.phase(), GroupPhase::Stable);
        self.replies.clear();
        (first, second)
    }
}

fn protocol(name: &str) -> Protocol {
    Protocol { name: name.to_owned(), metadata: Bytes::from(format!("about {name}")) }
}

#[test]
fn the_first_member_leads_a_generation_of_one() {
    let mut bench = Bench::new();
    let ticket = bench.join("");
    let reply = bench.joined(ticket);
    assert_eq!((reply.error, reply.generation), (ErrorCode::NONE, 1));
    assert_eq!(reply.leader, reply.member_id);
    assert_eq!(reply.protocol.as_deref(), Some("range"));
    assert_eq!(reply.members.len(), 1);
    assert_eq!(reply.members[0].metadata, "about range");
    assert_eq!(bench.group.phase(), GroupPhase::CompletingRebalance);
    let sync = bench.sync(&reply.member_id, 1, &[(&reply.member_id, "all")]);
    assert_eq!(bench.synced(sync).assignment, "all");
    assert_eq!(bench.group.phase(), GroupPhase::Stable);
}

#[test]
fn a_second_member_waits_until_the_first_has_joined_again() {
    let mut bench = Bench::new();
    let first = bench.join("");
    let first = bench.joined(first).member_id;
    bench.sync(&first, 1, &[(&first, "all")]);
    let second = bench.join("");
    assert!(bench.is_waiting(second));
    assert_eq!(bench.group.phase(), GroupPhase::PreparingRebalance);
    assert_eq!(bench.beat(&first, 1), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    let again = bench.join(&first);
    let (leader, follower) = (bench.joined(again), bench.joined(second));
    assert_eq!((leader.generation, follower.generation), (2, 2));
    assert_eq!(leader.members.len(), 2);
    assert_eq!(follower.members.len(), 0);
    assert_eq!(follower.leader, first);
    // The follower's sync waits for the leader's.
    let sync = bench.sync(&follower.member_id, 2, &[]);
    assert!(bench.is_waiting(sync));
    assert_eq!(bench.beat(&follower.member_id, 2), Ok(()));
    let leaders = bench.sync(&first, 2, &[(&first, "one"), (&follower.member_id, "two")]);
    assert_eq!(bench.synced(sync).assignment, "two");
    assert_eq!(bench.synced(leaders).assignment, "one");
    // Who asks again is told again.
    let sync = bench.sync(&follower.member_id, 2, &[]);
    assert_eq!(bench.synced(sync).assignment, "two");
}

#[test]
fn from_v4_on_a_new_member_learns_its_id_first() {
    let mut bench = Bench::new();
    let mut join = bench.joining("");
    join.id_required = true;
    let ticket = bench.send(&join);
    let reply = bench.joined(ticket);
    assert_eq!(reply.error, ErrorCode::MEMBER_ID_REQUIRED);
    assert_eq!(bench.group.members().len(), 0);
    let ticket = bench.join(&reply.member_id);
    let joined = bench.joined(ticket);
    assert_eq!((joined.error, joined.member_id), (ErrorCode::NONE, reply.member_id));
}

#[test]
fn an_id_that_is_not_used_lapses_with_its_session() {
    let mut bench = Bench::new();
    let mut join = bench.joining("");
    join.id_required = true;
    let ticket = bench.send(&join);
    let unused = bench.joined(ticket).member_id;
    // A generation waits for those who were promised a place.
    let other = bench.join("");
    assert!(bench.is_waiting(other));
    bench.pass(SESSION);
    assert_eq!(bench.joined(other).generation, 1);
    let late = bench.join(&unused);
    assert_eq!(bench.joined(late).error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn who_does_not_join_again_is_out_after_the_rebalance_timeout() {
    let mut bench = Bench::new();
    let (first, second) = bench.stable_pair();
    let third = bench.join("");
    let mut waited = Duration::ZERO;
    // It lives, but does not join.
    while waited < REBALANCE {
        assert!(bench.is_waiting(third));
        assert_eq!(bench.beat(&first, 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
        if waited == Duration::ZERO {
            bench.join(&second);
        }
        bench.pass(SESSION / 2);
        waited += SESSION / 2;
    }
    let reply = bench.joined(third);
    assert_eq!(reply.generation, 3);
    assert_eq!(bench.beat(&first, 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    // The leader stayed away, so another leads.
    assert_eq!(reply.leader, second);
    assert_eq!(bench.group.members().len(), 2);
}

#[test]
fn silence_ends_a_session() {
    let mut bench = Bench::new();
    let (first, second) = bench.stable_pair();
    bench.pass(SESSION - Duration::from_millis(1));
    assert_eq!(bench.beat(&second, 2), Ok(()));
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.group.members().len(), 1);
    assert_eq!(bench.beat(&first, 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(bench.beat(&second, 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    let again = bench.join(&second);
    let reply = bench.joined(again);
    assert_eq!((reply.generation, reply.leader), (3, second));
}

#[test]
fn a_member_that_waits_for_the_others_does_not_expire() {
    let mut bench = Bench::new();
    let (first, second) = bench.stable_pair();
    let waiting = bench.join(&first);
    bench.pass(SESSION / 2);
    let _ = bench.beat(&second, 2);
    bench.pass(SESSION / 2 + Duration::from_millis(1));
    assert!(bench.is_waiting(waiting));
    assert_eq!(bench.group.members().len(), 2);
    let again = bench.join(&second);
    assert_eq!(bench.joined(again).generation, 3);
    assert_eq!(bench.joined(waiting).generation, 3);
}

#[test]
fn members_that_leave_make_the_others_gather() {
    let mut bench = Bench::new();
    let (first, second) = bench.stable_pair();
    assert_eq!(bench.leave(&first), Ok(()));
    assert_eq!(bench.leave(&first), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(bench.beat(&second, 2), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    let again = bench.join(&second);
    assert_eq!(bench.joined(again).leader, second);
    assert_eq!(bench.leave(&second), Ok(()));
    assert_eq!(bench.group.phase(), GroupPhase::Empty);
    assert_eq!(bench.group.generation(), 4);
}

#[test]
fn a_sync_that_waits_fails_when_the_group_gathers_again() {
    let mut bench = Bench::new();
    let first = bench.join("");
    let first = bench.joined(first).member_id;
    bench.sync(&first, 1, &[]);
    let second = bench.join("");
    bench.join(&first);
    let second = bench.joined(second).member_id;
    let sync = bench.sync(&second, 2, &[]);
    assert!(bench.is_waiting(sync));
    bench.join("");
    assert_eq!(bench.synced(sync).error, ErrorCode::REBALANCE_IN_PROGRESS);
    let early = bench.sync(&second, 2, &[]);
    assert_eq!(bench.synced(early).error, ErrorCode::REBALANCE_IN_PROGRESS);
}

#[test]
fn who_never_asks_for_its_assignment_is_out() {
    let mut bench = Bench::new();
    let first = bench.join("");
    let first = bench.joined(first).member_id;
    for _ in 0..12 {
        assert_eq!(bench.group.members().len(), 1);
        let _ = bench.beat(&first, 1);
        bench.pass(REBALANCE / 12);
    }
    assert_eq!(bench.group.members().len(), 0);
    assert_eq!(bench.group.phase(), GroupPhase::Empty);
}

#[test]
fn a_follower_that_changes_nothing_does_not_disturb() {
    let mut bench = Bench::new();
    let (first, second) = bench.stable_pair();
    let again = bench.join(&second);
    let reply = bench.joined(again);
    assert_eq!((reply.generation, reply.members.len()), (2, 0));
    assert_eq!(bench.group.phase(), GroupPhase::Stable);
    // But it may want something else, and the leader may want to assign anew.
    let mut changed = bench.joining(&second);
    changed.protocols = vec![protocol("range"), protocol("sticky")];
    let changed = bench.send(&changed);
    assert!(bench.is_waiting(changed));
    let again = bench.join(&first);
    assert_eq!(bench.joined(again).generation, 3);
    assert_eq!(bench.joined(changed).generation, 3);
    bench.sync(&first, 3, &[]);
    let leader = bench.join(&first);
    assert!(bench.is_waiting(leader));
    assert_eq!(bench.group.phase(), GroupPhase::PreparingRebalance);
}

#[test]
fn the_leader_hears_of_the_members_again_if_it_lost_the_answer() {
    let mut bench = Bench::new();
    let first = bench.join("");
    let first = bench.joined(first).member_id;
    let again = bench.join(&first);
    let reply = bench.joined(again);
    assert_eq!((reply.generation, reply.members.len()), (1, 1));
}

#[test]
fn most_votes_among_what_all_support_decide() {
    let mut bench = Bench::new();
    let mut wanting = |names: &[&str]| {
        let mut join = bench.joining("");
        join.protocols = names.iter().map(|name| protocol(name)).collect();
        bench.send(&join)
    };
    let first = wanting(&["range", "sticky", "robin"]);
    wanting(&["sticky", "range"]);
    wanting(&["sticky", "range", "robin"]);
    let incompatible = wanting(&["robin"]);
    assert_eq!(bench.joined(incompatible).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    let first = bench.joined(first).member_id;
    let mut again = bench.joining(&first);
    again.protocols = vec![protocol("range"), protocol("sticky"), protocol("robin")];
    let again = bench.send(&again);
    let reply = bench.joined(again);
    assert_eq!(reply.protocol.as_deref(), Some("sticky"));
    assert_eq!(reply.members.len(), 3);
    assert!(reply.members.iter().all(|member| member.metadata == "about sticky"));
}

#[test]
fn another_kind_of_group_is_refused() {
    let mut bench = Bench::new();
    bench.stable_pair();
    let mut connect = bench.joining("");
    connect.protocol_type = "connect".to_owned();
    let connect = bench.send(&connect);
    assert_eq!(bench.joined(connect).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    let mut nothing = Bench::new();
    let mut join = nothing.joining("");
    join.protocols.clear();
    let ticket = nothing.send(&join);
    assert_eq!(nothing.joined(ticket).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}

#[test]
fn generations_and_ids_are_checked() {
    let mut bench = Bench::new();
    let (first, _) = bench.stable_pair();
    assert_eq!(bench.beat(&first, 1), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(bench.beat("nobody", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    let stale = bench.sync(&first, 1, &[]);
    assert_eq!(bench.synced(stale).error, ErrorCode::ILLEGAL_GENERATION);
    let unknown = bench.sync("nobody", 2, &[]);
    assert_eq!(bench.synced(unknown).error, ErrorCode::UNKNOWN_MEMBER_ID);
    let unknown = bench.join("nobody");
    assert_eq!(bench.joined(unknown).error, ErrorCode::UNKNOWN_MEMBER_ID);
    let mut hasty = bench.joining("");
    hasty.session_timeout = Duration::from_secs(1);
    let hasty = bench.send(&hasty);
    assert_eq!(bench.joined(hasty).error, ErrorCode::INVALID_SESSION_TIMEOUT);
}

#[test]
fn a_full_group_takes_no_more() {
    let mut bench = Bench::with(GroupPolicy { max_size: 2, ..GroupPolicy::default() });
    let (first, _) = bench.stable_pair();
    let third = bench.join("");
    assert_eq!(bench.joined(third).error, ErrorCode::GROUP_MAX_SIZE_REACHED);
    let member = bench.join(&first);
    assert!(bench.is_waiting(member));
}

#[test]
fn only_members_of_the_generation_commit() {
    let mut bench = Bench::new();
    fn committer(member_id: &str, generation: i32) -> Committer<'_> {
        Committer { member_id, instance_id: None, generation, transactional: false }
    }
    let now = bench.now;
    assert_eq!(bench.group.may_commit(now, committer("", -1)), Ok(()));
    let (first, second) = bench.stable_pair();
    let mut may =
        |member: &str, generation| bench.group.may_commit(now, committer(member, generation));
    assert_eq!(may(&first, 2), Ok(()));
    assert_eq!(may(&first, 1), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(may("nobody", 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(may("", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    // While the others gather it may still say how far it came, not once it has joined anew.
    bench.join("");
    assert_eq!(bench.group.may_commit(now, committer(&first, 2)), Ok(()));
    bench.join(&first);
    bench.join(&second);
    let refused = bench.group.may_commit(now, committer(&first, 3));
    assert_eq!(refused, Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn an_empty_group_waits_for_more_members_if_told_to() {
    let delay = Duration::from_secs(3);
    let mut bench = Bench::with(GroupPolicy { initial_delay: delay, ..GroupPolicy::default() });
    let first = bench.join("");
    bench.pass(Duration::from_secs(2));
    let second = bench.join("");
    bench.pass(Duration::from_secs(3));
    // The second came during the first three seconds, so three more are given.
    assert!(bench.is_waiting(first));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.joined(first).members.len(), 2);
    assert_eq!(bench.joined(second).generation, 1);
}

fn static_join(bench: &mut Bench, member_id: &str) -> Join {
    let mut join = bench.joining(member_id);
    join.instance_id = Some("i".to_owned());
    join
}

#[test]
fn a_static_member_that_comes_back_keeps_its_place() {
    let mut bench = Bench::new();
    let leader = bench.join("");
    let leader = bench.joined(leader).member_id;
    bench.sync(&leader, 1, &[]);
    let join = static_join(&mut bench, "");
    let member = bench.send(&join);
    bench.join(&leader);
    let old = bench.joined(member).member_id;
    bench.sync(&leader, 2, &[(&old, "its")]);
    let join = static_join(&mut bench, "");
    let back = bench.send(&join);
    let reply = bench.joined(back);
    assert_eq!((reply.error, reply.generation), (ErrorCode::NONE, 2));
    assert_ne!(reply.member_id, old);
    assert_eq!(bench.group.phase(), GroupPhase::Stable);
    let sync = bench.sync(&reply.member_id, 2, &[]);
    // Without its instance id nobody may speak for it... but the member id is enough to sync.
    assert_eq!(bench.synced(sync).assignment, "its");
    let fenced = bench.group.heartbeat(bench.now, &old, Some("i"), 2);
    assert_eq!(fenced, Err(ErrorCode::FENCED_INSTANCE_ID));
    assert_eq!(bench.beat(&old, 2), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn a_static_leader_that_comes_back_does_not_take_itself_for_the_leader() {
    let mut bench = Bench::new();
    let join = static_join(&mut bench, "");
    let first = bench.send(&join);
    let old = bench.joined(first).member_id;
    bench.sync(&old, 1, &[(&old, "all")]);
    let join = static_join(&mut bench, "");
    let back = bench.send(&join);
    let reply = bench.joined(back);
    assert_eq!((&reply.leader, reply.members.len()), (&old, 0));
    let mut join = static_join(&mut bench, "");
    join.can_skip_assignment = true;
    let back = bench.send(&join);
    let reply = bench.joined(back);
    assert!(reply.skip_assignment);
    assert_eq!((&reply.leader, reply.members.len()), (&reply.member_id, 1));
}

#[test]
fn two_members_with_one_instance_id_fence_each_other() {
    let mut bench = Bench::new();
    let first = bench.join("");
    let first = bench.joined(first).member_id;
    bench.sync(&first, 1, &[]);
    let join = static_join(&mut bench, "");
    let one = bench.send(&join);
    let join = static_join(&mut bench, "");
    let other = bench.send(&join);
    assert_eq!(bench.joined(one).error, ErrorCode::FENCED_INSTANCE_ID);
    assert!(bench.is_waiting(other));
    bench.join(&first);
    assert_eq!(bench.joined(other).error, ErrorCode::NONE);
}

#[test]
fn a_static_member_leaves_by_its_instance_id() {
    let mut bench = Bench::new();
    let join = static_join(&mut bench, "");
    bench.send(&join);
    let leaving = |instance: &str| Leaving {
        member_id: String::new(),
        instance_id: Some(instance.to_owned()),
    };
    let unknown = bench.group.leave(bench.now, &leaving("other"));
    assert_eq!(unknown, Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(bench.group.leave(bench.now, &leaving("i")), Ok(()));
    assert_eq!(bench.group.phase(), GroupPhase::Empty);
}

#[test]
fn an_absent_static_member_is_waited_for_until_its_session_ends() {
    let mut bench = Bench::new();
    let join = static_join(&mut bench, "");
    let member = bench.send(&join);
    let id = bench.joined(member).member_id;
    bench.sync(&id, 1, &[]);
    let mut slow = bench.joining("");
    slow.session_timeout = SESSION * 100;
    slow.rebalance_timeout = Duration::from_secs(1);
    let mut quick = slow.clone();
    quick.ticket = bench.ticket();
    quick.fresh_id = "quick".to_owned();
    let other = bench.send(&slow);
    bench.pass(SESSION);
    assert_eq!(bench.joined(other).members.len(), 1);
}

#[test]
fn another_coordinator_finds_what_was_written_down() {
    let mut bench = Bench::new();
    let (first, second) = bench.stable_pair();
    let third = bench.join("");
    let waiting = bench.join(&second);
    bench.group.reload(bench.now);
    bench.collect();
    assert_eq!(bench.joined(third).error, ErrorCode::NOT_COORDINATOR);
    assert_eq!(bench.joined(waiting).error, ErrorCode::NOT_COORDINATOR);
    assert_eq!((bench.group.phase(), bench.group.generation()), (GroupPhase::Stable, 2));
    assert_eq!(bench.beat(&first, 2), Ok(()));
    let sync = bench.sync(&second, 2, &[]);
    assert_eq!(bench.synced(sync).assignment, "two");
}

#[test]
fn a_dead_group_answers_nobody() {
    let mut bench = Bench::new();
    let (first, second) = bench.stable_pair();
    let waiting = bench.join("");
    bench.group.kill();
    bench.collect();
    assert_eq!(bench.joined(waiting).error, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(bench.beat(&first, 2), Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
    assert_eq!(bench.leave(&second), Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
    let join = bench.join("");
    assert_eq!(bench.joined(join).error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    assert_eq!(bench.group.poll_deadline(), None);
}

/// Members that come, go, fall silent and repeat themselves at random: every join and sync is
/// answered exactly once, and members of a stable generation agree on what it is.
#[test]
fn whatever_members_do_everyone_gets_one_answer() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::new();
        let mut sent: Vec<Ticket> = Vec::new();
        let mut answers = 0;
        for _ in 0..200 {
            let ids: Vec<String> =
                bench.group.members().iter().map(|member| member.id.clone()).collect();
            let someone = rng.choice(&ids).cloned().unwrap_or_default();
            let generation = bench.group.generation() - i32::from(rng.u8(..10) == 0);
            match rng.u8(..8) {
                0 => {
                    let mut join = bench.joining("");
                    join.id_required = rng.bool();
                    join.instance_id = (rng.u8(..4) == 0).then(|| "i".to_owned());
                    sent.push(bench.send(&join));
                }
                1 | 2 => sent.push(bench.join(&someone)),
                3 => sent.push(bench.sync(&someone, generation, &[])),
                4 => {
                    let leader = bench.group.leader().unwrap_or_default().to_owned();
                    sent.push(bench.sync(&leader, generation, &[(&someone, "x")]));
                }
                5 => drop(bench.beat(&someone, generation)),
                6 if rng.u8(..4) == 0 => drop(bench.leave(&someone)),
                _ => bench.pass(Duration::from_millis(rng.u64(..5_000))),
            }
            answers += bench.replies.len();
            bench.replies.clear();
            let leader = bench.group.leader();
            let leads = |id: &str| bench.group.members().iter().any(|member| member.id == id);
            assert!(leader.is_none_or(leads), "seed {seed}: the leader is a member");
            let stable = bench.group.phase() == GroupPhase::Stable;
            assert!(!stable || !bench.group.members().is_empty(), "seed {seed}");
        }
        bench.pass(Duration::from_secs(3600));
        answers += bench.replies.len();
        assert_eq!(answers, sent.len(), "seed {seed}");
        assert_eq!(bench.group.members().len(), 0, "seed {seed}: all sessions have ended");
        assert_eq!(bench.group.poll_deadline(), None, "seed {seed}");
    }
}
