//! A cluster in memory with numbered records in it, and processors on paused time.
#![allow(dead_code, reason = "every test file takes what it needs of this")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what goes wrong here is a failed test"
)]

use std::collections::HashMap;
use std::time::Duration;

use ottla_client::{Client, connector};
use ottla_consumer_group::{Message, OffsetReset};
use ottla_processor::{
    Attempt, BoxError, Emit, Processor, ProcessorBuilder, ProcessorError, ProcessorHandle, Report,
};
use ottla_protocol::records::{
    BatchBuilder, BatchKind, ChunkPool, RecordParts, SealedBatch, Sequence,
};
use ottla_test_broker::{StoredRecord, TestCluster, TestClusterBuilder};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(crate) const GROUP: &str = "job-group";

pub(crate) struct World {
    pub(crate) cluster: TestCluster,
    pub(crate) client: Client,
}

pub(crate) struct Running {
    pub(crate) handle: ProcessorHandle,
    pub(crate) task: JoinHandle<Result<Report, ProcessorError>>,
}

impl Running {
    pub(crate) async fn shutdown(self) -> Result<Report, ProcessorError> {
        self.handle.shutdown();
        self.task.await.unwrap()
    }
}

impl World {
    pub(crate) fn new(describe: impl FnOnce(TestClusterBuilder) -> TestClusterBuilder) -> Self {
        let cluster = describe(TestCluster::builder().seed(7)).build();
        let client = client(&cluster);
        Self { cluster, client }
    }

    /// Appends records `numbers` to topic `in`: record n has key `k{n % keys}`, value n, and lies
    /// in the partition of its key.
    pub(crate) fn fill(&self, numbers: std::ops::Range<usize>, keys: usize) {
        let partitions = usize::try_from(self.cluster.partitions("in")).unwrap();
        let pool = ChunkPool::new(0);
        for partition in 0..partitions {
            let mine = numbers.clone().filter(|number| number % keys % partitions == partition);
            for chunk in mine.collect::<Vec<_>>().chunks(20) {
                let mut batch = BatchBuilder::new();
                for number in chunk {
                    let (key, value) = (format!("k{}", number % keys), number.to_string());
                    let record = RecordParts {
                        key: Some(key.as_bytes()),
                        value: Some(value.as_bytes()),
                        headers: &[],
                    };
                    batch.append(1_000, &record, &pool).unwrap();
                }
                let nobody = Sequence { producer_id: -1, producer_epoch: -1, base_sequence: -1 };
                let batch = SealedBatch::from(batch.seal());
                let batch = batch.freeze(nobody, BatchKind::Plain).into_bytes();
                let partition = i32::try_from(partition).unwrap();
                self.cluster.append("in", partition, &batch).unwrap();
            }
        }
    }

    /// A processor from `in` to `out`, reading from the beginning.
    pub(crate) fn job(&self, instance: &str) -> ProcessorBuilder {
        Processor::builder(&client(&self.cluster))
            .name("job")
            .instance(instance)
            .input(["in"])
            .output("out")
            .consumer(|consumer| consumer.offset_reset(OffsetReset::Earliest))
    }

    pub(crate) fn start(&self, processor: Processor) -> Running {
        Running { handle: processor.handle(), task: tokio::spawn(processor.run()) }
    }

    /// All records of a topic, partition by partition.
    pub(crate) fn records(&self, topic: &str) -> Vec<StoredRecord> {
        let partitions = 0..self.cluster.partitions(topic);
        partitions.flat_map(|partition| self.cluster.records(topic, partition)).collect()
    }

    pub(crate) fn count(&self, topic: &str) -> i64 {
        (0..self.cluster.partitions(topic)).map(|p| self.cluster.log_end(topic, p)).sum()
    }

    /// Each number in the output with how often it is there.
    pub(crate) fn numbers(&self) -> HashMap<usize, usize> {
        let mut numbers = HashMap::new();
        for record in self.records("out") {
            *numbers.entry(number(&record)).or_default() += 1;
        }
        numbers
    }

    pub(crate) fn assert_complete(&self, records: usize) {
        let numbers = self.numbers();
        let lost: Vec<_> = (0..records).filter(|number| !numbers.contains_key(number)).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }

    pub(crate) fn assert_exactly(&self, records: usize) {
        self.assert_complete(records);
        let repeated: Vec<_> = self.numbers().into_iter().filter(|(_, times)| *times > 1).collect();
        assert!(repeated.is_empty(), "repeated: {repeated:?}");
        self.assert_order();
    }

    /// In the output, the numbers of each key rise.
    pub(crate) fn assert_order(&self) {
        let mut last: HashMap<String, usize> = HashMap::new();
        for record in self.records("out") {
            let key = String::from_utf8(record.key.clone().unwrap().to_vec()).unwrap();
            let before = last.insert(key.clone(), number(&record));
            assert!(before < Some(number(&record)), "{key}: {} after {before:?}", number(&record));
        }
    }

    /// The last output of each key is that of its last input.
    pub(crate) fn assert_last(&self, records: usize, keys: usize) {
        let mut last: HashMap<String, usize> = HashMap::new();
        for record in self.records("out") {
            let key = String::from_utf8(record.key.clone().unwrap().to_vec()).unwrap();
            last.insert(key, number(&record));
        }
        for key in 0..keys {
            let newest = (0..records).rev().find(|number| number % keys == key).unwrap();
            assert_eq!(last[&format!("k{key}")], newest);
        }
    }

    pub(crate) fn assert_committed(&self) {
        for partition in 0..self.cluster.partitions("in") {
            let end = self.cluster.log_end("in", partition);
            let committed = self.cluster.committed(GROUP, "in", partition);
            assert_eq!(committed.unwrap_or(0), end, "partition {partition}");
        }
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(600), "never: {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn until_complete(&self, records: usize) {
        self.until("all outputs", |world| {
            world.count("out") >= i64::try_from(records).unwrap()
                && world.numbers().len() >= records
        })
        .await;
    }
}

pub(crate) fn number(record: &StoredRecord) -> usize {
    text(record.value.as_ref().unwrap()).parse().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What the example does: 5 ms of something, and the value goes on.
pub(crate) async fn enrich(message: Message, _: Attempt) -> Result<Emit, BoxError> {
    sleep(Duration::from_millis(5)).await;
    Ok(Emit::value(message.value_bytes().unwrap_or_default()).with_input_key())
}

pub(crate) fn value(message: &Message) -> usize {
    text(message.value().unwrap()).parse().unwrap()
}

/// A client of its own for a cluster.
pub(crate) fn client(cluster: &TestCluster) -> Client {
    let pipes = cluster.clone();
    Client::builder()
        .bootstrap(cluster.bootstrap())
        .connector(connector::from_fn(move |host: String, port| {
            let pipes = pipes.clone();
            async move { pipes.connect(&host, port) }
        }))
        .seed(11)
        .build()
        .unwrap()
}
