//! A cluster in memory with records in it, and consumers on paused time.
#![allow(dead_code, reason = "every test file takes what it needs of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here is a failed test")]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ottla_client::{Client, TopicPartition, connector};
use ottla_consumer_group::{Consumer, ConsumerBuilder, Fetched, OffsetReset, RecordBatch, Start};
use ottla_protocol::compression::{Codecs, Compression};
use ottla_protocol::records::{
    BatchBuilder, BatchKind, ChunkPool, RecordParts, SealedBatch, Sequence,
};
use ottla_test_broker::{TestCluster, TestClusterBuilder};
use tokio::time::timeout;

/// Longer than anything here may take, in paused time.
pub(crate) const LONG: Duration = Duration::from_secs(600);

const NOBODY: Sequence = Sequence { producer_id: -1, producer_epoch: -1, base_sequence: -1 };

/// Whether something was found that nobody had been told of.
static LOST_WAKE_UP: AtomicBool = AtomicBool::new(false);

/// Prints what is logged, if the test fails, and notes what may not be logged.
struct Log;

impl Write for Log {
    #[expect(clippy::print_stdout, reason = "what a test prints is shown if it fails")]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if line.contains("lost wake-up") {
            LOST_WAKE_UP.store(true, Ordering::Relaxed);
        }
        print!("{line}");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let lost = LOST_WAKE_UP.load(Ordering::Relaxed);
        assert!(!lost || std::thread::panicking(), "a wake-up was lost, here or in another test");
    }
}

pub(crate) struct World {
    pub(crate) cluster: TestCluster,
    pub(crate) client: Client,
}

impl World {
    pub(crate) fn new(describe: impl FnOnce(TestClusterBuilder) -> TestClusterBuilder) -> Self {
        // For `RUST_LOG`, where a test fails.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(|| Log)
            .without_time()
            .try_init();
        let cluster = describe(TestCluster::builder().seed(7)).build();
        let client = client(&cluster);
        Self { cluster, client }
    }

    pub(crate) fn at(&self, topic: &str, partition: i32) -> TopicPartition {
        TopicPartition::new(self.client.topic(topic), partition)
    }

    /// Appends batches of ten records, so that the partition ends at `end`.
    pub(crate) fn fill(&self, topic: &str, partition: i32, end: i64) {
        let mut next = self.cluster.log_end(topic, partition);
        while next < end {
            let until = end.min(next + 10);
            let batch = batch(partition, next..until, Compression::None);
            self.cluster.append(topic, partition, &batch).unwrap();
            next = until;
        }
    }

    /// A reader of these partitions, from their beginning.
    pub(crate) fn reader(&self, partitions: &[TopicPartition]) -> ConsumerBuilder {
        let start = |at: &TopicPartition| (at.clone(), Start::Beginning);
        Consumer::builder(&self.client).assign(partitions.iter().map(start))
    }

    /// A member of group `g`, reading from the beginning.
    pub(crate) fn member(&self, topics: &[&str]) -> ConsumerBuilder {
        Consumer::builder(&self.client)
            .group("g")
            .topics(topics.iter().copied())
            .offset_reset(OffsetReset::Earliest)
    }
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

pub(crate) fn value(partition: i32, offset: i64) -> String {
    format!("{partition}@{offset}")
}

pub(crate) fn batch(
    partition: i32,
    offsets: std::ops::Range<i64>,
    compression: Compression,
) -> Bytes {
    let pool = ChunkPool::new(0);
    let mut batch = BatchBuilder::new();
    for offset in offsets {
        let value = value(partition, offset);
        let key = offset.to_string();
        let record =
            RecordParts { key: Some(key.as_bytes()), value: Some(value.as_bytes()), headers: &[] };
        batch.append(1_000 + offset, &record, &pool).unwrap();
    }
    let raw = batch.seal();
    let sealed = match compression {
        Compression::None => SealedBatch::from(raw),
        compression => {
            let codecs = Codecs::default();
            let codec = codecs.get(compression).unwrap();
            SealedBatch::compress(raw, codec, None).ok().unwrap()
        }
    };
    sealed.freeze(NOBODY, BatchKind::Plain).into_bytes()
}

/// What was read: offsets by partition, in the order in which they came.
#[derive(Default, Debug)]
pub(crate) struct Seen(pub(crate) BTreeMap<(String, i32), Vec<i64>>);

impl Seen {
    /// Takes a batch in, checking what can be checked without context.
    pub(crate) fn take(&mut self, batch: &RecordBatch) {
        let at = batch.partition().clone();
        let offsets = self.0.entry((at.topic.name().to_owned(), at.partition)).or_default();
        let before = offsets.len();
        for record in batch {
            assert_eq!(record.value().unwrap(), value(at.partition, record.offset()).as_bytes());
            assert_eq!(record.key().unwrap(), record.offset().to_string().as_bytes());
            assert_eq!(record.timestamp(), 1_000 + record.offset());
            offsets.push(record.offset());
        }
        assert_eq!(offsets.len() - before, batch.len());
        assert!(batch.next_offset() > *offsets.last().unwrap());
    }

    pub(crate) fn of(&self, topic: &str, partition: i32) -> &[i64] {
        self.0.get(&(topic.to_owned(), partition)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn total(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// Polls records, which must come.
pub(crate) async fn records(consumer: &mut Consumer, max: usize) -> RecordBatch {
    match timeout(LONG, consumer.poll(max)).await.unwrap().unwrap() {
        Fetched::Records(batch) => batch,
        other => panic!("{other:?}"),
    }
}

/// Polls until so many records were seen.
pub(crate) async fn read(consumer: &mut Consumer, seen: &mut Seen, total: usize) {
    while seen.total() < total {
        seen.take(&records(consumer, 1000).await);
    }
    assert_eq!(seen.total(), total);
}

/// Nothing comes for a long time.
pub(crate) async fn nothing(consumer: &mut Consumer) {
    let polled = timeout(Duration::from_secs(20), consumer.poll(1)).await;
    assert!(polled.is_err(), "{polled:?}");
}

pub(crate) fn all(end: i64) -> Vec<i64> {
    (0..end).collect()
}
