//! Closing, dropping, and the end of the runtime: every delivery is told, once.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt as _, task::noop_waker_ref};
use ottla_client::Outcome;
use ottla_producer::{Reason, Record, Refused, SendError, Unsure};
use ottla_protocol::{ApiKey, compression::Compression};

use crate::support::{LONG, World, number, timed};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_close_that_runs_out_of_time_gives_back_what_is_left() {
    let world = World::new(2, 2);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).broker(1).arm();
    let written = world.send(&producer, 0, 1..10).await;
    let stuck = world.send(&producer, 1, 1..1000).await;
    let nowhere = world.client.topic("nowhere");
    let staged = producer.send(&nowhere, Record::value(&77u32.to_be_bytes())).await.unwrap();
    let (closed, took) = timed(producer.clone().close(SECOND * 3)).await;
    assert!(took >= SECOND * 3 && took < SECOND * 4, "{took:?}");
    for delivery in written {
        delivery.await.unwrap();
    }
    let (mut unknown, mut not_written) = (Vec::new(), Vec::new());
    for delivery in stuck {
        match delivery.await.unwrap_err() {
            SendError::Unknown { reason, record } => {
                assert_eq!(reason, Unsure::Closed);
                unknown.push(number(record.value.as_deref()));
            }
            SendError::NotWritten { reason, record } => {
                assert_eq!(reason, Reason::Closed);
                not_written.push(number(record.value.as_deref()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(!unknown.is_empty() && !not_written.is_empty());
    assert_eq!(staged.await.unwrap_err().outcome(), Outcome::NotWritten);
    not_written.push(77);
    let mut left: Vec<_> =
        closed.not_written.iter().map(|left| number(left.record.value.as_deref())).collect();
    left.sort_unstable();
    not_written.sort_unstable();
    assert_eq!(left, not_written);
    let left: Vec<_> =
        closed.unknown.iter().map(|left| number(left.record.value.as_deref())).collect();
    assert_eq!(left, unknown);
    // What is unknown is in front of what was not written, and only that can be in the log.
    let log = world.log(1);
    assert!(log.iter().skip(1).all(|logged| unknown.contains(logged)), "{log:?}");
    assert_eq!(producer.buffered(), 0);
    let refused = producer.send(&world.topic, Record::value(b"x")).await;
    assert!(matches!(refused, Err(Refused::Closed)));
    let refused = producer.send(&world.client.topic("new"), Record::value(b"x")).await;
    assert!(matches!(refused, Err(Refused::Closed)));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_is_told_of_the_close() {
    let world = World::new(1, 1);
    let builder = world.builder().max_batch_size(16 << 10).buffer_memory(16 << 10);
    let producer = builder.build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
    while producer.try_send(&world.topic, Record::value(&[0; 1000])).is_ok() {}
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let (producer, topic) = (producer.clone(), world.topic.clone());
            tokio::spawn(async move { producer.send(&topic, Record::value(b"x")).await })
        })
        .collect();
    tokio::time::sleep(SECOND).await;
    let closing = tokio::spawn(producer.close(SECOND * 10));
    for send in waiting {
        let (refused, took) = timed(send).await;
        assert!(matches!(refused.unwrap(), Err(Refused::Closed)));
        assert!(took < SECOND, "{took:?}");
    }
    closing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_batches_that_are_being_compressed() {
    let world = World::new(1, 4);
    let producer = world.builder().compression(Compression::Gzip).build().unwrap();
    for partition in 0..4 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let mut random = fastrand::Rng::with_seed(1);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(900_000).collect();
    let mut deliveries = Vec::new();
    for partition in 0..4 {
        let record = Record::value(&noise).partition(partition);
        deliveries.push(producer.send(&world.topic, record).await.unwrap());
    }
    // The sink has begun, and cannot be done.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let closed = producer.close(Duration::ZERO).await;
    let mut told = 0;
    for delivery in deliveries {
        let error = delivery.now_or_never().expect("told by now");
        if let Err(error) = error {
            told += 1;
            assert_eq!(error.into_record().value.unwrap(), noise);
        }
    }
    assert_eq!(closed.not_written.len() + closed.unknown.len(), told);
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_dropped_sends_what_it_accepted() {
    let world = World::new(1, 1);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    let deliveries = world.send(&producer, 0, 0..500).await;
    drop(producer);
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    assert_eq!(world.log(0), (0..500).collect::<Vec<_>>());
    // And then lets its connection go.
    tokio::time::sleep(SECOND).await;
    assert!(world.cluster.counters().connections() <= 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_may_be_dropped_outside_of_the_runtime() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let deliveries = world.send(&producer, 0, 0..10).await;
    std::thread::spawn(move || drop(producer)).join().unwrap();
    for delivery in deliveries {
        delivery.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn deliveries_can_be_dropped_at_any_moment() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let mut deliveries = world.send(&producer, 0, 0..100).await;
    for delivery in &mut deliveries {
        assert!(delivery.poll_unpin(&mut Context::from_waker(noop_waker_ref())).is_pending());
    }
    // Every other is dropped with its waker in the cell; the rest is polled again and again.
    let mut kept = Vec::new();
    for (at, delivery) in deliveries.into_iter().enumerate() {
        if at % 2 == 0 {
            kept.push(delivery);
        }
    }
    for delivery in &mut kept {
        let timeout = tokio::time::timeout(Duration::from_nanos(1), &mut *delivery).await;
        if let Ok(outcome) = timeout {
            outcome.unwrap();
        }
    }
    producer.flush().await.unwrap();
    assert_eq!(world.log(0).len(), 100);
}

#[test]
fn the_end_of_the_runtime_leaves_nobody_waiting() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (producer, mut deliveries) = runtime.block_on(async {
        let world = World::new(1, 1);
        let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
        world.send_one(&producer, 0, 0).await.unwrap();
        world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
        let deliveries = world.send(&producer, 0, 1..1000).await;
        tokio::time::sleep(SECOND).await;
        (producer, deliveries)
    });
    drop(runtime);
    let mut seen = [0, 0];
    for delivery in &mut deliveries {
        match delivery.poll_unpin(&mut Context::from_waker(noop_waker_ref())) {
            Poll::Ready(Err(SendError::Unknown { reason: Unsure::Abandoned, .. })) => seen[0] += 1,
            Poll::Ready(Err(SendError::NotWritten { reason: Reason::Abandoned, .. })) => {
                seen[1] += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    assert_eq!(producer.buffered(), 0);
    drop(producer);
}

#[tokio::test(start_paused = true)]
async fn closing_twice_and_flushing_afterwards_end() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send(&producer, 0, 0..10).await;
    let (one, other) = tokio::join!(producer.clone().close(LONG), producer.clone().close(LONG));
    assert!(one.is_clean() && other.is_clean());
    producer.flush().await.unwrap();
    assert_eq!(world.log(0).len(), 10);
}

/// On real threads: whatever moment the close comes at, everything that was accepted is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sends_that_race_a_close_are_refused_or_told() {
    for round in 0..30u64 {
        let world = World::new(2, 4);
        let builder = world.builder().max_batch_size(1 << 10).buffer_memory(256 << 10);
        let producer = builder.build().unwrap();
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let (producer, topic) = (producer.clone(), world.topic.clone());
                tokio::spawn(async move {
                    let mut accepted = Vec::new();
                    while let Ok(delivery) = producer.send(&topic, Record::value(&[0; 200])).await {
                        accepted.push(delivery);
                        if accepted.len() % 100 == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                    accepted
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(round * 100)).await;
        let patient = round % 2 == 1;
        let within = if patient { 10 * SECOND } else { Duration::ZERO };
        let closed = producer.clone().close(within).await;
        let (mut written, mut left) = (0, 0);
        for sender in senders {
            for delivery in sender.await.unwrap() {
                match delivery.now_or_never().expect("told by the end of the close") {
                    Ok(_) => written += 1,
                    Err(_) => left += 1,
                }
            }
        }
        assert_eq!(closed.not_written.len() + closed.unknown.len(), left, "round {round}");
        if patient {
            let logged: i64 = (0..4).map(|partition| world.cluster.log_end("in", partition)).sum();
            assert_eq!((left, logged), (0, written), "round {round}: {closed:?}");
        }
        assert_eq!(producer.buffered(), 0);
    }
}
