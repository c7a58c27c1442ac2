//! Leaders that move, vanish and come back, and topics that are made anew.

use std::time::Duration;

use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::TestCluster;

use crate::support::{World, offsets, timed};

#[tokio::test(start_paused = true)]
async fn a_hint_is_followed_without_metadata_even_to_a_broker_never_heard_of() {
    let world = World::new(3, 1);
    world.cluster.stop_broker(2);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.start_broker(2);
    world.cluster.faults().delay(ApiKey::METADATA, Duration::from_secs(3600)).arm();
    assert!(world.cluster.move_leader("in", 0, 2));
    let (written, took) = timed(world.send_one(&producer, 0, 1)).await;
    written.unwrap();
    assert!(took < Duration::from_millis(20), "{took:?}");
    assert_eq!(world.log(0), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn without_hints_metadata_tells_the_new_leader() {
    let world =
        World::on(TestCluster::builder().brokers(3).topic("in", 1).max_version(ApiKey::PRODUCE, 9));
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    for (number, leader) in (1..10).zip([1, 2].into_iter().cycle()) {
        assert!(world.cluster.move_leader("in", 0, leader));
        let (written, took) = timed(world.send_one(&producer, 0, number)).await;
        written.unwrap();
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    assert_eq!(world.log(0), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn leaders_that_move_under_load_lose_double_and_reorder_nothing() {
    for version in [9, 13] {
        let world = World::on(
            TestCluster::builder().brokers(3).topic("in", 3).max_version(ApiKey::PRODUCE, version),
        );
        // A round trip of some milliseconds, so that batches are in flight when a leader moves.
        let delay = Duration::from_millis(7);
        world.cluster.faults().delay_reply(ApiKey::PRODUCE, delay).probability(0.5).arm();
        let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
        let mut deliveries = Vec::new();
        for number in 0..6000u32 {
            if number % 250 == 249 {
                for partition in 0..3 {
                    let leader = i32::try_from(number / 250).unwrap() + partition;
                    assert!(world.cluster.move_leader("in", partition, leader % 3));
                }
            }
            let partition = i32::try_from(number % 3).unwrap();
            deliveries.extend(world.send(&producer, partition, [number]).await);
            if number % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        offsets(deliveries).await;
        for partition in 0..3 {
            let expected: Vec<_> = (0..6000).filter(|n| n % 3 == partition).collect();
            assert_eq!(world.log(i32::try_from(partition).unwrap()), expected);
        }
        assert!(producer.close(Duration::from_secs(1)).await.is_clean());
    }
}

#[tokio::test(start_paused = true)]
async fn records_wait_for_a_partition_without_leader() {
    let world = World::new(2, 2);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    assert!(world.cluster.remove_leader("in", 0));
    let waiting = world.send(&producer, 0, [1]).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    // By now nothing is tried at the old leader; this one finds nobody from the start.
    let stranded = world.send(&producer, 0, [2]).await;
    world.send_one(&producer, 1, 0).await.unwrap();
    assert!(world.cluster.move_leader("in", 0, 1));
    let (_, took) = timed(offsets(waiting)).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    offsets(stranded).await;
    assert_eq!(world.log(0), [0, 1, 2]);
}

/// The router hears of it although nothing else happens in the cluster.
#[tokio::test(start_paused = true)]
async fn a_record_for_a_partition_that_lost_its_leader_while_idle_finds_the_next() {
    let world = World::new(2, 2);
    let producer = world.producer();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.remove_leader("in", 0);
    let refresh = world.client.metadata().refresh(world.client.deadline());
    refresh.await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.cluster.move_leader("in", 0, 1);
    let (written, took) = timed(world.send_one(&producer, 0, 1)).await;
    written.unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_topic_made_anew_is_written_to_in_a_new_epoch_wherever_it_is_led() {
    let world = World::new(3, 1);
    let producer = world.producer();
    for leader in [1, 2, 1, 2] {
        world.cluster.move_leader("in", 0, leader);
        world.send_one(&producer, 0, 0).await.unwrap();
    }
    assert!(world.cluster.delete_topic("in"));
    world.cluster.create_topic("in", 1).unwrap();
    // Its epochs begin at zero again, far below those of the old topic.
    assert_eq!(world.cluster.partition("in", 0).unwrap().leader_epoch, 0);
    let deliveries = world.send(&producer, 0, 1..50).await;
    let (offsets, took) = timed(offsets(deliveries)).await;
    assert_eq!(offsets, (0..49).collect::<Vec<_>>());
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(world.log(0), (1..50).collect::<Vec<_>>());
    world.send_one(&producer, 0, 50).await.unwrap();
    assert_eq!(world.cluster.records("in", 0).last().unwrap().producer_epoch, 1);
}

/// H13: a topic that nobody knows for a moment is still the same topic. What was numbered is
/// numbered on, or the broker would take new records for old ones.
#[tokio::test(start_paused = true)]
async fn a_topic_that_is_unknown_for_a_moment_keeps_its_sequences() {
    let world = World::new(1, 1);
    let producer = world.producer();
    for number in 0..5 {
        world.send_one(&producer, 0, number).await.unwrap();
    }
    let faults = world.cluster.faults();
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    faults.fail(ApiKey::METADATA, unknown).times(3).arm();
    faults.fail(ApiKey::PRODUCE, unknown).times(3).arm();
    let deliveries = world.send(&producer, 0, 5..20).await;
    let refresh = world.client.metadata().refresh(world.client.deadline());
    refresh.await.unwrap();
    assert_eq!(offsets(deliveries).await, (5..20).collect::<Vec<_>>());
    for number in 20..25 {
        world.send_one(&producer, 0, number).await.unwrap();
    }
    let log = world.cluster.records("in", 0);
    assert_eq!(world.log(0), (0..25).collect::<Vec<_>>());
    assert!(log.iter().all(|record| record.producer_epoch == 0));
    assert!(log.iter().all(|record| record.producer_id == log[0].producer_id));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_grows_takes_records_in_its_new_partitions() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    assert!(world.cluster.grow_topic("in", 3));
    let refresh = world.client.metadata().refresh(world.client.deadline());
    refresh.await.unwrap();
    tokio::task::yield_now().await;
    world.send_one(&producer, 2, 7).await.unwrap();
    assert_eq!(world.log(2), [7]);
}
