//! A whole producer on the test broker, in memory, on paused time.

use std::time::Duration;

use ottla_client::{Client, connector};
use ottla_producer::{Producer, Record};
use ottla_test_broker::TestCluster;

fn client(cluster: &TestCluster) -> Client {
    let brokers = cluster.clone();
    Client::builder()
        .bootstrap(cluster.bootstrap())
        .connector(connector::from_fn(move |host: String, port: u16| {
            let brokers = brokers.clone();
            async move { brokers.connect(&host, port) }
        }))
        .seed(7)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn writes_and_tells_offsets() {
    let cluster = TestCluster::builder().brokers(1).topic("in", 1).build();
    let client = client(&cluster);
    let producer = Producer::builder(&client).build().unwrap();
    let topic = client.topic("in");
    let mut deliveries = Vec::new();
    for n in 0..10u8 {
        deliveries.push(producer.send(&topic, Record::value(&[n])).await.unwrap());
    }
    for (n, delivery) in (0..).zip(deliveries) {
        assert_eq!(delivery.await.unwrap().offset, Some(n));
    }
    assert!(producer.close(Duration::from_secs(1)).await.is_clean());
    let values: Vec<_> =
        cluster.records("in", 0).into_iter().map(|r| r.value.unwrap()[0]).collect();
    assert_eq!(values, (0..10).collect::<Vec<u8>>());
}
