//! A failure on one partition never delays another: a rival held all partitions up for 19.9 s, until
//! a broker that hung had answered, after a batch of one of them was refused for good.

use std::time::Duration;

use ottla_producer::{Producer, SendError};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::TestCluster;
use tokio::time::sleep;

use crate::support::{World, timed};

/// Three partitions, each of a broker of its own, and all of them used before.
async fn world() -> (World, Producer) {
    let world = World::new(3, 3);
    let producer = world.producer();
    for partition in 0..3 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    (world, producer)
}

/// What comes for a partition that is well is written as ever.
async fn assert_well(world: &World, producer: &Producer, partition: i32) {
    for number in 1..50 {
        let (written, took) = timed(world.send_one(producer, partition, number)).await;
        written.unwrap();
        assert!(took < Duration::from_millis(10), "partition {partition} took {took:?}");
        sleep(Duration::from_millis(7)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_refused_for_good_beside_a_broker_that_hangs_delays_nobody() {
    let (world, producer) = world().await;
    let faults = world.cluster.faults();
    faults.delay(ApiKey::PRODUCE, Duration::from_secs(20)).broker(1).arm();
    let hung = world.send(&producer, 1, [1]).await.remove(0);
    sleep(Duration::from_millis(10)).await;
    faults.fail(ApiKey::PRODUCE, ErrorCode::INVALID_RECORD).partition(0).times(1).arm();
    let refused = world.send_one(&producer, 0, 1).await;
    assert!(matches!(refused, Err(SendError::NotWritten { .. })), "{refused:?}");
    // The partition that was refused goes on in its next epoch, and the third never noticed.
    tokio::join!(assert_well(&world, &producer, 0), assert_well(&world, &producer, 2));
    let (written, took) = timed(hung).await;
    written.unwrap();
    assert!(took > Duration::from_secs(15), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_a_leader_delays_nobody() {
    let (world, producer) = world().await;
    assert!(world.cluster.remove_leader("in", 0));
    let orphan = world.send(&producer, 0, [1]).await.remove(0);
    tokio::join!(assert_well(&world, &producer, 1), assert_well(&world, &producer, 2));
    assert!(world.cluster.move_leader("in", 0, 0));
    orphan.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_refused_again_and_again_delays_nobody_of_its_broker() {
    let world = World::new(1, 3);
    let producer = world.producer();
    for partition in 0..3 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let faults = world.cluster.faults();
    let refused = faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).partition(0).arm();
    let stuck = world.send(&producer, 0, 1..100).await;
    tokio::join!(assert_well(&world, &producer, 1), assert_well(&world, &producer, 2));
    assert!(refused.hits() > 1);
    refused.disarm();
    for delivery in stuck {
        delivery.await.unwrap();
    }
    assert_eq!(world.log(0), (0..100).collect::<Vec<_>>());
}

/// The task of a broker that left ends, and is there again when the broker is.
#[tokio::test(start_paused = true)]
async fn what_was_there_for_a_broker_that_left_ends() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let cluster = TestCluster::builder().brokers(2).replication_factor(2).topic("in", 2);
    let world = World::on(cluster);
    let producer = world.producer();
    let mut gone = Vec::new();
    for round in 0..3u32 {
        for partition in 0..2 {
            world.send_one(&producer, partition, round).await.unwrap();
        }
        assert!(world.cluster.stop_broker(1));
        world.client.metadata().request_refresh(ottla_client::RefreshReason::Stale);
        sleep(Duration::from_secs(5)).await;
        world.send_one(&producer, 1, 100 + round).await.unwrap();
        sleep(Duration::from_secs(60)).await;
        gone.push(tasks());
        assert!(world.cluster.start_broker(1));
        assert!(world.cluster.move_leader("in", 1, 1));
        world.client.metadata().request_refresh(ottla_client::RefreshReason::Stale);
        sleep(Duration::from_secs(5)).await;
    }
    // A sink more would be one more.
    assert!(gone.iter().all(|tasks| *tasks == 10), "{gone:?}");
    assert_eq!(world.log(1), [0, 100, 1, 101, 2, 102]);
}
