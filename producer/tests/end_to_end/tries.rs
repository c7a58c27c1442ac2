//! How often a batch is tried, and what network errors lead to.

use std::time::Duration;

use ottla_producer::{ErrorStrategy, Producer, Reason, SendError, Unsure};
use ottla_protocol::{ApiKey, ErrorCode};
use tokio::time::sleep;

use crate::support::{World, timed};

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_after_so_many_refusals() {
    for idempotence in [true, false] {
        let world = World::new(1, 1);
        let producer = world.builder().max_tries(3).idempotence(idempotence).build().unwrap();
        world.send_one(&producer, 0, 0).await.unwrap();
        let refused = world.cluster.faults().fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS);
        let refused = refused.arm();
        match world.send_one(&producer, 0, 1).await.unwrap_err() {
            SendError::NotWritten { reason: Reason::TooManyTries { tries: 3, last }, .. } => {
                assert!(last.contains("NOT_ENOUGH_REPLICAS"), "{last}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(refused.hits(), 3);
        refused.disarm();
        // What comes behind is not held up by it.
        world.send_one(&producer, 0, 2).await.unwrap();
        assert_eq!(world.log(0), [0, 2]);
        assert_eq!(producer.buffered(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_written_is_unknown_then() {
    let world = World::new(1, 1);
    let producer = world.builder().max_tries(2).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let faults = world.cluster.faults();
    faults.fail_after(ApiKey::PRODUCE, ErrorCode::REQUEST_TIMED_OUT).times(1).arm();
    faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).times(1).arm();
    match world.send_one(&producer, 0, 1).await.unwrap_err() {
        SendError::Unknown { reason: Unsure::TooManyTries { tries: 2, .. }, .. } => {}
        other => panic!("{other:?}"),
    }
    world.send_one(&producer, 0, 2).await.unwrap();
    assert_eq!(world.log(0), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_and_what_was_refused_for_another_count_no_try() {
    let world = World::new(1, 1);
    let settings = world.builder().max_tries(2).batch_records(1);
    let producer = settings.min_request_spacing(Duration::ZERO).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    // Five are in flight; the first is refused, the others are out of sequence for that.
    let faults = world.cluster.faults();
    faults.delay(ApiKey::PRODUCE, Duration::from_millis(20)).times(1).arm();
    faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).times(1).arm();
    // Sent again, one of those others is refused by itself.
    faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).after(6).times(1).arm();
    let sent = world.send(&producer, 0, 1..9).await;
    for delivery in sent {
        delivery.await.unwrap();
    }
    // A broker that cannot be reached is tried as often as it takes.
    world.network.block(0);
    world.cluster.cut_connections(0);
    let cluster = world.cluster.clone();
    let network = world.network.clone();
    let back = tokio::spawn(async move {
        sleep(Duration::from_secs(20)).await;
        network.unblock();
        drop(cluster);
    });
    let (written, took) = timed(world.send_one(&producer, 0, 9)).await;
    written.unwrap();
    assert!(took > Duration::from_secs(20), "{took:?}");
    back.await.unwrap();
    assert_eq!(world.log(0), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn network_errors_can_be_final() {
    let world = World::new(1, 1);
    let producer = world.builder().error_strategy(ErrorStrategy::Discard).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let cut = world.cluster.faults().cut(ApiKey::PRODUCE).times(1).arm();
    let (outcome, took) = timed(world.send_one(&producer, 0, 1)).await;
    assert!(matches!(outcome, Err(SendError::Unknown { .. })), "{outcome:?}");
    assert!(took < Duration::from_secs(1) && cut.hits() == 1, "{took:?}");
    // What a broker answers is not concerned.
    let faults = world.cluster.faults();
    faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).times(2).arm();
    world.send_one(&producer, 0, 2).await.unwrap();
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_try_at_all_is_refused_at_build() {
    let world = World::new(1, 1);
    let errors = Producer::builder(&world.client).max_tries(0).build().unwrap_err();
    assert!(errors.to_string().contains("max_tries"), "{errors}");
}
