//! Records, offsets and order when nothing goes wrong.

use std::time::Duration;

use ottla_producer::{Header, Record};
use ottla_protocol::ApiKey;

use crate::support::{World, offsets, timed};

#[tokio::test(start_paused = true)]
async fn offsets_are_told_and_order_is_kept_on_many_partitions() {
    let world = World::new(3, 12);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    let mut deliveries: Vec<Vec<_>> = (0..12).map(|_| Vec::new()).collect();
    for number in 0..6000u32 {
        let partition = i32::try_from(number % 12).unwrap();
        let sent = world.send(&producer, partition, [number]).await;
        deliveries[number as usize % 12].extend(sent);
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for (partition, deliveries) in (0..12u32).zip(deliveries) {
        assert_eq!(offsets(deliveries).await, (0..500).collect::<Vec<i64>>());
        let expected: Vec<u32> = (0..500).map(|n| n * 12 + partition).collect();
        assert_eq!(world.log(i32::try_from(partition).unwrap()), expected);
    }
    assert!(producer.close(Duration::from_secs(1)).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn everything_in_a_record_arrives() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let headers = [
        Header { key: "h", value: Some(&b"1"[..]) },
        Header { key: "h", value: None },
        Header { key: "", value: Some(&b""[..]) },
    ];
    let full = Record::value(b"value").key(b"key").headers(&headers).timestamp(1_700_000_000_000);
    let tombstone = Record::tombstone(b"gone").timestamp(5);
    for record in [full, tombstone, Record::default()] {
        producer.send(&world.topic, record).await.unwrap().await.unwrap();
    }
    let log = world.cluster.records("in", 0);
    assert_eq!(log[0].key.as_deref(), Some(&b"key"[..]));
    assert_eq!(log[0].value.as_deref(), Some(&b"value"[..]));
    assert_eq!(log[0].timestamp, 1_700_000_000_000);
    let stored: Vec<_> =
        log[0].headers.iter().map(|header| (&*header.key, header.value.as_deref())).collect();
    assert_eq!(stored, [("h", Some(&b"1"[..])), ("h", None), ("", Some(&b""[..]))]);
    assert_eq!((log[1].key.as_deref(), &log[1].value), (Some(&b"gone"[..]), &None));
    assert_eq!(log[1].timestamp, 5);
    assert_eq!((&log[2].key, &log[2].value), (&None, &None));
    assert!(log[2].timestamp > 1_700_000_000_000, "the present time: {}", log[2].timestamp);
}

#[tokio::test(start_paused = true)]
async fn the_first_record_does_not_wait_and_the_next_are_gathered() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (_, took) = timed(world.send_one(&producer, 0, 1)).await;
    assert!(took < Duration::from_millis(1), "{took:?}");
    let requests = || world.cluster.counters().requests(ApiKey::PRODUCE);
    let before = requests();
    offsets(world.send(&producer, 0, 2..1000).await).await;
    assert!(requests() - before <= 2, "{} requests", requests() - before);
}

/// Batches that are as large as they get gain nothing by waiting.
#[tokio::test(start_paused = true)]
async fn small_batches_keep_five_on_the_wire() {
    let world = World::new(1, 1);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().delay(ApiKey::PRODUCE, Duration::from_millis(100)).arm();
    let before = world.network.trace().len();
    let deliveries = world.send(&producer, 0, 1..600).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let writes = world.network.trace().split_off(before);
    let requests: usize = writes.iter().map(|write| write.frames()).sum();
    assert_eq!(requests, 5, "{writes:?}");
    offsets(deliveries).await;
}

#[tokio::test(start_paused = true)]
async fn records_without_key_are_spread_and_equal_keys_stay_together() {
    let world = World::new(3, 6);
    let producer = world.producer();
    let value = [7; 500];
    for _ in 0..6000 {
        drop(producer.send(&world.topic, Record::value(&value)).await.unwrap());
    }
    producer.flush().await.unwrap();
    let ends: Vec<_> = (0..6).map(|partition| world.cluster.log_end("in", partition)).collect();
    assert_eq!(ends.iter().sum::<i64>(), 6000);
    assert!(ends.iter().all(|&end| end > 400), "{ends:?}");
    let mut homes = std::collections::BTreeSet::new();
    for n in 0..20u8 {
        let value = [n];
        let record = Record::value(&value).key(b"foobar");
        homes.insert(producer.send(&world.topic, record).await.unwrap().await.unwrap().partition);
    }
    // Java's murmur2 of "foobar" is -790332482: 1357151166 without its sign.
    assert_eq!(homes.into_iter().collect::<Vec<_>>(), [(-790_332_482 & 0x7fff_ffff) % 6]);
}
