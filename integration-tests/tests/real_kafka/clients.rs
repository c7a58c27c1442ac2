//! ottla's clients against a Kafka of these tests, and what they read in the words of the launcher.

use std::{collections::HashMap, time::Duration};

use futures_util::future::try_join_all;
use ottla::{
    Client, Consumer, Delivery, Fetched, Header, Producer, Record, SendError, Start,
    TopicPartition, Written, consumer_group::ConsumedRecord,
};
use ottla_integration_tests::{JavaRecord, Kafka, ReadRecord};
use tokio::time::{sleep, timeout};

pub(crate) fn client(kafka: &Kafka) -> Client {
    // Only the first test of the process installs it.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    Client::builder()
        .bootstrap(kafka.bootstrap().split(','))
        .client_id("ottla-test")
        .build()
        .unwrap()
}

/// Sends all, one after the other, and waits for all outcomes, in the same order.
pub(crate) async fn send_all(
    producer: &Producer,
    topic: &str,
    records: &[JavaRecord],
) -> Result<Vec<Written>, SendError> {
    let mut deliveries = Vec::with_capacity(records.len());
    for record in records {
        deliveries.push(send(producer, topic, record).await);
    }
    timeout(PATIENCE, try_join_all(deliveries)).await.expect("outcomes take too long")
}

/// Sends a record as the launcher describes them.
pub(crate) async fn send(producer: &Producer, topic: &str, record: &JavaRecord) -> Delivery {
    let mut headers = Vec::new();
    for (key, value) in &record.headers {
        headers.push(Header { key, value: value.as_deref() });
    }
    let described = Record {
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: &headers,
        partition: record.partition,
        timestamp: record.timestamp,
        ttl: None,
    };
    producer.send(&producer.client().topic(topic), described).await.unwrap()
}

/// Reads partitions 0 to `partitions` of a topic from their beginnings to their ends with a
/// consumer without a group; ordered by partition, and within one as they came.
pub(crate) async fn read_all(client: &Client, topic: &str, ends: &[i64]) -> Vec<ReadRecord> {
    let topic = client.topic(topic);
    let mut missing = HashMap::new();
    for (partition, end) in (0..).zip(ends).filter(|(_, end)| **end > 0) {
        missing.insert(TopicPartition::new(topic.clone(), partition), *end);
    }
    let starts = missing.keys().map(|at| (at.clone(), Start::Beginning));
    let mut consumer = Consumer::builder(client).assign(starts).build().unwrap();
    let mut read = Vec::new();
    while !missing.is_empty() {
        let fetched = timeout(PATIENCE, consumer.poll(1000)).await;
        let fetched = fetched.unwrap_or_else(|_| panic!("nothing comes; missing: {missing:?}"));
        let batch = match fetched.unwrap() {
            Fetched::Records(batch) => batch,
            failed => panic!("{failed:?}"),
        };
        let at = batch.partition();
        read.extend(batch.iter().map(|record| described(at.partition, &record)));
        if missing.get(at).is_some_and(|end| batch.next_offset() >= *end) {
            missing.remove(at);
        }
    }
    consumer.close(PATIENCE).await.unwrap();
    read.sort_by_key(|record: &ReadRecord| record.partition);
    read
}

pub(crate) fn described(partition: i32, record: &ConsumedRecord<'_>) -> ReadRecord {
    let header = |header: Header<'_>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
    ReadRecord {
        partition,
        offset: record.offset(),
        timestamp: record.timestamp(),
        key: record.key().map(<[u8]>::to_vec),
        value: record.value().map(<[u8]>::to_vec),
        headers: record.headers().map(|read| header(read.unwrap())).collect(),
    }
}

/// Asks again and again until it is so.
pub(crate) async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let asking = async {
        while !so().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("it never came to be that {what}"));
}

/// How long anything may take; a small machine runs several tests at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
