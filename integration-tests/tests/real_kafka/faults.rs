//! A cluster that loses nodes loses no records of ottla, doubles none and keeps their order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ottla::{Client, Delivery, Producer, Record, Topic};
use ottla_integration_tests::{Kafka, ReadRecord, Settings, Version, unique_name};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::clients::{PATIENCE, client, read_all, until};

/// The idempotent producer, while one of three nodes is killed and comes back and another one
/// hangs for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_reordered_while_nodes_fail() {
    // Soon after a node stops answering others lead its partitions.
    let quick = [
        ("broker.session.timeout.ms", "3000"),
        ("broker.heartbeat.interval.ms", "500"),
        ("replica.lag.time.max.ms", "4000"),
    ];
    let properties = quick.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let version = Version::wanted().unwrap();
    let kafka =
        Kafka::start_with(Settings { properties, version, nodes: 3, ..Settings::default() })
            .await
            .unwrap();
    let topic = unique_name("faults");
    kafka.create_topic(&topic, 12, &["min.insync.replicas=2"]).await.unwrap();
    let client = client(&kafka);
    let done = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn(send(client.clone(), client.topic(&topic), Arc::clone(&done)));

    sleep(Duration::from_secs(1)).await;
    kafka.kill(2).await.unwrap();
    sleep(Duration::from_secs(4)).await;
    kafka.start_node(2).await.unwrap();
    // With two of three nodes in sync a third may fail only when the first has caught up.
    in_sync(&client, &topic).await;
    kafka.pause(1).await.unwrap();
    sleep(Duration::from_secs(6)).await;
    kafka.resume(1).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    done.store(true, Ordering::Relaxed);
    let sent = timeout(PATIENCE, sending).await.expect("outcomes take too long").unwrap();
    assert!(sent.iter().sum::<u32>() >= 100_000, "too little to see anything: {sent:?}");

    in_sync(&client, &topic).await;
    let java = kafka.java_consume(&topic).await.unwrap();
    assert_complete(&java, &sent);
    let ends: Vec<_> = sent.iter().map(|count| i64::from(*count)).collect();
    assert!(read_all(&client, &topic, &ends).await == java, "ottla reads something else than Java");
}

/// Sends numbered records to all partitions in turn until it is done, waits for every outcome,
/// and returns how many each partition got.
async fn send(client: Client, topic: Topic, done: Arc<AtomicBool>) -> Vec<u32> {
    let producer =
        Producer::builder(&client).request_timeout(Duration::from_secs(5)).build().unwrap();
    let (given, mut waiting) = mpsc::channel::<(i32, u32, Delivery)>(IN_DOUBT);
    let acknowledged = tokio::spawn(async move {
        let mut count = 0_u32;
        while let Some((partition, n, delivery)) = waiting.recv().await {
            let written = delivery.await.unwrap_or_else(|error| panic!("{partition} {n}: {error}"));
            assert_eq!(written.partition, partition);
            // Unknown only for a batch that came twice and has been forgotten by the broker.
            assert!(
                written.offset.is_none_or(|offset| offset == i64::from(n)),
                "{partition} {n}: {written:?}"
            );
            count += 1;
        }
        count
    });
    let mut counts = vec![0_u32; PARTITIONS];
    let mut pace = interval(Duration::from_millis(10));
    // What an outage held up is not made up for: that would only be load.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !done.load(Ordering::Relaxed) {
        pace.tick().await;
        for _ in 0..A_TICK {
            for (partition, count) in (0..).zip(&mut counts) {
                let value = format!("{partition}:{count}");
                let record = Record::value(value.as_bytes()).partition(partition);
                let delivery = producer.send(&topic, record).await.unwrap();
                given.send((partition, *count, delivery)).await.unwrap();
                *count += 1;
            }
        }
    }
    drop(given);
    assert_eq!(acknowledged.await.unwrap(), counts.iter().sum::<u32>());
    assert!(producer.close(PATIENCE).await.is_clean());
    counts
}

/// That every partition holds the numbers from 0 on, each once and at its own offset.
fn assert_complete(read: &[ReadRecord], sent: &[u32]) {
    let mut next = vec![0_u32; sent.len()];
    for record in read {
        let expected = next.get_mut(usize::try_from(record.partition).unwrap()).unwrap();
        let value = format!("{}:{expected}", record.partition);
        let found = String::from_utf8_lossy(record.value.as_deref().unwrap());
        assert_eq!(found, value, "at offset {}", record.offset);
        assert_eq!(record.offset, i64::from(*expected), "{value}");
        *expected += 1;
    }
    assert_eq!(next, sent);
}

async fn in_sync(client: &Client, topic: &str) {
    let topic = client.topic(topic);
    until("all copies are in sync", async || {
        let _ = client.metadata().refresh(client.deadline()).await;
        let known = client.topic_metadata(&topic, client.deadline()).await.unwrap();
        known.partitions.iter().all(|partition| partition.isr.len() == 3)
    })
    .await;
}

const PARTITIONS: usize = 12;

/// Records for each partition every 10 ms.
const A_TICK: usize = 10;

/// Records without an outcome; with more the sender waits.
const IN_DOUBT: usize = 50_000;
