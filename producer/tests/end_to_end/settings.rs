//! acks, idempotence, retries, codecs.

use std::time::Duration;

use ottla_producer::{Acks, Record, SendError, Unsure};
use ottla_protocol::{ApiKey, ErrorCode, compression::Compression};

use crate::support::{World, number, offsets, timed};

/// KIP-679
#[tokio::test(start_paused = true)]
async fn records_are_recognised_again_and_on_all_replicas_unless_said_otherwise() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.cluster.hold_high_watermark("in", 0, 0);
    let mut delivery = world.send(&producer, 0, [1]).await.remove(0);
    let early = tokio::time::timeout(Duration::from_secs(1), &mut delivery).await;
    assert!(early.is_err(), "answered before all replicas have it");
    world.cluster.release_high_watermark("in", 0);
    delivery.await.unwrap();
    assert!(world.cluster.records("in", 0)[0].producer_id >= 0);
}

/// A broker that had a batch before and no longer knows where says so: it is written, once.
#[tokio::test(start_paused = true)]
async fn a_duplicate_sequence_is_a_record_that_is_written() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 1).await.unwrap();
    let code = ErrorCode::DUPLICATE_SEQUENCE_NUMBER;
    world.cluster.faults().fail_after(ApiKey::PRODUCE, code).times(1).arm();
    let written = world.send_one(&producer, 0, 2).await.unwrap();
    assert_eq!(written.offset, None);
    world.send_one(&producer, 0, 3).await.unwrap();
    assert_eq!(world.log(0), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn with_acks_of_the_leader_records_are_written_once_and_in_order() {
    let world = World::new(1, 1);
    let builder = world.builder().acks(Acks::Leader).idempotence(false);
    let producer = builder.max_batch_size(1 << 10).build().unwrap();
    assert_eq!(offsets(world.send(&producer, 0, 0..500).await).await, (0..500).collect::<Vec<_>>());
    assert_eq!(world.log(0), (0..500).collect::<Vec<_>>());
    assert_eq!(world.cluster.records("in", 0)[0].producer_id, -1);
}

#[tokio::test(start_paused = true)]
async fn without_acks_records_are_written_when_the_socket_has_them() {
    let world = World::new(1, 1);
    let builder = world.builder().acks(Acks::None).idempotence(false);
    let producer = builder.max_batch_size(1 << 10).build().unwrap();
    for delivery in world.send(&producer, 0, 0..500).await {
        assert_eq!(delivery.await.unwrap().offset, None);
    }
    assert!(producer.close(Duration::from_secs(1)).await.is_clean());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.log(0), (0..500).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn without_idempotence_a_retry_may_double_but_not_reorder() {
    let world = World::new(1, 1);
    let producer = world.builder().idempotence(false).max_batch_size(1 << 10).build().unwrap();
    world.cluster.faults().drop_reply(ApiKey::PRODUCE).times(3).arm();
    let refused = ErrorCode::NOT_ENOUGH_REPLICAS;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).after(5).times(2).arm();
    for delivery in world.send(&producer, 0, 0..500).await {
        delivery.await.unwrap();
    }
    let mut log = world.log(0);
    assert!(log.len() > 500, "the fault should double a batch");
    // A batch that is sent again follows itself.
    let mut highest = 0;
    let fresh = |number: &u32| {
        let fresh = *number >= highest;
        highest = highest.max(number + 1);
        fresh
    };
    log.retain(fresh);
    assert_eq!(log, (0..500).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn without_retries_the_first_failure_is_the_last() {
    let world = World::new(1, 1);
    let producer = world.builder().idempotence(false).retries(false).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().drop_reply(ApiKey::PRODUCE).times(1).arm();
    let (outcome, took) = timed(world.send_one(&producer, 0, 1)).await;
    let unsure =
        matches!(outcome, Err(SendError::Unknown { reason: Unsure::NotRetried { .. }, .. }));
    assert!(unsure && took < Duration::from_secs(1), "{outcome:?}");
    let refused = ErrorCode::NOT_ENOUGH_REPLICAS;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(1).arm();
    let outcome = world.send_one(&producer, 0, 2).await;
    assert!(matches!(outcome, Err(SendError::NotWritten { .. })), "{outcome:?}");
    world.send_one(&producer, 0, 3).await.unwrap();
    assert_eq!(world.log(0), [0, 1, 3]);
}

#[tokio::test(start_paused = true)]
async fn every_codec_can_be_read_back() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let world = World::new(2, 2);
        let producer = world.builder().compression(compression).build().unwrap();
        let mut deliveries = Vec::new();
        for n in 0..3000u32 {
            let value = n.to_be_bytes().repeat(if n < 100 { 1 } else { 50 });
            let record = Record::value(&value).partition(i32::try_from(n % 2).unwrap());
            deliveries.push(producer.send(&world.topic, record).await.unwrap());
            if n == 100 {
                producer.flush().await.unwrap();
            }
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        for partition in 0..2 {
            let log = world.cluster.records("in", i32::try_from(partition).unwrap());
            let log: Vec<_> = log.iter().map(|record| number(record.value.as_deref())).collect();
            let expected: Vec<_> = (0..3000).filter(|n| n % 2 == partition).collect();
            assert_eq!(log, expected, "{compression:?}");
        }
        let size: usize = world.cluster.batches("in", 0).iter().map(bytes::Bytes::len).sum();
        assert!(size < 150_000, "{compression:?}: {size} bytes");
        assert_eq!(producer.buffered(), 0);
    }
}

/// A compressed batch gives its records back as they were.
#[tokio::test(start_paused = true)]
async fn compressed_records_come_back_whole() {
    let world = World::new(1, 1);
    let producer = world.builder().compression(Compression::Lz4).build().unwrap();
    let refused = ErrorCode::INVALID_RECORD;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).arm();
    for (expected, delivery) in (0..).zip(world.send(&producer, 0, 0..100).await) {
        let record = delivery.await.unwrap_err().into_record();
        assert_eq!(number(record.value.as_deref()), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn leaders_that_move_while_batches_are_compressed_lose_nothing() {
    let world = World::new(3, 2);
    let producer =
        world.builder().compression(Compression::Zstd).max_batch_size(64 << 10).build().unwrap();
    let mut deliveries = Vec::new();
    for n in 0..4000u32 {
        let value = n.to_be_bytes().repeat(100);
        let record = Record::value(&value).partition(i32::try_from(n % 2).unwrap());
        deliveries.push(producer.send(&world.topic, record).await.unwrap());
        if n % 97 == 0 {
            tokio::task::yield_now().await;
        }
        if n % 300 == 299 {
            for partition in 0..2 {
                let leader = i32::try_from(n / 300).unwrap() + partition;
                assert!(world.cluster.move_leader("in", partition, leader % 3));
            }
        }
    }
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    for partition in 0..2 {
        let log = world.cluster.records("in", i32::try_from(partition).unwrap());
        let log: Vec<_> = log.iter().map(|record| number(record.value.as_deref())).collect();
        assert_eq!(log, (0..4000).filter(|n| n % 2 == partition).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let world = World::new(1, 1);
    let errors = world.builder().acks(Acks::None).retries(false).max_batch_size(1).build();
    let errors = errors.unwrap_err().to_string();
    for setting in ["acks", "retries", "max_batch_size"] {
        assert!(errors.contains(setting), "{errors}");
    }
}
