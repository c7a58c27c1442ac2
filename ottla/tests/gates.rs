//! What a record may cost, counted and not timed: a change that makes it dearer fails here.
//!
//! The broker runs on a thread of its own and is reached over TCP; what is counted are the
//! allocations of the client's thread, on which all of its tasks run.

#![expect(
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    reason = "a test, of counts far below any limit"
)]

use std::{sync::mpsc, thread, time::Duration};

use ottla::{
    Client, Consumer, Fetched, Producer, Record, Start, TopicPartition, producer::Overflow,
    protocol::ApiKey,
};
use ottla_test_broker::TestCluster;
use tokio::{runtime, sync::oneshot};

const RECORDS: u64 = 1_000_000;
const VALUE: [u8; 100] = [b'v'; 100];
const TOPIC: &str = "gates";
/// At most this many allocations for a record: one in twenty.
const ALLOCATIONS: f64 = 0.05;
/// The same for one that is dropped: they share batches, if only those of a moment.
const DROPPED: f64 = 0.1;
const BUFFER: usize = 4 << 20;
/// A buffer may be exceeded by its last chunk.
const CHUNK: usize = 64 << 10;
/// At most this many bytes received for each byte of the log that was asked for.
const BYTES: f64 = 1.05;

/// A broker on a thread of its own, until it is dropped.
struct Broker {
    cluster: TestCluster,
    addresses: Vec<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Broker {
    fn start(brokers: u16, partitions: i32) -> Self {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let cluster =
                    TestCluster::builder().brokers(brokers).topic(TOPIC, partitions).build();
                let addresses = cluster.listen().await.unwrap();
                ready.send((cluster, addresses)).unwrap();
                let _ = stopped.await;
            });
        });
        let (cluster, addresses) = started.recv().unwrap();
        Self { cluster, addresses, stop: Some(stop), thread: Some(thread) }
    }

    fn client(&self) -> Client {
        Client::builder().bootstrap(&self.addresses).build().unwrap()
    }

    /// The bytes of the topic's log.
    fn log_bytes(&self, partitions: i32) -> usize {
        let batches = (0..partitions).flat_map(|p| self.cluster.batches(TOPIC, p));
        batches.map(|batch| batch.len()).sum()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

async fn produce(client: &Client, partition: Option<i32>) {
    let topic = client.topic(TOPIC);
    let producer = Producer::builder(client).build().unwrap();
    let record = Record { partition, ..Record::value(&VALUE) };
    for _ in 0..RECORDS {
        drop(producer.send(&topic, record).await.unwrap());
    }
    producer.flush().await.unwrap();
    assert!(producer.close(Duration::from_secs(10)).await.is_clean());
}

#[test]
fn producing_a_million_records() {
    for partitions in [1, 12] {
        let broker = Broker::start(1, partitions);
        let counted = allocation_counter::measure(|| {
            run(async { produce(&broker.client(), None).await });
        });
        let written: i64 = (0..partitions).map(|p| broker.cluster.log_end(TOPIC, p)).sum();
        assert_eq!(written, RECORDS as i64);
        let each = counted.count_total as f64 / RECORDS as f64;
        let requests = broker.cluster.counters().requests(ApiKey::PRODUCE);
        println!("{partitions} partitions: {each:.4} allocations a record, {requests} requests");
        assert!(each <= ALLOCATIONS, "{each:.4} allocations a record");
    }
}

/// Under overload, with the broker gone: what is dropped costs next to nothing if nobody asks for it.
#[test]
fn dropping_a_million_records() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let broker = Broker::start(1, 1);
        let counted = allocation_counter::measure(|| {
            run(async {
                let client = broker.client();
                let topic = client.topic(TOPIC);
                let builder = Producer::builder(&client).overflow(overflow);
                let producer = builder.buffer_memory(BUFFER).build().unwrap();
                producer.send(&topic, Record::value(&VALUE)).await.unwrap().await.unwrap();
                drop(broker);
                for _ in 0..RECORDS {
                    drop(producer.send(&topic, Record::value(&VALUE)).await.unwrap());
                    assert!(producer.buffered() <= BUFFER + CHUNK);
                }
                // What is left when a producer closes is given back, which would be counted here.
                drop(producer);
            });
        });
        let each = counted.count_total as f64 / RECORDS as f64;
        println!("{overflow:?}: {each:.4} allocations a record, {} bytes", counted.bytes_max);
        assert!(each <= DROPPED, "{each:.4} allocations a record");
        assert!(counted.bytes_max <= 5 * BUFFER as u64, "{} bytes", counted.bytes_max);
    }
}

/// The records lie on the first broker; the second has a partition that stays empty, and must
/// neither cost bytes nor hold anything up.
#[test]
fn consuming_a_million_records_beside_an_idle_broker() {
    let broker = Broker::start(2, 2);
    let busy = (0..2).find(|p| broker.cluster.partition(TOPIC, *p).unwrap().leader == Some(1));
    run(async { produce(&broker.client(), busy.or(Some(0))).await });
    let received = || broker.cluster.counters().bytes_out(ApiKey::FETCH);
    let before = received();
    let counted = allocation_counter::measure(|| {
        run(async {
            let client = broker.client();
            let topic = client.topic(TOPIC);
            let all = (0..2).map(|p| (TopicPartition::new(topic.clone(), p), Start::Beginning));
            let mut consumer = Consumer::builder(&client).assign(all).build().unwrap();
            let (mut records, mut bytes) = (0u64, 0u64);
            while records < RECORDS {
                match consumer.poll(10_000).await.unwrap() {
                    Fetched::Records(batch) => {
                        for record in batch.iter() {
                            records += 1;
                            bytes += record.value().map_or(0, <[u8]>::len) as u64;
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((records, bytes), (RECORDS, RECORDS * VALUE.len() as u64));
            consumer.close(Duration::from_secs(10)).await.unwrap();
        });
    });
    let each = counted.count_total as f64 / RECORDS as f64;
    let wanted = broker.log_bytes(2);
    let times = (received() - before) as f64 / wanted as f64;
    println!("{each:.4} allocations a record, {times:.4} bytes received for each wanted");
    assert!(each <= ALLOCATIONS, "{each:.4} allocations a record");
    assert!(times <= BYTES, "{times:.4} bytes received for each wanted");
    assert!(times >= 1.0, "the counters do not count");
}
