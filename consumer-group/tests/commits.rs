//! Marks and commits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a failed test")]

mod world;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ottla_consumer_group::{CloseError, CommitError, Consumer, Start};
use ottla_protocol::{ApiKey, ErrorCode};
use tokio::time::{Instant, sleep, timeout};
use world::{LONG, World, nothing, records};

fn committed(world: &World) -> Option<i64> {
    world.cluster.committed("g", "in", 0)
}

/// A member that commits only when told to, and a mark at each offset.
async fn member(world: &World) -> (Consumer, ottla_consumer_group::Mark) {
    let mut member = world.member(&["in"]).commit_interval(None).build().unwrap();
    let mark = records(&mut member, 100).await.mark();
    (member, mark)
}

fn world() -> World {
    let world = World::new(|b| b.brokers(3).topic("in", 1));
    world.fill("in", 0, 100);
    world
}

#[tokio::test(start_paused = true)]
async fn only_what_is_marked_is_committed() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    let control = consumer.control();
    control.commit().await.unwrap();
    assert_eq!(committed(&world), None);
    control.mark(mark.at(4)).unwrap();
    control.mark(mark.at(2)).unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(committed(&world), None, "not asked for");
    control.commit().await.unwrap();
    assert_eq!(committed(&world), Some(4));
    assert_eq!(control.committed(&world.at("in", 0)), Some(4));
    let commits = world.cluster.counters().requests(ApiKey::OFFSET_COMMIT);
    control.commit().await.unwrap();
    assert_eq!(world.cluster.counters().requests(ApiKey::OFFSET_COMMIT), commits, "nothing new");
    control.mark(mark.at(5)).unwrap();
    consumer.close(LONG).await.unwrap();
    assert_eq!(committed(&world), Some(5), "at close");
    assert!(matches!(control.commit().await, Err(CommitError::Closed)));
    assert!(control.mark(mark).is_err());
}

#[tokio::test(start_paused = true)]
async fn marks_are_committed_from_time_to_time() {
    let world = world();
    let mut consumer = world.member(&["in"]).build().unwrap();
    let mark = records(&mut consumer, 100).await.mark();
    let control = consumer.control();
    for offset in [1, 5, 9] {
        control.mark(mark.at(offset)).unwrap();
        sleep(Duration::from_secs(6)).await;
        assert_eq!(committed(&world), Some(offset));
    }
    let commits = world.cluster.counters().requests(ApiKey::OFFSET_COMMIT);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.cluster.counters().requests(ApiKey::OFFSET_COMMIT), commits, "nothing new");
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_tried_again_where_that_can_help() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    let control = consumer.control();
    let faults = world.cluster.faults();
    for (round, code) in (1..).zip([
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_COORDINATOR,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::UNKNOWN_SERVER_ERROR,
    ]) {
        let fault = faults.fail(ApiKey::OFFSET_COMMIT, code).times(3).arm();
        control.mark(mark.at(round)).unwrap();
        control.commit().await.unwrap();
        assert_eq!((fault.hits(), committed(&world)), (3, Some(round)), "{code}");
    }
    for (round, fault) in (50..).zip([
        faults.drop_reply(ApiKey::OFFSET_COMMIT).times(2).arm(),
        faults.cut(ApiKey::OFFSET_COMMIT).times(2).arm(),
        faults.swallow_reply(ApiKey::OFFSET_COMMIT).times(1).arm(),
    ]) {
        control.mark(mark.at(round)).unwrap();
        control.commit().await.unwrap();
        assert_eq!(committed(&world), Some(round));
        assert!(fault.hits() > 0);
    }
    world.cluster.move_coordinator("g", 2);
    control.mark(mark.at(60)).unwrap();
    control.commit().await.unwrap();
    assert_eq!(committed(&world), Some(60));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_says_what_was_not_committed() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    let control = consumer.control();
    let faults = world.cluster.faults();
    let at = world.at("in", 0);

    let refusal = faults.fail(ApiKey::OFFSET_COMMIT, ErrorCode::TOPIC_AUTHORIZATION_FAILED).arm();
    control.mark(mark.at(7)).unwrap();
    let error = control.commit().await.unwrap_err();
    assert_eq!(error.to_string(), "refused: offset 7 of in-0: TOPIC_AUTHORIZATION_FAILED (29)");
    assert!(!error.is_retriable() && refusal.hits() == 1);
    refusal.disarm();

    let silence = faults.fail(ApiKey::OFFSET_COMMIT, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS).arm();
    let start = Instant::now();
    let error = control.commit().await.unwrap_err();
    let CommitError::TimedOut { offsets, .. } = &error else { panic!("{error:?}") };
    assert_eq!(offsets[..], [(at.clone(), 7)]);
    assert!(error.is_retriable());
    assert!((55..=61).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    silence.disarm();

    control.commit().await.unwrap();
    assert_eq!(committed(&world), Some(7));

    let _fence = faults.fail(ApiKey::OFFSET_COMMIT, ErrorCode::ILLEGAL_GENERATION).times(1).arm();
    control.mark(mark.at(9)).unwrap();
    let error = control.commit().await.unwrap_err();
    let CommitError::Fenced { offsets, .. } = &error else { panic!("{error:?}") };
    assert_eq!(offsets[..], [(at, 9)]);
    sleep(Duration::from_secs(5)).await;
    assert!(control.mark(mark.at(10)).is_err(), "the partition was lost");
    assert_eq!(committed(&world), Some(7));
}

/// Found on real nodes: a commit that waited behind another one, while the partition left, found
/// nothing to do any more and said that all was well.
#[tokio::test(start_paused = true)]
async fn a_commit_that_waits_while_its_partition_leaves_does_not_succeed() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    let control = consumer.control();
    let faults = world.cluster.faults();
    let loading = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    let _busy = faults.fail(ApiKey::OFFSET_COMMIT, loading).arm();
    control.mark(mark.at(4)).unwrap();
    let first = tokio::spawn({
        let control = control.clone();
        async move { control.commit().await }
    });
    sleep(Duration::from_secs(1)).await;
    control.mark(mark.at(7)).unwrap();
    let second = tokio::spawn(async move { control.commit().await });
    sleep(Duration::from_millis(1)).await;
    let _gone = faults.fail(ApiKey::HEARTBEAT, ErrorCode::UNKNOWN_MEMBER_ID).times(1).arm();
    for commit in [first, second] {
        let error = timeout(LONG, commit).await.unwrap().unwrap().unwrap_err();
        let CommitError::Fenced { offsets, .. } = &error else { panic!("{error:?}") };
        assert_eq!(offsets[..], [(world.at("in", 0), 7)]);
    }
    assert_eq!(committed(&world), None);
}

#[tokio::test(start_paused = true)]
async fn commits_of_one_consumer_are_in_order_and_every_caller_gets_an_answer() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    let control = consumer.control();
    let faults = world.cluster.faults();
    let slow = Duration::from_millis(300);
    let _slow = faults.delay(ApiKey::OFFSET_COMMIT, slow).probability(0.5).arm();
    let _flaky = faults.drop_reply(ApiKey::OFFSET_COMMIT).probability(0.2).arm();
    let watched = Arc::new(world.cluster.clone());
    let watch = tokio::spawn(async move {
        let mut last = None;
        loop {
            let now = watched.committed("g", "in", 0);
            assert!(now >= last, "{last:?} was overwritten by {now:?}");
            last = now;
            sleep(Duration::from_millis(10)).await;
        }
    });
    let callers = (1..=80).map(|offset| {
        let control = control.clone();
        let world = &world;
        async move {
            sleep(Duration::from_millis(u64::try_from(offset).unwrap() * 17)).await;
            control.mark(mark.at(offset)).unwrap();
            control.commit().await.unwrap();
            assert!(committed(world) >= Some(offset));
        }
    });
    timeout(LONG, join_all(callers)).await.unwrap();
    assert_eq!(committed(&world), Some(80));
    assert!(!watch.is_finished());
    assert!(world.cluster.counters().requests(ApiKey::OFFSET_COMMIT) < 80, "gathered");
}

#[tokio::test(start_paused = true)]
async fn after_a_seek_back_lower_marks_are_committed() {
    let world = world();
    let (mut consumer, mark) = member(&world).await;
    let control = consumer.control();
    control.mark(mark).unwrap();
    control.commit().await.unwrap();
    assert_eq!(committed(&world), Some(mark.next_offset()));
    control.seek(&world.at("in", 0), 3).unwrap();
    let batch = records(&mut consumer, 2).await;
    control.mark(batch.mark()).unwrap();
    control.commit().await.unwrap();
    assert_eq!(committed(&world), Some(5));
}

#[tokio::test(start_paused = true)]
async fn what_was_marked_before_a_seek_is_committed() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    let control = consumer.control();
    control.mark(mark.at(8)).unwrap();
    control.seek(&world.at("in", 0), 20).unwrap();
    control.commit().await.unwrap();
    assert_eq!(committed(&world), Some(8));
    control.mark(mark.at(14)).unwrap();
    control.seek(&world.at("in", 0), 11).unwrap();
    consumer.close(LONG).await.unwrap();
    assert_eq!(committed(&world), Some(11), "what is to be read again does not count as done");
}

#[tokio::test(start_paused = true)]
async fn a_group_can_be_used_for_offsets_only() {
    let world = world();
    let at = world.at("in", 0);
    let build = || {
        Consumer::builder(&world.client)
            .group("g")
            .assign([(at.clone(), Start::Committed)])
            .offset_reset(ottla_consumer_group::OffsetReset::Earliest)
            .build()
            .unwrap()
    };
    let mut consumer = build();
    let batch = records(&mut consumer, 30).await;
    consumer.control().mark(batch.mark().at(12)).unwrap();
    consumer.close(LONG).await.unwrap();
    assert_eq!(committed(&world), Some(12));
    let mut consumer = build();
    assert_eq!(records(&mut consumer, 1).await.iter().next().unwrap().offset(), 12);
    assert_eq!(consumer.control().committed(&at), Some(12));
    let mut alone = world.reader(&[at]).build().unwrap();
    records(&mut alone, 1).await;
    assert!(matches!(alone.control().commit().await, Err(CommitError::NoGroup)));
    alone.close(LONG).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn closing_reports_a_last_commit_that_failed() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    consumer.control().mark(mark).unwrap();
    let faults = world.cluster.faults();
    let _refusal = faults.fail(ApiKey::OFFSET_COMMIT, ErrorCode::GROUP_AUTHORIZATION_FAILED).arm();
    let error = consumer.close(LONG).await.unwrap_err();
    assert!(matches!(error, CloseError::Commit(CommitError::Refused(_))), "{error:?}");
    assert!(world.cluster.group("g").unwrap().members.is_empty(), "it left all the same");

    let (mut consumer, mark) = member(&world).await;
    nothing(&mut consumer).await;
    consumer.control().mark(mark).unwrap();
    faults.clear();
    faults.swallow_reply(ApiKey::OFFSET_COMMIT).arm();
    let start = Instant::now();
    let error = consumer.close(Duration::from_secs(3)).await.unwrap_err();
    assert!(matches!(error, CloseError::TimedOut { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// Found on real nodes: whoever was thrown out of the group while closing heard that all was well.
#[tokio::test(start_paused = true)]
async fn closing_does_not_succeed_when_the_group_goes_on_without_the_member() {
    let world = world();
    let (consumer, mark) = member(&world).await;
    consumer.control().mark(mark.at(8)).unwrap();
    let faults = world.cluster.faults();
    let _busy = faults.fail(ApiKey::OFFSET_COMMIT, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS).arm();
    let _gone = faults.fail(ApiKey::HEARTBEAT, ErrorCode::UNKNOWN_MEMBER_ID).times(1).arm();
    let error = consumer.close(LONG).await.unwrap_err();
    let CloseError::Commit(CommitError::Fenced { offsets, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(offsets[..], [(world.at("in", 0), 8)]);
    assert_eq!(committed(&world), None);
}
