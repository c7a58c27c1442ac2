//! What a flush waits for, and what it tells.

use std::time::Duration;

use ottla_producer::Record;
use ottla_protocol::{ApiKey, ErrorCode};

use crate::support::{World, timed};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_what_was_before_it_and_for_nothing_later() {
    let world = World::new(2, 2);
    let producer = world.producer();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, SECOND).broker(0).arm();
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).broker(1).arm();
    let mut before = world.send(&producer, 0, [1]).await.remove(0);
    let flush = {
        let producer = producer.clone();
        tokio::spawn(timed(async move { producer.flush().await }))
    };
    tokio::task::yield_now().await;
    let _later = world.send(&producer, 1, [1]).await;
    let (flushed, took) = flush.await.unwrap();
    flushed.unwrap();
    assert!(took >= SECOND - Duration::from_millis(5) && took < SECOND * 2, "{took:?}");
    let now = std::task::Poll::Ready(());
    assert_eq!(futures_util::poll!(&mut before).map(|outcome| assert!(outcome.is_ok())), now);
}

/// Others who send to topics that are not known yet must not keep it waiting for theirs.
#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_staged_records_until_they_are_written_and_for_no_others() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let late = world.client.topic("late");
    let delivery = producer.send(&late, Record::value(b"x")).await.unwrap();
    let flush = {
        let producer = producer.clone();
        tokio::spawn(timed(async move { producer.flush().await }))
    };
    tokio::time::sleep(SECOND * 5).await;
    let never = world.client.topic("never");
    let _later = producer.send(&never, Record::value(b"y")).await.unwrap();
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, SECOND * 5).times(1).arm();
    world.cluster.create_topic("late", 1).unwrap();
    let (flushed, took) = flush.await.unwrap();
    flushed.unwrap();
    assert!(took >= SECOND * 10 && took < SECOND * 15, "{took:?}");
    assert_eq!(delivery.await.unwrap().offset, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_flush_does_not_linger() {
    let world = World::new(1, 1);
    let hour = SECOND * 3600;
    let builder = world.builder().linger(hour).min_request_spacing(hour);
    let producer = builder.delivery_timeout(hour * 2).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let deliveries = world.send(&producer, 0, 1..10).await;
    let (flushed, took) = timed(producer.flush()).await;
    flushed.unwrap();
    assert!(took < SECOND, "{took:?}");
    assert_eq!(crate::support::offsets(deliveries).await, (1..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_flush_tells_each_failure_once() {
    let world = World::new(1, 1);
    let producer = world.producer();
    producer.flush().await.unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let refused = ErrorCode::INVALID_RECORD;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(1).arm();
    let failed = world.send(&producer, 0, 1..4).await;
    let error = producer.flush().await.unwrap_err();
    assert_eq!((error.not_written, error.unknown), (3, 0));
    drop(failed);
    world.send(&producer, 0, [4]).await;
    producer.flush().await.unwrap();
}
