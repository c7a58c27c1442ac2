//! What the Java tools say agrees with itself: the ground on which tests of ottla stand.

use ottla_integration_tests::{
    Compression, JavaRecord, Kafka, Settings, Version, sample_records, unique_name,
};

#[tokio::test]
async fn java_reads_what_java_wrote() {
    let kafka = Kafka::shared().await.unwrap();
    let topic = unique_name("java");
    kafka.create_topic(&topic, 5, &[]).await.unwrap();
    for (partition, compression) in (0..).zip(Compression::ALL) {
        let records = sample_records(partition);
        let written = kafka.java_produce(&topic, compression, &records).await.unwrap();
        assert_eq!(written.len(), records.len());
        for ((offset, record), place) in (0..).zip(&records).zip(&written) {
            assert_eq!((place.partition, place.offset), (partition, offset));
            assert_eq!(Some(place.timestamp), record.timestamp);
            assert_eq!((&place.key, &place.value), (&record.key, &record.value));
            assert_eq!(place.headers, record.headers);
        }
    }
    let read = kafka.java_consume(&topic).await.unwrap();
    let records: Vec<_> = (0..5).flat_map(sample_records).collect();
    assert_eq!(read.len(), records.len());
    for (record, read) in records.iter().zip(&read) {
        assert_eq!(Some(read.partition), record.partition);
        assert_eq!(Some(read.timestamp), record.timestamp);
        assert_eq!((&read.key, &read.value), (&record.key, &record.value));
        assert_eq!(read.headers, record.headers);
    }
    kafka.delete_topic(&topic).await.unwrap();
}

#[tokio::test]
async fn a_topic_without_records_is_empty_and_one_without_existence_an_error() {
    let kafka = Kafka::shared().await.unwrap();
    let topic = unique_name("java-empty");
    kafka.create_topic(&topic, 2, &[]).await.unwrap();
    assert_eq!(kafka.java_consume(&topic).await.unwrap(), []);
    assert!(kafka.java_consume(&unique_name("java-absent")).await.is_err());
    kafka.delete_topic(&topic).await.unwrap();
}

#[tokio::test]
async fn the_console_tools_see_records_and_offsets() {
    let kafka = Kafka::shared().await.unwrap();
    let (topic, group) = (unique_name("console"), unique_name("console-group"));
    kafka.create_topic(&topic, 2, &[]).await.unwrap();
    let record = |partition: i32, key: &str, value: &str| JavaRecord {
        partition: Some(partition),
        key: Some(key.into()),
        value: Some(value.into()),
        ..JavaRecord::default()
    };
    let records = [record(0, "a", "1"), record(1, "b", "2"), record(0, "c", "3 three")];
    kafka.java_produce(&topic, Compression::Lz4, &records).await.unwrap();

    let mut seen = kafka.console_consume_as(&group, &topic, 3).await.unwrap();
    seen.sort_by_key(|record| (record.partition, record.offset));
    let seen: Vec<_> =
        seen.iter().map(|r| (r.partition, r.offset, r.key.as_str(), r.value.as_str())).collect();
    assert_eq!(seen, [(0, 0, "a", "1"), (0, 1, "c", "3 three"), (1, 0, "b", "2")]);

    kafka.java_produce(&topic, Compression::None, &[record(1, "d", "4")]).await.unwrap();
    let offsets = kafka.group_offsets(&group).await.unwrap();
    let offsets: Vec<_> =
        offsets.iter().map(|o| (o.partition, o.committed, o.log_end, o.lag)).collect();
    assert_eq!(offsets, [(0, Some(2), Some(2), Some(0)), (1, Some(1), Some(2), Some(1))]);
    kafka.delete_group(&group).await.unwrap();
    assert!(kafka.group_offsets(&group).await.is_err(), "the group is gone");
    kafka.delete_topic(&topic).await.unwrap();
}

/// Retention goes by the timestamps of records: the sample's are years old, so that by default Kafka
/// deletes it at its first look, half a minute after the node started.
#[tokio::test]
async fn records_dated_to_the_past_are_kept() {
    let often = [("log.initial.task.delay.ms", "500"), ("log.retention.check.interval.ms", "500")];
    let properties = often.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let version = Version::wanted().unwrap();
    let kafka =
        Kafka::start_with(Settings { properties, version, nodes: 1, ..Settings::default() })
            .await
            .unwrap();
    let (kept, forgotten) = (unique_name("kept"), unique_name("forgotten"));
    kafka.create_topic(&kept, 1, &[]).await.unwrap();
    kafka.create_topic(&forgotten, 1, &["retention.ms=604800000"]).await.unwrap();
    let records = sample_records(0);
    kafka.java_produce(&kept, Compression::None, &records).await.unwrap();
    kafka.java_produce(&forgotten, Compression::None, &records).await.unwrap();
    // Once the one is gone, retention has looked at the other.
    while !kafka.java_consume(&forgotten).await.unwrap().is_empty() {}
    assert_eq!(kafka.java_consume(&kept).await.unwrap().len(), records.len());
}
