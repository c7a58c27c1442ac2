//! Members of a group.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a failed test")]

mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_client::TopicPartition;
use ottla_consumer_group::{
    AssignmentEpoch, Callback, Consumer, ConsumerControl, ConsumerError, Fetched, RebalanceListener,
};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::GroupPhase;
use std::sync::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use world::{LONG, Seen, World, all, client, nothing, read, records};

/// What was handed out to whom: member, partition, epoch, offset.
type Journal = Arc<Mutex<Vec<(usize, i32, AssignmentEpoch, i64)>>>;

/// A member that reads, marks what it has read, and keeps a journal, until told to stop.
fn work(
    member: usize,
    mut consumer: Consumer,
    journal: Journal,
) -> (mpsc::Sender<()>, JoinHandle<()>) {
    let (stop, mut stopped) = mpsc::channel(1);
    let control = consumer.control();
    let task = tokio::spawn(async move {
        loop {
            let fetched = tokio::select! {
                biased;
                _ = stopped.recv() => break,
                fetched = consumer.poll(7) => fetched.unwrap(),
            };
            let Fetched::Records(batch) = fetched else { panic!("{fetched:?}") };
            for record in &batch {
                let entry = (member, batch.partition().partition, batch.epoch(), record.offset());
                journal.lock().unwrap().push(entry);
            }
            sleep(Duration::from_millis(20)).await;
            // Too late is fine: then somebody else has it.
            let _ = control.mark(batch.mark());
        }
        consumer.close(LONG).await.unwrap();
    });
    (stop, task)
}

#[tokio::test(start_paused = true)]
async fn three_members_share_what_there_is_and_lose_nothing() {
    let world = World::new(|b| b.brokers(3).topic("in", 9));
    let journal = Journal::default();
    let mut members = Vec::new();
    let start = Instant::now();
    let mut written = 0;
    for round in 0..12 {
        written += 100;
        for partition in 0..9 {
            world.fill("in", partition, written);
        }
        match round {
            0..3 => {
                let member = world.member(&["in"]).build().unwrap();
                members.push(work(round, member, Arc::clone(&journal)));
            }
            6 | 8 => {
                let (stop, task) = members.remove(0);
                stop.send(()).await.unwrap();
                task.await.unwrap();
            }
            _ => {}
        }
        sleep(Duration::from_secs(10)).await;
    }
    for (stop, task) in members {
        stop.send(()).await.unwrap();
        task.await.unwrap();
    }
    let journal = journal.lock().unwrap();
    let mut by_partition: BTreeMap<i32, Vec<(usize, AssignmentEpoch, i64)>> = BTreeMap::new();
    for &(member, partition, epoch, offset) in journal.iter() {
        by_partition.entry(partition).or_default().push((member, epoch, offset));
    }
    for (partition, records) in &by_partition {
        let mut offsets: Vec<i64> = records.iter().map(|(.., offset)| *offset).collect();
        // All members close properly: each goes on exactly where the one before has stopped,
        // but for the batch that was being worked on when a partition was taken away.
        assert!(
            offsets.len() < 1200 + 50,
            "partition {partition}: {} repeated",
            offsets.len() - 1200
        );
        for pair in records.windows(2) {
            let [(_, before, last), (_, epoch, next)] = pair else { panic!("{pair:?}") };
            if before == epoch {
                assert_eq!(*next, last + 1, "a jump within one assignment");
            } else {
                assert!(*next <= last + 1, "partition {partition} lost {last} to {next}");
            }
        }
        offsets.sort_unstable();
        offsets.dedup();
        assert_eq!(offsets, all(1200), "partition {partition}");
        let committed = world.cluster.committed("g", "in", *partition);
        assert_eq!(committed, Some(1200), "partition {partition}");
    }
    assert_eq!(by_partition.len(), 9);
    assert!(start.elapsed() < Duration::from_secs(200), "{:?}", start.elapsed());
    let group = world.cluster.group("g").unwrap();
    assert!(group.members.is_empty(), "{group:?}");
}

/// Notes what it is told, and may take its time.
#[derive(Default)]
struct Told {
    events: Mutex<Vec<(&'static str, Vec<i32>)>>,
    revoking_takes: Duration,
    mark_when_revoked: Mutex<Option<ottla_consumer_group::Mark>>,
}

impl Told {
    fn note(&self, event: &'static str, partitions: &[(TopicPartition, AssignmentEpoch)]) {
        let mut numbers: Vec<i32> = partitions.iter().map(|(at, _)| at.partition).collect();
        numbers.sort_unstable();
        self.events.lock().unwrap().push((event, numbers));
    }

    fn events(&self) -> Vec<(&'static str, Vec<i32>)> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

impl RebalanceListener for Told {
    fn assigned<'a>(
        &'a self,
        _: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        self.note("assigned", &partitions);
        Box::pin(async {})
    }

    fn revoked<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        Box::pin(async move {
            sleep(self.revoking_takes).await;
            if let Some(mark) = self.mark_when_revoked.lock().unwrap().take() {
                control.mark(mark).unwrap();
            }
            self.note("revoked", &partitions);
        })
    }

    fn lost<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        assert!(control.assignment().is_empty());
        self.note("lost", &partitions);
        Box::pin(async {})
    }
}

/// Polls in the background until the group has so many members and is stable.
async fn settle(world: &World, members: usize) {
    for _ in 0..600 {
        if let Some(group) = world.cluster.group("g") {
            if group.phase == GroupPhase::Stable && group.members.len() == members {
                return;
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", world.cluster.group("g"));
}

#[tokio::test(start_paused = true)]
async fn the_listener_is_told_incrementally_and_marks_work_while_it_runs() {
    let world = World::new(|b| b.topic("in", 2));
    (0..2).for_each(|partition| world.fill("in", partition, 10));
    let told = Arc::new(Told { revoking_takes: Duration::from_secs(40), ..Told::default() });
    let listener = Arc::clone(&told) as Arc<dyn RebalanceListener>;
    let mut first = world.member(&["in"]).rebalance_listener(listener).build().unwrap();
    let batch = records(&mut first, 10).await;
    records(&mut first, 10).await;
    assert_eq!(told.events(), [("assigned", vec![0, 1])]);
    // Marked only while the partition is being revoked, after a time that costs the membership
    // of whoever does not send heartbeats meanwhile.
    *told.mark_when_revoked.lock().unwrap() = Some(batch.mark());
    let at = batch.partition().clone();
    let other = client(&world.cluster);
    let second =
        ottla_consumer_group::Consumer::builder(&other).group("g").topics(["in"]).build().unwrap();
    nothing(&mut first).await;
    assert_eq!(told.events(), []);
    settle(&world, 2).await;
    assert_eq!(told.events()[0], ("revoked", vec![0, 1]));
    assert_eq!(world.cluster.committed("g", "in", at.partition), Some(10));
    assert!(first.control().mark(batch.mark()).is_err(), "revoked, if perhaps back");
    drop(second);
    sleep(Duration::from_secs(60)).await;
    settle(&world, 1).await;
    sleep(Duration::from_secs(1)).await;
    let events = told.events();
    assert_eq!(events.last(), Some(&("assigned", vec![0, 1])), "{events:?}");
    first.close(LONG).await.unwrap();
    assert_eq!(told.events(), [("revoked", vec![0, 1])]);
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_never_ends_is_left_behind() {
    let world = World::new(|b| b.topic("in", 1));
    let told = Arc::new(Told { revoking_takes: LONG * 100, ..Told::default() });
    let listener = Arc::clone(&told) as Arc<dyn RebalanceListener>;
    let first = world
        .member(&["in"])
        .rebalance_listener(listener)
        .rebalance_callback_timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    settle(&world, 1).await;
    let start = Instant::now();
    first.close(LONG).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    assert!(world.cluster.group("g").unwrap().members.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mark_from_before_the_partition_left_and_came_back_is_refused() {
    let world = World::new(|b| b.topic("in", 1));
    world.fill("in", 0, 10);
    let mut first = world.member(&["in"]).build().unwrap();
    let old = records(&mut first, 5).await;
    let other = client(&world.cluster);
    // Its id may sort before or after: either way the partition is revoked once.
    let second = Consumer::builder(&other).group("g").topics(["in"]).build().unwrap();
    sleep(Duration::from_secs(10)).await;
    settle(&world, 2).await;
    second.close(LONG).await.unwrap();
    let again = records(&mut first, 5).await;
    assert_eq!(again.iter().next().unwrap().offset(), 0, "nothing was marked");
    assert!(again.epoch() > old.epoch());
    let control = first.control();
    assert!(control.mark(old.mark()).is_err());
    control.commit().await.unwrap();
    assert_eq!(world.cluster.committed("g", "in", 0), None);
    control.mark(again.mark().at(3)).unwrap();
    control.commit().await.unwrap();
    assert_eq!(world.cluster.committed("g", "in", 0), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_slow_application_stays_and_a_silent_one_leaves() {
    let world = World::new(|b| b.topic("in", 1));
    world.fill("in", 0, 10);
    let told = Arc::new(Told::default());
    let listener = Arc::clone(&told) as Arc<dyn RebalanceListener>;
    let mut member = world.member(&["in"]).rebalance_listener(listener).build().unwrap();
    let control = member.control();
    let batch = records(&mut member, 5).await;
    // Nearly the poll interval, many times the session timeout.
    sleep(Duration::from_secs(290)).await;
    assert_eq!(world.cluster.group("g").unwrap().members.len(), 1);
    control.mark(batch.mark()).unwrap();
    control.commit().await.unwrap();
    // A record that is finished counts as life.
    control.keep_alive();
    sleep(Duration::from_secs(290)).await;
    assert_eq!(told.events(), [("assigned", vec![0])]);
    // Waiting in a poll does as well.
    let batch = records(&mut member, 5).await;
    nothing(&mut member).await;
    assert!(timeout(LONG, member.poll(1)).await.is_err());
    assert_eq!(told.events(), []);
    sleep(Duration::from_secs(310)).await;
    assert!(world.cluster.group("g").unwrap().members.is_empty());
    assert_eq!(told.events(), [("lost", vec![0])]);
    assert!(control.mark(batch.mark()).is_err());
    assert!(control.assignment().is_empty());
    let error = member.poll(1).await.unwrap_err();
    assert!(matches!(&error, ConsumerError::MaxPollIntervalExceeded { group, .. } if group == "g"));
    assert!(error.is_retriable());
    // The next poll joins again, and goes on at what was committed.
    let batch = records(&mut member, 5).await;
    assert_eq!(batch.iter().next().unwrap().offset(), 5);
    member.close(LONG).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn more_partitions_are_noticed_by_the_leader() {
    let world = World::new(|b| b.topic("in", 1));
    let mut member = world.member(&["in"]).build().unwrap();
    nothing(&mut member).await;
    assert!(world.cluster.grow_topic("in", 3));
    world.fill("in", 2, 10);
    // Metadata is refreshed every five minutes.
    let mut seen = Seen::default();
    read(&mut member, &mut seen, 10).await;
    assert_eq!(seen.of("in", 2), all(10));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_created_later_is_assigned() {
    let world = World::new(|b| b.topic("in", 1));
    world.fill("in", 0, 10);
    let mut member = world.member(&["in", "later"]).build().unwrap();
    let mut seen = Seen::default();
    read(&mut member, &mut seen, 10).await;
    member.control().mark(records_mark(&mut member, &world).await).unwrap();
    world.cluster.create_topic("later", 1).unwrap();
    world.fill("later", 0, 10);
    // It goes on behind what was marked.
    read(&mut member, &mut seen, 10 + 10).await;
    assert_eq!(seen.of("later", 0), all(10));
}

/// Ten more records, of which the mark is given.
async fn records_mark(member: &mut Consumer, world: &World) -> ottla_consumer_group::Mark {
    world.fill("in", 0, 20);
    records(member, 100).await.mark()
}

#[tokio::test(start_paused = true)]
async fn topics_that_cannot_be_had_are_reported_once_and_the_others_are_read() {
    let world = World::new(|b| b.topic("in", 1).topic("secret", 1));
    world.fill("in", 0, 10);
    let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    let refusal = world.cluster.faults().fail(ApiKey::METADATA, refused).topic("secret").arm();
    let mut member = world.member(&["in", "secret", "mispelt"]).build().unwrap();
    let start = Instant::now();
    let mut seen = Seen::default();
    let mut reported = Vec::new();
    while seen.total() < 10 || reported.len() < 2 {
        match timeout(LONG, member.poll(100)).await.unwrap() {
            Ok(Fetched::Records(batch)) => seen.take(&batch),
            Err(ConsumerError::TopicUnavailable { topic, error }) => {
                reported.push((topic.name().to_owned(), error, start.elapsed().as_secs() / 10));
            }
            other => panic!("{other:?}"),
        }
    }
    let missing = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(reported, [("secret".to_owned(), refused, 0), ("mispelt".to_owned(), missing, 6)]);
    member.control().mark(records_mark(&mut member, &world).await).unwrap();
    // Once it may be read, it is.
    refusal.disarm();
    world.fill("secret", 0, 10);
    read(&mut member, &mut seen, 20).await;
    assert_eq!(seen.of("secret", 0), all(10));
}

/// Starts every partition it is given at offset 5.
struct Seeks;

impl RebalanceListener for Seeks {
    fn assigned<'a>(
        &'a self,
        control: &'a ConsumerControl,
        partitions: Vec<(TopicPartition, AssignmentEpoch)>,
    ) -> Callback<'a> {
        Box::pin(async move {
            sleep(Duration::from_secs(1)).await;
            for (at, _) in &partitions {
                control.seek(at, 5).unwrap();
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_seek_when_assigned_decides_where_to_start() {
    let world = World::new(|b| b.topic("in", 2));
    (0..2).for_each(|partition| world.fill("in", partition, 10));
    let mut member = world.member(&["in"]).rebalance_listener(Arc::new(Seeks)).build().unwrap();
    let mut seen = Seen::default();
    read(&mut member, &mut seen, 10).await;
    (0..2).for_each(|partition| assert_eq!(seen.of("in", partition), [5, 6, 7, 8, 9]));
    assert_eq!(world.cluster.counters().requests(ApiKey::LIST_OFFSETS), 0);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_never_answered_costs_no_membership() {
    let world = World::new(|b| b.topic("in", 1));
    let told = Arc::new(Told::default());
    let listener = Arc::clone(&told) as Arc<dyn RebalanceListener>;
    let mut member = world.member(&["in"]).rebalance_listener(listener).build().unwrap();
    let hole = world.cluster.faults().swallow_reply(ApiKey::HEARTBEAT).times(3).after(2).arm();
    for _ in 0..15 {
        nothing(&mut member).await;
        // What holds for heartbeats holds for commits on the same connection.
        timeout(LONG, member.control().commit()).await.unwrap().unwrap();
    }
    assert_eq!(hole.hits(), 3);
    assert_eq!(told.events(), [("assigned", vec![0])]);
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_coordinator_costs_no_membership() {
    let world = World::new(|b| b.brokers(3).topic("in", 1));
    let told = Arc::new(Told::default());
    let listener = Arc::clone(&told) as Arc<dyn RebalanceListener>;
    let faults = world.cluster.faults();
    let trouble = [
        faults.fail(ApiKey::FIND_COORDINATOR, ErrorCode::COORDINATOR_NOT_AVAILABLE).times(3).arm(),
        faults.fail(ApiKey::JOIN_GROUP, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS).times(1).arm(),
        faults.drop_reply(ApiKey::JOIN_GROUP).times(1).after(2).arm(),
        faults.fail(ApiKey::SYNC_GROUP, ErrorCode::NOT_COORDINATOR).times(1).arm(),
        faults.fail(ApiKey::OFFSET_FETCH, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS).times(2).arm(),
        faults
            .fail(ApiKey::HEARTBEAT, ErrorCode::COORDINATOR_NOT_AVAILABLE)
            .times(1)
            .after(2)
            .arm(),
        faults.drop_reply(ApiKey::HEARTBEAT).times(1).after(4).arm(),
    ];
    let mut member = world.member(&["in"]).rebalance_listener(listener).build().unwrap();
    let mut seen = Seen::default();
    world.fill("in", 0, 10);
    read(&mut member, &mut seen, 10).await;
    for (round, broker) in [(2, 0), (3, 1), (4, 2), (5, 0)] {
        world.cluster.move_coordinator("g", broker);
        world.fill("in", 0, 10 * round);
        read(&mut member, &mut seen, usize::try_from(10 * round).unwrap()).await;
        sleep(Duration::from_secs(120)).await;
        assert_eq!(world.cluster.group("g").unwrap().members.len(), 1);
    }
    assert_eq!(told.events(), [("assigned", vec![0])]);
    assert!(trouble.iter().all(|fault| fault.hits() > 0));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_forgotten_loses_its_partitions_and_joins_again() {
    for code in [ErrorCode::UNKNOWN_MEMBER_ID, ErrorCode::ILLEGAL_GENERATION] {
        let world = World::new(|b| b.topic("in", 1));
        world.fill("in", 0, 10);
        let told = Arc::new(Told::default());
        let listener = Arc::clone(&told) as Arc<dyn RebalanceListener>;
        let mut member = world.member(&["in"]).rebalance_listener(listener).build().unwrap();
        let before = records(&mut member, 4).await;
        let fault = world.cluster.faults().fail(ApiKey::HEARTBEAT, code).times(1).arm();
        let again = records(&mut member, 10).await;
        assert_eq!(again.epoch(), before.epoch());
        sleep(Duration::from_secs(10)).await;
        assert_eq!(fault.hits(), 1);
        let events = told.events();
        assert_eq!(events[..2], [("assigned", vec![0]), ("lost", vec![0])], "{code}");
        assert!(member.control().mark(before.mark()).is_err());
        let batch = records(&mut member, 10).await;
        assert!(batch.epoch() > before.epoch());
        assert_eq!(batch.iter().next().unwrap().offset(), 0);
        member.close(LONG).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn two_of_the_same_name_cannot_both_be_members() {
    let world = World::new(|b| b.topic("in", 2));
    (0..2).for_each(|partition| world.fill("in", partition, 10));
    let mut first = world.member(&["in"]).group_instance("one").build().unwrap();
    let batch = records(&mut first, 5).await;
    let other = client(&world.cluster);
    let mut second = Consumer::builder(&other)
        .group("g")
        .group_instance("one")
        .topics(["in"])
        .offset_reset(ottla_consumer_group::OffsetReset::Earliest)
        .build()
        .unwrap();
    records(&mut second, 5).await;
    let fenced = async {
        loop {
            if let Err(error) = first.poll(100).await {
                return error;
            }
        }
    };
    let error = timeout(LONG, fenced).await.unwrap();
    let ConsumerError::Fenced { instance, .. } = &error else { panic!("{error:?}") };
    assert_eq!(instance, "one");
    assert!(error.is_fatal());
    assert!(first.control().mark(batch.mark()).is_err());
    first.close(LONG).await.unwrap();
    second.close(LONG).await.unwrap();
    // A static member is still one after it has closed.
    assert_eq!(world.cluster.group("g").unwrap().members.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_refuses_is_a_fatal_error() {
    let world = World::new(|b| b.topic("in", 1));
    let faults = world.cluster.faults();
    let _refusal = faults.fail(ApiKey::JOIN_GROUP, ErrorCode::GROUP_AUTHORIZATION_FAILED).arm();
    let mut member = world.member(&["in"]).build().unwrap();
    for _ in 0..2 {
        let error = timeout(LONG, member.poll(1)).await.unwrap().unwrap_err();
        let ConsumerError::GroupRefused { error: code, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*code, ErrorCode::GROUP_AUTHORIZATION_FAILED);
        assert!(error.is_fatal());
    }
    member.close(LONG).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_member_leaves_its_group() {
    let world = World::new(|b| b.topic("in", 1));
    let member = world.member(&["in"]).build().unwrap();
    settle(&world, 1).await;
    let control = member.control();
    drop(member);
    sleep(Duration::from_secs(1)).await;
    assert!(world.cluster.group("g").unwrap().members.is_empty());
    assert!(control.assignment().is_empty());
    assert!(control.commit().await.is_err());
}
