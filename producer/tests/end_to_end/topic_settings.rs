//! What holds for one topic and not for the others.

use std::time::Duration;

use bytes::Bytes;
use ottla_producer::{Acks, ProducerBuilder, Record, TopicSettings};
use ottla_protocol::{ApiKey, compression::Compression};
use ottla_test_broker::TestCluster;

use crate::support::World;

const CODECS: [(&str, Compression); 4] = [
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

fn world() -> World {
    let cluster = TestCluster::builder().topic("in", 1);
    World::on(CODECS.iter().fold(cluster, |cluster, (name, _)| cluster.topic(name, 1)))
}

/// The codec that a batch in the log is compressed with.
fn codec(batch: &Bytes) -> Compression {
    let attributes = i16::from_be_bytes([batch[21], batch[22]]);
    Compression::from_attributes(attributes).unwrap()
}

async fn send(world: &World, builder: ProducerBuilder, topics: &[&str]) {
    let producer = builder.build().unwrap();
    let topics: Vec<_> = topics.iter().map(|name| world.client.topic(name)).collect();
    // Known first, so that the batches are not those of the staging.
    for topic in &topics {
        producer.send(topic, Record::value(b"first")).await.unwrap().await.unwrap();
    }
    for number in 0..2000u32 {
        for topic in &topics {
            let value = (number % 20).to_string().repeat(30);
            drop(producer.send(topic, Record::value(value.as_bytes())).await.unwrap());
        }
    }
    producer.flush().await.unwrap();
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_topic_has_its_own_codec() {
    let world = world();
    let builder = world.builder().compression(Compression::Lz4);
    let builder = builder.topic_settings("in", TopicSettings::new().compression(Compression::None));
    let builder = CODECS.iter().fold(builder, |builder, (name, codec)| {
        builder.topic_settings(*name, TopicSettings::new().compression(*codec))
    });
    send(&world, builder, &["in", "gzip", "snappy", "lz4", "zstd"]).await;
    for (name, expected) in CODECS.into_iter().chain([("in", Compression::None)]) {
        let batches = world.cluster.batches(name, 0);
        let large: Vec<_> = batches.iter().filter(|batch| batch.len() > 200).collect();
        assert!(!large.is_empty(), "{name}");
        assert!(large.iter().all(|batch| codec(batch) == expected), "{name}");
        assert_eq!(world.cluster.records(name, 0).len(), 2001, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_topic_has_its_own_level() {
    let size = async |level: Option<i32>| {
        let world = world();
        let settings = TopicSettings::new().compression(Compression::Gzip);
        let settings = level.map_or(settings.clone(), |level| settings.compression_level(level));
        send(&world, world.builder().topic_settings("gzip", settings), &["gzip"]).await;
        world.cluster.batches("gzip", 0).iter().map(Bytes::len).sum::<usize>()
    };
    let (none, fast, best) = (size(Some(0)).await, size(Some(1)).await, size(Some(9)).await);
    assert!(none > 2 * fast && fast > best, "{none}, {fast}, {best}");
}

#[tokio::test(start_paused = true)]
async fn each_topic_has_its_own_acks() {
    let world = world();
    let builder = world.builder().idempotence(false);
    let builder = builder.topic_settings("gzip", TopicSettings::new().acks(Acks::None));
    let builder = builder.topic_settings("lz4", TopicSettings::new().acks(Acks::Leader));
    let producer = builder.build().unwrap();
    let [all, none, leader] = ["in", "gzip", "lz4"].map(|name| world.client.topic(name));
    for topic in [&all, &none, &leader] {
        producer.send(topic, Record::value(b"first")).await.unwrap().await.unwrap();
    }
    let before = world.cluster.counters().requests(ApiKey::PRODUCE);
    let mut deliveries = Vec::new();
    for number in 0..3000u32 {
        for topic in [&all, &none, &leader] {
            let record = number.to_be_bytes();
            deliveries.push(producer.send(topic, Record::value(&record)).await.unwrap());
        }
    }
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let offset = i64::try_from(number / 3 + 1).unwrap();
        let expected = (number % 3 != 1).then_some(offset);
        assert_eq!(delivery.await.unwrap().offset, expected, "record {number}");
    }
    assert!(world.cluster.counters().requests(ApiKey::PRODUCE) >= before + 3);
    // What nobody answers for may still be on its way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for name in ["in", "gzip", "lz4"] {
        assert_eq!(world.cluster.log_end(name, 0), 3001, "{name}");
    }
}

#[tokio::test]
async fn what_a_topic_cannot_have_is_refused_by_topic_and_setting() {
    let world = world();
    let settings = TopicSettings::new().acks(Acks::Leader).compression_level(77);
    let settings = settings.compression(Compression::Zstd).buffer_memory(10).buffer_records(0);
    let builder = world.builder().topic_settings("in", settings.ttl(Duration::ZERO));
    let errors = builder.build().unwrap_err().to_string();
    for setting in ["acks", "compression_level", "ttl", "buffer_memory", "buffer_records"] {
        let name = format!("topic_settings(\"in\").{setting}: ");
        assert!(errors.contains(&name), "{setting} in {errors}");
    }
}
