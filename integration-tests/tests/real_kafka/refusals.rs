//! What Kafka refuses, or what is not there, is told in time and as what it is.

use std::time::{Duration, Instant};

use ottla::{
    Client, Compression, Outcome, Producer, Record, SendError, client::MetadataError,
    producer::Reason, protocol::ErrorCode,
};
use ottla_integration_tests::{JavaRecord, Kafka, unique_name};
use tokio::time::timeout;

use crate::clients::{PATIENCE, client, send_all};

#[tokio::test]
async fn a_topic_that_does_not_exist_is_told_in_time() {
    let kafka = Kafka::shared().await.unwrap();
    let client = client(kafka);
    let topic = client.topic(&unique_name("absent"));
    let limit = Duration::from_secs(3);
    let began = Instant::now();
    let unknown =
        client.topic_metadata(&topic, tokio::time::Instant::now() + limit).await.unwrap_err();
    let MetadataError::Unavailable { code, .. } = unknown else { panic!("{unknown:?}") };
    assert_eq!(code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert!(began.elapsed() < 2 * limit, "{:?}", began.elapsed());

    let producer = Producer::builder(&client).topic_timeout(limit).build().unwrap();
    let began = Instant::now();
    let delivery = producer.send(&topic, Record::value(b"v").key(b"k")).await.unwrap();
    let error = timeout(PATIENCE, delivery).await.unwrap().unwrap_err();
    assert!(began.elapsed() < 2 * limit, "{:?}", began.elapsed());
    assert_eq!(error.outcome(), Outcome::NotWritten);
    let SendError::NotWritten { reason: Reason::Topic { topic: named, .. }, record } = error else {
        panic!("{error:?}");
    };
    assert_eq!(named, topic.name());
    assert_eq!(
        (record.key.as_deref(), record.value.as_deref()),
        (Some(&b"k"[..]), Some(&b"v"[..]))
    );
    assert!(!kafka.topic_names().await.unwrap().contains(&named), "nobody asked for it");

    // The producer goes on, and so does one that waits for a topic while it is created.
    let late = client.topic(&unique_name("late"));
    let producer = Producer::builder(&client).build().unwrap();
    let delivery = producer.send(&late, Record::value(b"v")).await.unwrap();
    kafka.create_topic(late.name(), 1, &[]).await.unwrap();
    let written = timeout(PATIENCE, delivery).await.unwrap().unwrap();
    assert_eq!(written.offset, Some(0));
    kafka.delete_topic(late.name()).await.unwrap();
}

/// Kafka refuses the whole batch that a record makes too large. It is split until that record is
/// alone (KIP-126): all others are written, and the other partition does not notice.
#[tokio::test]
async fn a_record_that_is_too_large_for_its_topic_is_refused_alone() {
    let kafka = Kafka::shared().await.unwrap();
    let topic = unique_name("small");
    kafka.create_topic(&topic, 2, &["max.message.bytes=10000"]).await.unwrap();
    let client = client(kafka);
    let producer = Producer::builder(&client).build().unwrap();
    let to = client.topic(&topic);
    let large = vec![b'x'; 20_000];
    let mut told = [Vec::new(), Vec::new()];
    for round in 0..5_u32 {
        let mut deliveries = Vec::new();
        for n in round * 100..(round + 1) * 100 {
            let (value, partition) = (n.to_string(), usize::from(n % 2 == 1));
            let value = if n % 100 == 50 { &large } else { value.as_bytes() };
            let record = Record::value(value).partition(i32::from(n % 2 == 1));
            deliveries.push((n, partition, producer.send(&to, record).await.unwrap()));
        }
        let mut refused = Vec::new();
        for (n, partition, delivery) in deliveries {
            match timeout(PATIENCE, delivery).await.unwrap() {
                Ok(_) => told[partition].push(n),
                Err(error) => refused.push((n, partition, error)),
            }
        }
        let found = refused.iter().find(|(n, ..)| n % 100 == 50);
        assert_eq!(found.unwrap().2.clone().into_record().value.as_deref(), Some(&large[..]));
        assert_eq!(refused.len(), 1, "{refused:?}");
        for (n, partition, error) in refused {
            assert_eq!(partition, 0, "{n}: {error}");
            assert_eq!(error.outcome(), Outcome::NotWritten);
            let SendError::NotWritten { reason: Reason::Broker { code, .. }, .. } = error else {
                panic!("{n}: {error:?}");
            };
            assert_eq!(code, ErrorCode::MESSAGE_TOO_LARGE);
        }
        // The partition goes on.
        let after = producer.send(&to, Record::value(b"1000000").partition(0)).await.unwrap();
        timeout(PATIENCE, after).await.unwrap().unwrap();
        told[0].push(1_000_000);
    }
    assert_eq!(told[1], (0..500).filter(|n| n % 2 == 1).collect::<Vec<_>>());
    let read = kafka.java_consume(&topic).await.unwrap();
    for (partition, told) in (0..).zip(told) {
        let read = read.iter().filter(|record| record.partition == partition);
        let read: Vec<u32> = read
            .map(|record| std::str::from_utf8(record.value.as_ref().unwrap()).unwrap())
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(read, told);
    }
    kafka.delete_topic(&topic).await.unwrap();
}

/// KIP-126: every batch is too large at first, compressed or not, and five are on their way when
/// the first is refused.
#[tokio::test]
async fn batches_that_are_too_large_for_their_topic_are_written_in_pieces() {
    let kafka = Kafka::shared().await.unwrap();
    let client = client(kafka);
    for compression in [Compression::None, Compression::Lz4] {
        let topic = unique_name("pieces");
        kafka.create_topic(&topic, 1, &["max.message.bytes=10000"]).await.unwrap();
        let builder = Producer::builder(&client).compression(compression);
        let producer = builder.max_batch_size(200_000).build().unwrap();
        let records: Vec<_> = (0..20_000_u32)
            .map(|n| JavaRecord {
                value: Some(n.wrapping_mul(2_654_435_761).to_string().repeat(9).into_bytes()),
                partition: Some(0),
                ..JavaRecord::default()
            })
            .collect();
        let written = send_all(&producer, &topic, &records).await.unwrap();
        assert!(producer.close(PATIENCE).await.is_clean());
        for (offset, written) in (0..).zip(&written) {
            assert_eq!(written.offset, Some(offset));
        }
        let read = kafka.java_consume(&topic).await.unwrap();
        assert_eq!(read.len(), records.len());
        let same = read.iter().zip(&records).all(|(read, sent)| read.value == sent.value);
        assert!(same, "{compression}: not in order");
        kafka.delete_topic(&topic).await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_told_in_time() {
    // Bound and closed again: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::builder().bootstrap([format!("127.0.0.1:{port}")]).build().unwrap();
    let topic = client.topic("any");
    let began = Instant::now();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
    let error = client.topic_metadata(&topic, deadline).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(error.to_string().contains(&port.to_string()), "{error}");

    let producer = Producer::builder(&client)
        .topic_timeout(Duration::from_secs(2))
        .request_timeout(Duration::from_secs(1))
        .delivery_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let delivery = producer.send(&topic, Record::value(b"v")).await.unwrap();
    let error = timeout(Duration::from_secs(10), delivery).await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotWritten);
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}
