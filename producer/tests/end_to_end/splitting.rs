//! KIP-126: batches that are too large for the broker.

use std::time::Duration;

use ottla_producer::{Acks, Producer, Reason, Record, SendError};
use ottla_protocol::{ApiKey, ErrorCode, compression::Compression};
use ottla_test_broker::{TestCluster, TopicConfig};

use crate::support::{World, number, offsets};

/// A broker that takes batches of 2000 bytes.
fn world() -> World {
    world_that_takes(2000)
}

fn world_that_takes(bytes: usize) -> World {
    let mut config = TopicConfig::default();
    config.max_message_bytes = bytes;
    World::on(TestCluster::builder().topic_with("in", 2, config))
}

fn sizes(world: &World) -> Vec<usize> {
    world.cluster.batches("in", 0).iter().map(bytes::Bytes::len).collect()
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_written_in_pieces_in_its_place() {
    let world = world();
    let producer = world.builder().max_batch_size(16 << 10).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    // Five are on the wire when the first is refused.
    let round_trip = Duration::from_millis(20);
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, round_trip).arm();
    let deliveries = world.send(&producer, 0, 1..10_000).await;
    assert_eq!(offsets(deliveries).await, (1..10_000).collect::<Vec<_>>());
    assert_eq!(world.log(0), (0..10_000).collect::<Vec<_>>());
    let log = world.cluster.records("in", 0);
    assert!(log.iter().all(|record| record.producer_epoch == 0), "a sequence was broken");
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_tried_again() {
    let world = world_that_takes(10_000);
    let producer = world.builder().max_batch_size(64 << 10).build().unwrap();
    offsets(world.send(&producer, 0, 0..30_000).await).await;
    let (requests, batches) = (world.cluster.counters().requests(ApiKey::PRODUCE), sizes(&world));
    offsets(world.send(&producer, 0, 30_000..60_000).await).await;
    let written = sizes(&world).split_off(batches.len());
    let requests = world.cluster.counters().requests(ApiKey::PRODUCE) - requests;
    assert_eq!(requests, written.len() as u64, "some were refused: {written:?}");
    assert!(written.iter().sum::<usize>() > written.len() * 5_000, "{written:?}");
}

#[tokio::test(start_paused = true)]
async fn compressed_batches_are_split_as_well() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let world = world();
        let builder = world.builder().max_batch_size(32 << 10).compression(compression);
        let producer = builder.build().unwrap();
        world.send_one(&producer, 0, 0).await.unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let mut deliveries = Vec::new();
        for n in 1..2000u32 {
            let mut value = n.to_be_bytes().to_vec();
            value.extend(std::iter::repeat_with(|| random.u8(..)).take(40));
            let record = Record::value(&value).partition(0);
            deliveries.push(producer.send(&world.topic, record).await.unwrap());
        }
        assert_eq!(offsets(deliveries).await, (1..2000).collect::<Vec<_>>(), "{compression}");
        assert_eq!(world.log(0), (0..2000).collect::<Vec<_>>(), "{compression}");
        assert_eq!(producer.buffered(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_record_that_is_too_large_is_not_written_and_its_neighbours_are() {
    let world = world();
    let producer = world.builder().max_batch_size(16 << 10).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let mut before = world.send(&producer, 0, 1..50).await;
    let big = [9; 3000];
    let record = Record::value(&big).key(b"big").partition(0);
    let refused = producer.send(&world.topic, record).await.unwrap();
    before.extend(world.send(&producer, 0, 50..100).await);
    assert_eq!(offsets(before).await, (1..100).collect::<Vec<_>>());
    match refused.await.unwrap_err() {
        SendError::NotWritten { reason: Reason::Broker { code, .. }, record } => {
            assert_eq!(code, ErrorCode::MESSAGE_TOO_LARGE);
            assert_eq!(record.value.as_deref(), Some(&big[..]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.log(0), (0..100).collect::<Vec<_>>());
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_finds_the_list_too_large_gets_pieces_too() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    let refused = ErrorCode::RECORD_LIST_TOO_LARGE;
    let fault = world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(3).arm();
    let deliveries = world.send(&producer, 0, 1..500).await;
    assert_eq!(offsets(deliveries).await, (1..500).collect::<Vec<_>>());
    assert_eq!((fault.hits(), world.log(0)), (3, (0..500).collect()));
}

#[tokio::test(start_paused = true)]
async fn without_idempotence_pieces_are_in_order_and_without_retries_there_are_none() {
    let world = world();
    let builder = world.builder().max_batch_size(16 << 10).idempotence(false).acks(Acks::Leader);
    let producer = builder.build().unwrap();
    let deliveries = world.send(&producer, 0, 0..3000).await;
    assert_eq!(offsets(deliveries).await, (0..3000).collect::<Vec<_>>());
    assert_eq!(world.log(0), (0..3000).collect::<Vec<_>>());
    let builder = world.builder().max_batch_size(16 << 10).idempotence(false).retries(false);
    let producer = builder.build().unwrap();
    let mut deliveries = world.send(&producer, 1, 0..1000).await;
    let outcome = deliveries.remove(500).await;
    assert!(matches!(outcome, Err(SendError::NotWritten { .. })), "{outcome:?}");
    producer.flush().await.unwrap_err();
}

/// Closed in the middle of it, every record is told what became of it.
#[tokio::test(start_paused = true)]
async fn an_end_amid_splits_tells_every_record_the_truth() {
    for millis in 0..60 {
        let world = world();
        let producer: Producer = world.builder().max_batch_size(16 << 10).build().unwrap();
        world.send_one(&producer, 0, 0).await.unwrap();
        let round_trip = Duration::from_millis(10);
        world.cluster.faults().delay_reply(ApiKey::PRODUCE, round_trip).arm();
        let deliveries = world.send(&producer, 0, 1..2000).await;
        producer.clone().close(Duration::from_millis(millis)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let log = world.log(0);
        assert!(log.is_sorted_by(|a, b| a < b), "{log:?}");
        for (expected, delivery) in (1..).zip(deliveries) {
            match delivery.await {
                Ok(_) => assert!(log.contains(&expected)),
                Err(SendError::NotWritten { record, .. }) => {
                    assert_eq!(number(record.value.as_deref()), expected);
                    assert!(!log.contains(&expected), "{expected} after {millis} ms");
                }
                Err(error) => {
                    assert_eq!(number(error.into_record().value.as_deref()), expected);
                }
            }
        }
        assert_eq!(producer.buffered(), 0);
    }
}
