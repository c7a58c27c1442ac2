//! Partitions that failed, or have too few replicas, and are left out of keyless routing.

use std::num::NonZeroU32;
use std::time::Duration;

use ottla_producer::{Acks, Delivery, Partitioner, Producer, Record};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::{TestCluster, TopicConfig};
use tokio::time::sleep;

use crate::support::World;

fn each() -> Partitioner {
    Partitioner::round_robin(NonZeroU32::MIN)
}

/// Sends so many records one after another, each to the next partition, and waits a little.
async fn round(world: &World, producer: &Producer, records: u32) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for _ in 0..records {
        deliveries.push(producer.send(&world.topic, Record::value(b"x")).await.unwrap());
        sleep(Duration::from_millis(5)).await;
    }
    deliveries
}

/// How many of these go to a partition; those that are not written after a while count for it too.
async fn to(partition: i32, deliveries: Vec<Delivery>) -> usize {
    let mut there = 0;
    for delivery in deliveries {
        match tokio::time::timeout(Duration::from_millis(100), delivery).await {
            Ok(written) => there += usize::from(written.unwrap().partition == partition),
            Err(_) => there += 1,
        }
    }
    there
}

const TIME: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn a_partition_that_failed_is_left_out_for_a_time() {
    let world = World::new(1, 4);
    let producer = world.builder().partitioner(each()).build().unwrap();
    for partition in 0..4 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let fail = |times| {
        let faults = world.cluster.faults();
        let failing = faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS);
        failing.partition(2).times(times).arm()
    };
    let failing = fail(1);
    let told = world.send(&producer, 2, [1]).await;
    sleep(Duration::from_millis(10)).await;
    assert_eq!(failing.hits(), 1);
    assert_eq!(to(2, round(&world, &producer, 6).await).await, 0, "it was used while it was out");
    // It is tried again for what has to go there, and its success ends that early.
    assert_eq!(to(2, told).await, 1);
    assert_eq!(to(2, round(&world, &producer, 8).await).await, 2);
    // Without success the time counts from the last failure on.
    let failing = fail(u64::MAX);
    let told = world.send(&producer, 2, [1]).await;
    sleep(2 * TIME).await;
    assert_eq!(to(2, round(&world, &producer, 8).await).await, 0);
    failing.disarm();
    assert_eq!(to(2, told).await, 1);
    producer.flush().await.unwrap();
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_again_when_the_time_is_over() {
    let world = World::new(1, 2);
    let producer = world.builder().idempotence(false).retries(false).partitioner(each());
    let producer = producer.build().unwrap();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let failing = world.cluster.faults().fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS);
    let failing = failing.partition(0).arm();
    for hits in 1..4 {
        let failed = round(&world, &producer, 2).await.into_iter();
        assert_eq!(failing.hits(), hits);
        drop(failed);
        sleep(TIME - Duration::from_millis(500)).await;
        drop(round(&world, &producer, 10).await);
        assert_eq!(failing.hits(), hits, "it was used while it was out");
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn if_all_are_out_all_are_used() {
    let world = World::new(1, 3);
    let producer = world.builder().idempotence(false).retries(false).partitioner(each());
    let producer = producer.build().unwrap();
    for partition in 0..3 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let fail = |partition| {
        let faults = world.cluster.faults();
        faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).partition(partition).arm()
    };
    let failing = [0, 1, 2].map(fail);
    drop(round(&world, &producer, 3).await);
    assert_eq!([0, 1, 2].map(|at: usize| failing[at].hits()), [1; 3]);
    drop(round(&world, &producer, 6).await);
    sleep(Duration::from_secs(1)).await;
    assert!(failing.iter().all(|failing| failing.hits() > 1));
}

#[tokio::test(start_paused = true)]
async fn another_leader_ends_it() {
    let world = World::new(2, 2);
    // Nothing is sent again, so that no success ends it.
    let producer = world.builder().idempotence(false).retries(false).partitioner(each());
    let producer = producer.build().unwrap();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.faults().fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).broker(0).arm();
    drop(round(&world, &producer, 4).await);
    assert_eq!(to(0, round(&world, &producer, 4).await).await, 0);
    assert!(world.cluster.move_leader("in", 0, 1));
    world.client.metadata().request_refresh(ottla_client::RefreshReason::Stale);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(to(0, round(&world, &producer, 4).await).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_batch_is_not_held_against_the_partition() {
    let world = World::new(1, 2);
    let producer = world.builder().partitioner(each()).build().unwrap();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let corrupt = world.cluster.faults().fail(ApiKey::PRODUCE, ErrorCode::CORRUPT_MESSAGE);
    corrupt.partition(1).times(1).arm();
    let sent = round(&world, &producer, 10).await;
    producer.flush().await.unwrap();
    assert_eq!(to(1, sent).await, 5);
}

#[tokio::test(start_paused = true)]
async fn partitions_with_too_few_replicas_in_sync_are_left_out() {
    let cluster = TestCluster::builder().brokers(3).replication_factor(3);
    let mut strict = TopicConfig::default();
    strict.min_insync_replicas = 2;
    let world = World::on(cluster.topic_with("in", 3, strict));
    assert!(world.cluster.set_isr("in", 1, &[1]));
    let settings = || world.builder().partitioner(each()).min_in_sync_replicas(2);
    let producer = settings().build().unwrap();
    let sent = round(&world, &producer, 9).await;
    assert_eq!(to(1, sent).await, 0);
    // What is told its partition goes there all the same, and waits.
    let told = world.send(&producer, 1, [7]).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.cluster.log_end("in", 1), 0);
    assert!(world.cluster.set_isr("in", 1, &[1, 0]));
    producer.flush().await.unwrap();
    assert_eq!(to(1, told).await, 1);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(to(1, round(&world, &producer, 9).await).await, 3);
    // With acks=1 nobody waits for replicas.
    assert!(world.cluster.set_isr("in", 1, &[1]));
    let lax = settings().idempotence(false).acks(Acks::Leader).build().unwrap();
    assert_eq!(to(1, round(&world, &lax, 9).await).await, 3);
}
