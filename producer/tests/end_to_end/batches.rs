//! How large batches become: in records, in bytes, before and after compression.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ottla_producer::{Delivery, Producer, Record};
use ottla_protocol::ApiKey;
use ottla_protocol::compression::{
    Codec, Codecs, CompressError, Compression, DecompressError, Lz4,
};

use crate::support::{World, offsets, timed};

/// How many records each batch in the log has.
fn counts(world: &World) -> Vec<u32> {
    let count = |batch: &bytes::Bytes| u32::from_be_bytes(*batch[57..].first_chunk().unwrap());
    world.cluster.batches("in", 0).iter().map(count).collect()
}

fn sizes(world: &World, partition: i32) -> Vec<usize> {
    world.cluster.batches("in", partition).iter().map(bytes::Bytes::len).collect()
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_so_many_records_and_is_sent_at_once_with_the_last() {
    let world = World::new(1, 1);
    let hour = Duration::from_secs(3600);
    let builder = world.builder().batch_records(7).linger(hour).delivery_timeout(hour * 2);
    let producer = builder.build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    // The wire is busy: nothing but a full batch is sent now.
    let second = Duration::from_secs(1);
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, second).times(1).arm();
    let hold = world.send(&producer, 0, 1..2).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let (_, took) = timed(async {
        let deliveries = world.send(&producer, 0, 2..72).await;
        while world.cluster.log_end("in", 0) < 72 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        offsets(deliveries).await
    })
    .await;
    assert!(took < 2 * second, "{took:?}");
    offsets(hold).await;
    assert_eq!(counts(&world), [&[1, 1][..], &[7; 10]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_one_record_each_keeps_order_and_deliveries() {
    let world = World::new(1, 2);
    let producer = world.builder().batch_records(1).build().unwrap();
    // The first ones wait for their topic to become known.
    assert_eq!(offsets(world.send(&producer, 0, 0..200).await).await, (0..200).collect::<Vec<_>>());
    assert!(counts(&world).iter().all(|&count| count == 1));
    assert_eq!(producer.buffered(), 0);
}

/// Text like a log's: it compresses to about a quarter.
fn text(random: &mut fastrand::Rng, out: &mut Vec<u8>) {
    const WORDS: [&str; 8] =
        ["request", "accepted", "from", "client", "with", "status", "took", "milliseconds"];
    out.clear();
    while out.len() < 400 {
        out.extend_from_slice(WORDS[random.usize(..WORDS.len())].as_bytes());
        out.extend_from_slice(random.u16(..).to_string().as_bytes());
    }
}

async fn send(
    world: &World,
    producer: &Producer,
    records: u32,
    fill: impl Fn(&mut fastrand::Rng, &mut Vec<u8>),
) -> Vec<Delivery> {
    let (mut random, mut value) = (fastrand::Rng::with_seed(3), Vec::new());
    let mut deliveries = Vec::new();
    for number in 0..records {
        fill(&mut random, &mut value);
        let mut whole = number.to_be_bytes().to_vec();
        whole.extend_from_slice(&value);
        let record = Record::value(&whole).partition(0);
        if number % 1000 == 999 {
            // Slower than the wire by far, so that what was learnt counts.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        deliveries.push(producer.send(&world.topic, record).await.unwrap());
    }
    deliveries
}

const LIMIT: usize = 64 << 10;

#[tokio::test(start_paused = true)]
async fn batches_become_full_after_compression() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let world = World::new(1, 1);
        let builder = world.builder().max_batch_size(LIMIT).compression(compression);
        let producer = builder.linger(Duration::from_secs(10)).build().unwrap();
        world.send_one(&producer, 0, 0).await.unwrap();
        // The wire is busy all the time, so that batches have time to become full.
        let delay = Duration::from_millis(50);
        world.cluster.faults().delay_reply(ApiKey::PRODUCE, delay).arm();
        let deliveries = send(&world, &producer, 60_000, text).await;
        producer.flush().await.unwrap();
        assert_eq!(offsets(deliveries).await, (1..60_001).collect::<Vec<_>>());
        let sizes = sizes(&world, 0);
        assert!(sizes.iter().all(|&size| size <= LIMIT), "{compression}: {sizes:?}");
        let last = &sizes[sizes.len() - 12..sizes.len() - 2];
        let mean = last.iter().sum::<usize>() / last.len();
        assert!(mean > LIMIT * 17 / 20, "{compression}: {mean} of {last:?}");
        assert_eq!(producer.buffered(), 0);
    }
}

/// Learnt from what compresses well, then met by what does not: no batch is sent too large.
#[tokio::test(start_paused = true)]
async fn records_that_suddenly_do_not_compress_are_split_before_they_are_sent() {
    let world = World::new(1, 1);
    let builder = world.builder().max_batch_size(LIMIT).compression(Compression::Zstd);
    let producer = builder.linger(Duration::from_secs(10)).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, Duration::from_millis(50)).arm();
    let mut deliveries = send(&world, &producer, 30_000, text).await;
    let noise = |random: &mut fastrand::Rng, out: &mut Vec<u8>| {
        out.clear();
        out.extend(std::iter::repeat_with(|| random.u8(..)).take(400));
    };
    deliveries.extend(send(&world, &producer, 5_000, noise).await);
    deliveries.extend(send(&world, &producer, 5_000, text).await);
    producer.flush().await.unwrap();
    assert_eq!(offsets(deliveries).await, (1..40_001).collect::<Vec<_>>());
    assert!(sizes(&world, 0).iter().all(|&size| size <= LIMIT), "{:?}", sizes(&world, 0));
    let numbers: Vec<_> = (0..1).chain(0..30_000).chain(0..5_000).chain(0..5_000).collect();
    assert_eq!(world.log(0), numbers);
    let requests = world.cluster.counters().requests(ApiKey::PRODUCE);
    assert_eq!(requests, sizes(&world, 0).len() as u64, "one was refused");
    assert_eq!(producer.buffered(), 0);
}

/// lz4 that notes how many threads are in it at once, and waits a while for others to come.
#[derive(Debug, Default)]
struct Crowded {
    inside: Mutex<BTreeSet<usize>>,
    changed: Condvar,
    next: AtomicUsize,
    most: AtomicUsize,
}

impl Codec for Crowded {
    fn compression(&self) -> Compression {
        Compression::Lz4
    }

    fn compress(
        &self,
        chunks: &[&[u8]],
        level: Option<i32>,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        if chunks.iter().map(|chunk| chunk.len()).sum::<usize>() > 16 << 10 {
            let me = self.next.fetch_add(1, Ordering::Relaxed);
            let mut inside = self.inside.lock().unwrap();
            inside.insert(me);
            self.most.fetch_max(inside.len(), Ordering::Relaxed);
            self.changed.notify_all();
            // Long enough that others would come if they were let; nothing hangs on it otherwise.
            let crowd = |inside: &mut BTreeSet<usize>| inside.len() < 3;
            let patience = Duration::from_millis(100);
            let (mut inside, _) = self.changed.wait_timeout_while(inside, patience, crowd).unwrap();
            inside.remove(&me);
        }
        Lz4.compress(chunks, level, out)
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        Lz4.decompress(input, limit, out)
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_batches_are_compressed_at_once_than_allowed() {
    let world = World::new(1, 6);
    let codec = Arc::new(Crowded::default());
    let codecs = Codecs::default().with(Arc::clone(&codec) as Arc<dyn Codec>);
    let client = world.network.client(&world.cluster).codecs(codecs).build().unwrap();
    let topic = client.topic("in");
    let builder = Producer::builder(&client).compression(Compression::Lz4);
    let producer = builder.compression_concurrency(2).build().unwrap();
    let first = producer.send(&topic, Record::value(b"first").partition(0)).await.unwrap();
    first.await.unwrap();
    let mut deliveries = Vec::new();
    for number in 0..600 {
        let record = Record::value(&[7; 500]).partition(number % 6);
        deliveries.push(producer.send(&topic, record).await.unwrap());
    }
    producer.flush().await.unwrap();
    assert_eq!(codec.most.load(Ordering::Relaxed), 2);
    assert_eq!((0..6).map(|p| world.cluster.log_end("in", p)).sum::<i64>(), 601);
}

#[tokio::test]
async fn bounds_that_bound_everything_are_refused() {
    let world = World::new(1, 1);
    let errors = world.builder().batch_records(0).compression_concurrency(0).build().unwrap_err();
    let errors = errors.to_string();
    assert!(errors.contains("batch_records") && errors.contains("compression_concurrency"));
}
