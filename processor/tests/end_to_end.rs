//! Processors on the test broker: nothing lost, nothing committed too early, order kept.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a failed test")]

mod world;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use ottla_consumer_group::Message;
use ottla_processor::{
    Attempt, BoxError, Emit, Failure, Order, OutputOrder, RetryPolicy, StopReason,
    dead_letter_header,
};
use ottla_protocol::{ApiKey, ErrorCode};
use tokio::time::{Instant, sleep};
use world::{GROUP, World, enrich, number, text, value};

#[tokio::test(start_paused = true)]
async fn two_members_process_everything_once_and_in_order() {
    let world = World::new(|cluster| cluster.brokers(3).topic("in", 12).topic("out", 6));
    world.fill(0..6000, 100);
    let members: Vec<_> = ["0", "1"]
        .map(|instance| world.job(instance).concurrency(200).handler(enrich).build().unwrap())
        .map(|processor| world.start(processor))
        .into();
    world.until_complete(6000).await;
    let mut done = 0;
    for member in members {
        let report = member.shutdown().await.unwrap();
        assert!(report.succeeded > 0, "one member did everything");
        done += report.succeeded;
    }
    assert_eq!(done, 6000);
    world.assert_exactly(6000);
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn members_that_come_and_go_in_order_repeat_nothing() {
    let world = World::new(|cluster| cluster.brokers(3).topic("in", 12).topic("out", 6));
    world.fill(0..6000, 200);
    let start = |instance: &str| {
        let job = world.job(instance).concurrency(20).handler(enrich).build().unwrap();
        world.start(job)
    };
    let first = start("0");
    world.until("a start", |world| world.count("out") > 500).await;
    let second = start("1");
    world
        .until("two members", |world| {
            world.cluster.group(GROUP).is_some_and(|group| group.members.len() == 2)
        })
        .await;
    world.until("more", |world| world.count("out") > 2000).await;
    first.shutdown().await.unwrap();
    world.until("more", |world| world.count("out") > 3000).await;
    let third = start("2");
    world.until_complete(6000).await;
    let report = second.shutdown().await.unwrap();
    assert_eq!(report.overlaps, 0);
    third.shutdown().await.unwrap();
    world.assert_exactly(6000);
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn a_member_that_dies_loses_nothing() {
    let world = World::new(|cluster| cluster.brokers(3).topic("in", 6).topic("out", 6));
    world.fill(0..3000, 60);
    let first = world.start(world.job("0").concurrency(20).handler(enrich).build().unwrap());
    let second = world.start(world.job("1").concurrency(20).handler(enrich).build().unwrap());
    world.until("a start", |world| world.count("out") > 1000).await;
    first.task.abort();
    world.until_complete(3000).await;
    second.shutdown().await.unwrap();
    world.assert_last(3000, 60);
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn output_in_input_order() {
    let world = World::new(|cluster| cluster.topic("in", 1).topic("out", 1));
    world.fill(0..2000, 50);
    let job = world
        .job("0")
        .order(Order::None)
        .output_order(OutputOrder::Input)
        .concurrency(64)
        .handler(async |message: Message, _: Attempt| {
            sleep(Duration::from_millis(message.offset().unsigned_abs() * 7 % 11)).await;
            Ok::<_, BoxError>(Emit::value(message.value_bytes().unwrap()).with_input_key())
        })
        .build()
        .unwrap();
    let running = world.start(job);
    world.until_complete(2000).await;
    running.shutdown().await.unwrap();
    let numbers: Vec<_> = world.records("out").iter().map(number).collect();
    assert_eq!(numbers, (0..2000).collect::<Vec<_>>());
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_loses_and_repeats_nothing() {
    let world = World::new(|cluster| cluster.brokers(3).topic("in", 6).topic("out", 6));
    world.fill(0..3000, 60);
    let faults = world.cluster.faults();
    for (api, error) in [
        (ApiKey::PRODUCE, ErrorCode::NOT_LEADER_OR_FOLLOWER),
        (ApiKey::FETCH, ErrorCode::NOT_LEADER_OR_FOLLOWER),
        (ApiKey::OFFSET_COMMIT, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
    ] {
        let _fault = faults.fail(api, error).probability(0.1).times(20).arm();
    }
    let _dropped = faults.drop_reply(ApiKey::PRODUCE).probability(0.1).times(5).arm();
    let running = world.start(world.job("0").concurrency(50).handler(enrich).build().unwrap());
    for round in 0..6 {
        sleep(Duration::from_millis(30)).await;
        for partition in 0..6 {
            world.cluster.move_leader("out", partition, (partition + round) % 3);
            world.cluster.move_leader("in", partition, (partition + round + 1) % 3);
        }
        world.cluster.cut_connections(round % 3);
    }
    world.until_complete(3000).await;
    running.shutdown().await.unwrap();
    world.assert_exactly(3000);
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn an_output_that_cannot_be_delivered_in_time_rewinds_its_partition() {
    let world = World::new(|cluster| cluster.topic("in", 2).topic("out", 2));
    world.fill(0..400, 20);
    let faults = world.cluster.faults();
    let fault = faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS);
    let fault = fault.topic("out").after(1).arm();
    let job = world.job("0").concurrency(10).producer(|producer| {
        let second = Duration::from_secs(1);
        producer.request_timeout(second).delivery_timeout(second * 2)
    });
    let running = world.start(job.handler(enrich).build().unwrap());
    world.until("a rewind", |_| running.handle.stats().done.rewinds > 0).await;
    for partition in 0..2 {
        let end = world.cluster.log_end("in", partition);
        assert!(world.cluster.committed(GROUP, "in", partition) < Some(end));
    }
    fault.disarm();
    world.until_complete(400).await;
    world.until("all done", |_| running.handle.stats().outstanding == 0).await;
    running.shutdown().await.unwrap();
    world.assert_last(400, 20);
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn a_poison_record_becomes_a_dead_letter() {
    let world = World::new(|cluster| cluster.topic("in", 2).topic("out", 2).topic("in-dlt", 1));
    world.fill(0..100, 20);
    let job = world.job("0").dead_letter("in-dlt").retry(RetryPolicy::DEFAULT.attempts(3)).handler(
        async |message: Message, attempt: Attempt| {
            if value(&message) == 42 {
                assert!(attempt.number() != 2, "a panic counts as well");
                return Err(BoxError::from("no answer to this"));
            }
            enrich(message, attempt).await
        },
    );
    let running = world.start(job.build().unwrap());
    world.until("the letter", |world| world.count("in-dlt") == 1).await;
    world.until("the rest", |world| world.count("out") == 99).await;
    let report = running.shutdown().await.unwrap();
    assert_eq!((report.dead_lettered, report.retried, report.failed), (1, 2, 3));
    world.assert_committed();
    let letter = &world.records("in-dlt")[0];
    assert_eq!(text(letter.value.as_ref().unwrap()), "42");
    assert_eq!(text(letter.key.as_ref().unwrap()), "k2");
    let headers: HashMap<_, _> =
        letter.headers.iter().map(|h| (&*h.key, text(h.value.as_ref().unwrap()))).collect();
    assert_eq!(headers[dead_letter_header::TOPIC], "in");
    assert_eq!(headers[dead_letter_header::PARTITION], "0");
    assert_eq!(headers[dead_letter_header::TIMESTAMP], "1000");
    assert_eq!(headers[dead_letter_header::ERROR], "no answer to this");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_refused_is_not_committed() {
    let world = World::new(|cluster| cluster.topic("in", 1).topic("out", 1).topic("in-dlt", 1));
    world.fill(0..100, 20);
    let faults = world.cluster.faults();
    let fault = faults.fail(ApiKey::PRODUCE, ErrorCode::MESSAGE_TOO_LARGE).topic("in-dlt").arm();
    let job =
        world.job("0").dead_letter("in-dlt").handler(async |message: Message, attempt: Attempt| {
            if value(&message) == 42 {
                return Err(Failure::dead_letter("broken"));
            }
            Ok(enrich(message, attempt).await?)
        });
    let error = job.build().unwrap().run().await.unwrap_err();
    assert!(matches!(error.reason, StopReason::Output { offset: 42, .. }), "{error:?}");
    assert!(fault.hits() > 0);
    assert_eq!(world.cluster.committed(GROUP, "in", 0), Some(42));
    assert_eq!(world.count("in-dlt"), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_committed_before_its_output_is_acknowledged() {
    let world = World::new(|cluster| cluster.topic("in", 1).topic("out", 1));
    world.fill(0..100, 20);
    let delay = world.cluster.faults().delay(ApiKey::PRODUCE, Duration::from_secs(20)).arm();
    let job = world.job("0").commit_interval(Duration::from_millis(100)).handler(enrich);
    let running = world.start(job.build().unwrap());
    sleep(Duration::from_secs(15)).await;
    assert_eq!(running.handle.stats().outstanding, 100);
    assert_eq!(world.cluster.committed(GROUP, "in", 0), None);
    delay.disarm();
    world.until("the commit", |world| world.cluster.committed(GROUP, "in", 0) == Some(100)).await;
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stuck_handler_delays_a_rebalance_no_longer_than_the_drain() {
    let world = World::new(|cluster| cluster.topic("in", 4).topic("out", 4));
    world.fill(0..40, 40);
    let drain = Duration::from_secs(5);
    let stuck = Arc::new(AtomicBool::new(true));
    let running: Vec<_> = ["0", "1"]
        .map(|instance| {
            let stuck = Arc::clone(&stuck);
            let job = world.job(instance).drain_timeout(drain);
            let job = job.handler(move |message: Message, attempt: Attempt| {
                let stuck = Arc::clone(&stuck);
                async move {
                    while value(&message) < 4 && stuck.load(Relaxed) {
                        sleep(Duration::from_secs(1)).await;
                    }
                    enrich(message, attempt).await
                }
            });
            (instance, job)
        })
        .into();
    let mut members = Vec::new();
    let mut times = Vec::new();
    for (_, job) in running {
        let start = Instant::now();
        members.push(world.start(job.build().unwrap()));
        let count = members.len();
        world
            .until("assigned", |_| {
                members.iter().map(|m| m.handle.stats().partitions).sum::<u64>() == 4
                    && members.iter().filter(|m| m.handle.stats().partitions > 0).count() == count
            })
            .await;
        times.push(start.elapsed());
    }
    assert!(times[1] < drain * 2 + Duration::from_secs(4), "{times:?}");
    stuck.store(false, Relaxed);
    world.until_complete(40).await;
    for member in members {
        member.shutdown().await.unwrap();
    }
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn a_key_never_runs_twice_at_once_over_rebalances() {
    let world = World::new(|cluster| cluster.brokers(2).topic("in", 8).topic("out", 4));
    world.fill(0..2000, 16);
    let running: Arc<[AtomicUsize; 16]> = Arc::default();
    let overlaps = Arc::new(AtomicUsize::new(0));
    let job = |instance: &str| {
        let (running, overlaps) = (Arc::clone(&running), Arc::clone(&overlaps));
        let job = world.job(instance).concurrency(64).handler(
            move |message: Message, attempt: Attempt| {
                let (running, overlaps) = (Arc::clone(&running), Arc::clone(&overlaps));
                async move {
                    let key = &running[value(&message) % 16];
                    if key.fetch_add(1, Relaxed) > 0 {
                        overlaps.fetch_add(1, Relaxed);
                    }
                    let emit = enrich(message, attempt).await;
                    key.fetch_sub(1, Relaxed);
                    emit
                }
            },
        );
        world.start(job.build().unwrap())
    };
    let mut members = vec![job("0")];
    for round in 1..5 {
        world.until("some", |world| world.count("out") > round * 300).await;
        members.push(job(&round.to_string()));
        if round > 2 {
            members.remove(0).shutdown().await.unwrap();
        }
    }
    world.until_complete(2000).await;
    for member in members {
        member.shutdown().await.unwrap();
    }
    assert_eq!(overlaps.load(Relaxed), 0);
    world.assert_exactly(2000);
    world.assert_committed();
}

#[tokio::test(start_paused = true)]
async fn a_last_commit_that_fails_is_told() {
    let world = World::new(|cluster| cluster.topic("in", 1).topic("out", 1));
    world.fill(0..100, 20);
    let job = world.job("0").close_timeout(Duration::from_secs(3)).handler(enrich);
    let running = world.start(job.build().unwrap());
    let faults = world.cluster.faults();
    let error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    let _fault = faults.fail(ApiKey::OFFSET_COMMIT, error).arm();
    world.until_complete(100).await;
    let error = running.shutdown().await.unwrap_err();
    assert!(matches!(error.reason, StopReason::Close(_)), "{error:?}");
    assert!(error.is_retriable());
    assert_eq!(error.report.succeeded, 100);
}

#[tokio::test(start_paused = true)]
async fn contradictions_are_refused_by_name() {
    let world = World::new(|cluster| cluster.topic("in", 1));
    let builder = ottla_processor::Processor::builder(&world.client)
        .dead_letter("in")
        .input(["in"])
        .concurrency(100)
        .max_outstanding(10);
    let text = builder.build().unwrap_err().to_string();
    for setting in ["name", "handler", "dead_letter", "max_outstanding"] {
        assert!(text.contains(setting), "{setting} in {text}");
    }
    let text = world
        .job("0")
        .handler(enrich)
        .consumer(|consumer| consumer.max_poll_interval(Some(Duration::from_secs(12))))
        .build()
        .unwrap_err()
        .to_string();
    assert!(text.contains("drain_timeout: contradicts max_poll_interval"), "{text}");
    let builder = world.job("0").handler(enrich).producer(|producer| producer.buffer_memory(1));
    assert!(builder.build().unwrap_err().to_string().contains("buffer_memory"));
}
