//! Records of every codec cross between ottla and the Java client, both ways, byte for byte.

use ottla::{
    Client, Compression, Producer,
    client::Lane,
    producer::TopicSettings,
    protocol::api::{FetchPartition, FetchRequest, FetchTopic},
};
use ottla_integration_tests::{
    Compression as JavaCompression, JavaRecord, Kafka, ReadRecord, sample_records, unique_name,
};

use crate::clients::{PATIENCE, client, read_all, send_all};

#[tokio::test]
async fn java_reads_what_ottla_wrote() {
    let kafka = Kafka::shared().await.unwrap();
    let topic = unique_name("to-java");
    kafka.create_topic(&topic, 5, &[]).await.unwrap();
    let client = client(kafka);
    let mut sent = Vec::new();
    for (partition, compression) in (0..).zip(Compression::ALL) {
        let producer = Producer::builder(&client).compression(compression).build().unwrap();
        let records = sample_records(partition);
        let written = send_all(&producer, &topic, &records).await.unwrap();
        for (offset, written) in (0..).zip(&written) {
            assert_eq!((written.partition, written.offset), (partition, Some(offset)));
            assert_eq!(written.timestamp, None, "the topic keeps the records' own");
        }
        assert!(producer.close(PATIENCE).await.is_clean());
        sent.extend(records);
    }
    assert_codecs(&client, &topic).await;
    assert_same(&kafka.java_consume(&topic).await.unwrap(), &sent);
    kafka.delete_topic(&topic).await.unwrap();
}

#[tokio::test]
async fn ottla_reads_what_java_wrote() {
    let kafka = Kafka::shared().await.unwrap();
    let topic = unique_name("from-java");
    kafka.create_topic(&topic, 5, &[]).await.unwrap();
    let mut ends = Vec::new();
    let mut sent = Vec::new();
    for (partition, compression) in (0..).zip(JavaCompression::ALL) {
        let records = sample_records(partition);
        kafka.java_produce(&topic, compression, &records).await.unwrap();
        ends.push(i64::try_from(records.len()).unwrap());
        sent.extend(records);
    }
    let client = client(kafka);
    assert_codecs(&client, &topic).await;
    assert_same(&read_all(&client, &topic, &ends).await, &sent);
    kafka.delete_topic(&topic).await.unwrap();
}

/// One producer, and another codec for each topic.
#[tokio::test]
async fn each_topic_has_its_own_codec() {
    let kafka = Kafka::shared().await.unwrap();
    let client = client(kafka);
    let topics = Compression::ALL.map(|compression| (unique_name(compression.name()), compression));
    let mut builder = Producer::builder(&client).compression(Compression::Gzip);
    for (topic, compression) in &topics {
        kafka.create_topic(topic, 1, &[]).await.unwrap();
        let settings = TopicSettings::new().compression(*compression);
        builder = builder.topic_settings(topic, settings);
    }
    let producer = builder.build().unwrap();
    let records = sample_records(0);
    for (topic, compression) in &topics {
        send_all(&producer, topic, &records).await.unwrap();
        let found = codecs(&client, topic, 0).await;
        assert!(found.iter().all(|id| *id == compression.id()), "{compression}: {found:?}");
        assert_same(&kafka.java_consume(topic).await.unwrap(), &records);
        kafka.delete_topic(topic).await.unwrap();
    }
    assert!(producer.close(PATIENCE).await.is_clean());
}

/// Both ordered by partition, and within one by offset.
fn assert_same(read: &[ReadRecord], sent: &[JavaRecord]) {
    assert_eq!(read.len(), sent.len());
    let mut next = [0; 5];
    for (read, sent) in read.iter().zip(sent) {
        let partition = sent.partition.unwrap();
        let offset = &mut next[usize::try_from(partition).unwrap()];
        assert_eq!((read.partition, read.offset), (partition, *offset));
        *offset += 1;
        assert_eq!(Some(read.timestamp), sent.timestamp, "{sent:?}");
        // Not `assert_eq`, which would print 200 kB.
        assert!(read.key == sent.key && read.value == sent.value, "{read:?}, not {sent:?}");
        assert_eq!(read.headers, sent.headers);
    }
}

/// That batches in partition `n` have the codec with id `n`: else these tests would say nothing.
async fn assert_codecs(client: &Client, topic: &str) {
    for partition in 0..5 {
        let found = codecs(client, topic, partition).await;
        assert!(found.iter().all(|id| i32::from(*id) == partition), "{partition}: {found:?}");
    }
}

/// The ids of the codecs that the batches of a partition have; there is one at least.
///
/// It looks at the bytes of the log alone, so that no code under test is believed.
async fn codecs(client: &Client, topic: &str, partition: i32) -> Vec<i16> {
    const ATTRIBUTES: usize = 21;
    let topic = client.topic(topic);
    let known = client.topic_metadata(&topic, client.deadline()).await.unwrap();
    let leader = known.partition(partition).unwrap().leader.unwrap();
    let wanted =
        FetchPartition { partition, partition_max_bytes: 1 << 20, ..FetchPartition::default() };
    let wanted =
        FetchTopic { topic: topic.name().to_owned(), topic_id: known.id, partitions: vec![wanted] };
    let request = FetchRequest {
        max_bytes: 1 << 20,
        isolation_level: 1,
        topics: vec![wanted],
        ..FetchRequest::default()
    };
    let response = client.request(leader, Lane::GENERAL, &request).await;
    let response = response.unwrap().responses.remove(0).partitions.remove(0);
    let mut log = &response.records.unwrap().into_bytes()[..];
    let mut codecs = Vec::new();
    while log.len() > ATTRIBUTES + 2 {
        let length = u32::from_be_bytes(log[8..12].try_into().unwrap());
        let attributes = i16::from_be_bytes(log[ATTRIBUTES..ATTRIBUTES + 2].try_into().unwrap());
        codecs.push(attributes & 0b111);
        log = log.get(12 + usize::try_from(length).unwrap()..).unwrap_or_default();
    }
    assert!(!codecs.is_empty());
    codecs
}
