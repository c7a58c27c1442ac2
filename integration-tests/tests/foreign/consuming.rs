//! What the foreign client wrote, and how it reads it itself, is what ottla's consumer reads, through
//! errors and leaders that move.

use ottla::{Consumer, Fetched, Start, TopicPartition};
use tokio::time::timeout;

use crate::broker::{Broker, DISCONNECT, FETCH, Found, Kind, LIST_OFFSETS, METADATA, PATIENCE};

#[tokio::test]
async fn the_mock_cluster_is_read_as_librdkafka_reads_it() {
    let mut broker = Broker::mock_cluster().await;
    broker.order("rtt 5").await;
    compare(&mut broker).await;
}

#[tokio::test]
async fn kfake_is_read_as_franz_go_reads_it() {
    for version in ["newest", "3.5", "2.8", "1.0", "0.11.0"] {
        compare(&mut Broker::kfake(version).await).await;
    }
}

async fn compare(broker: &mut Broker) {
    broker.order(format!("topic read {PARTITIONS}")).await;
    let mut written = 0;
    // Codecs that every version has.
    for codec in ["none", "gzip", "snappy", "lz4"] {
        broker.order(format!("write read {PARTITIONS} {written} 900 {codec}")).await;
        written += 900;
    }
    let theirs = broker.read("read", PARTITIONS).await;
    let lost = if broker.kind == Kind::Kfake { "lose" } else { "fail" };
    let cut = |api: i16| {
        if lost == "lose" { format!("lose {api} 2") } else { format!("fail {api} {DISCONNECT} 1") }
    };
    broker.order(format!("fail {LIST_OFFSETS} 6 1")).await;
    broker.order(cut(LIST_OFFSETS)).await;
    broker.order(cut(METADATA)).await;

    let client = broker.client();
    let topic = client.topic("read");
    let starts = (0..PARTITIONS)
        .map(|partition| (TopicPartition::new(topic.clone(), partition), Start::Beginning));
    let mut consumer = Consumer::builder(&client).assign(starts).build().unwrap();
    let mut ours: Vec<Vec<Found>> = vec![Vec::new(); theirs.len()];
    let mut batches = 0;
    while ours.iter().map(Vec::len).sum::<usize>() < written {
        let fetched = timeout(PATIENCE, consumer.poll(100)).await;
        let read = || ours.iter().map(Vec::len).collect::<Vec<_>>();
        let fetched = fetched.unwrap_or_else(|_| panic!("nothing comes; read are {:?}", read()));
        let Fetched::Records(batch) = fetched.unwrap() else { panic!("a partition failed") };
        let part = &mut ours[usize::try_from(batch.partition().partition).unwrap()];
        part.extend(batch.iter().map(|record| Found {
            offset: record.offset(),
            key: record.key().map(<[u8]>::to_vec),
            value: record.value().map(<[u8]>::to_vec),
        }));
        batches += 1;
        if batches % 3 == 0 {
            let partition = batches % PARTITIONS;
            let first = i32::from(broker.kind == Kind::MockCluster);
            broker.order(format!("move read {partition} {}", batches / 3 % 3 + first)).await;
            broker.order(format!("fail {FETCH} 6 1")).await;
            broker.order(cut(FETCH)).await;
        }
    }
    assert_eq!(ours, theirs);
    timeout(PATIENCE, consumer.close(PATIENCE)).await.unwrap().unwrap();
    client.close(PATIENCE).await;
}

const PARTITIONS: i32 = 6;
