//! What ottla's producer wrote is what others read.

use std::collections::HashMap;

use ottla::Producer;
use ottla_integration_tests::{JavaRecord, Kafka, unique_name};

use crate::clients::{PATIENCE, client, read_all, send_all};

/// Many small records without a partition: each key stays in its partition, in order, nothing is
/// lost or doubled, and every record is where its delivery said.
#[tokio::test]
async fn a_hundred_thousand_records_arrive_once_and_in_order() {
    let kafka = Kafka::shared().await.unwrap();
    let topic = unique_name("many");
    kafka.create_topic(&topic, 12, &[]).await.unwrap();
    let client = client(kafka);
    let producer = Producer::builder(&client).build().unwrap();
    let records: Vec<_> = (0..100_000_u32)
        .map(|n| JavaRecord {
            key: Some(format!("key-{}", n % 1000).into_bytes()),
            value: Some(format!("{n:<100}").into_bytes()),
            ..JavaRecord::default()
        })
        .collect();
    let written = send_all(&producer, &topic, &records).await.unwrap();
    assert!(producer.close(PATIENCE).await.is_clean());

    let mut ends = vec![0; 12];
    for place in &written {
        let end = ends.get_mut(usize::try_from(place.partition).unwrap()).unwrap();
        *end = place.offset.unwrap().max(*end - 1) + 1;
    }
    let ottla = read_all(&client, &topic, &ends).await;
    let java = kafka.java_consume(&topic).await.unwrap();
    assert_eq!(java.len(), records.len());
    assert!(ottla == java, "ottla reads something else than Java");
    let mut read: HashMap<_, _> = java.iter().map(|r| ((r.partition, r.offset), r)).collect();
    for (record, place) in records.iter().zip(&written) {
        let found = read.remove(&(place.partition, place.offset.unwrap())).unwrap();
        assert_eq!((&found.key, &found.value), (&record.key, &record.value));
    }
    assert!(read.is_empty());
    // Sending order is numerical order, so per key the offsets must grow with the numbers.
    let mut last = HashMap::new();
    for (record, place) in records.iter().zip(&written) {
        let before = last.insert(&record.key, (place.partition, place.offset.unwrap()));
        if let Some((partition, offset)) = before {
            assert_eq!(partition, place.partition, "{record:?}");
            assert!(offset < place.offset.unwrap(), "{record:?}");
        }
    }
}
