//! An abort, and a producer that is dropped: what was not sent, what was, and that all of it is told.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use ottla_client::Outcome;
use ottla_producer::{
    FailedRecords, Producer, ProducerEvents, Reason, Record, SendError, TopicSettings, Unsure,
};
use ottla_protocol::compression::{Codec, Codecs, CompressError, Compression, DecompressError};
use ottla_protocol::{ApiKey, ErrorCode};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::{LONG, World, number, offsets, timed};

const SECOND: Duration = Duration::from_secs(1);

fn aborted(outcome: Option<Result<ottla_producer::Written, SendError>>) -> u32 {
    match outcome {
        Some(Err(SendError::NotWritten { reason: Reason::Aborted, record })) => {
            number(record.value.as_deref())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_gives_up_at_once_what_was_not_sent_and_awaits_what_was() {
    let world = World::new(2, 2);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, SECOND * 2).broker(0).times(1).arm();
    let sent = world.send(&producer, 0, 1..3).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Before the first has been acknowledged by its leader, nothing else is sent there.
    world.cluster.faults().fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).broker(1).arm();
    let refused = world.send(&producer, 1, 1..3).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    world.network.block(1);
    let never = world.client.topic("never");
    let staged = producer.send(&never, Record::value(&7u32.to_be_bytes())).await.unwrap();
    let unsent = world.send(&producer, 1, 3..500).await;
    let aborting = tokio::spawn(timed(producer.clone().abort(SECOND * 10)));
    tokio::task::yield_now().await;
    let mut left: Vec<u32> = unsent.into_iter().map(|one| aborted(one.now_or_never())).collect();
    assert_eq!(left, (3..500).collect::<Vec<_>>());
    left.push(aborted(staged.now_or_never()));
    let (closed, took) = aborting.await.unwrap();
    assert!(took >= SECOND * 10 && took < SECOND * 11, "{took:?}");
    offsets(sent).await;
    // What was refused was to be sent again, and did not get through in the time.
    for delivery in refused {
        let error = delivery.await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotWritten);
        left.push(number(error.into_record().value.as_deref()));
    }
    let mut told: Vec<u32> =
        closed.not_written.iter().map(|one| number(one.record.value.as_deref())).collect();
    told.sort_unstable();
    left.sort_unstable();
    assert_eq!((told, closed.unknown.len(), producer.buffered()), (left, 0, 0));
    assert_eq!((world.log(0), world.log(1)), (vec![0, 1, 2], vec![0]));
}

#[tokio::test(start_paused = true)]
async fn an_abort_without_time_leaves_what_was_sent_unknown() {
    let world = World::new(1, 1);
    let producer = world.builder().compression(Compression::Gzip).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
    let sent = world.send(&producer, 0, [1]).await.remove(0);
    tokio::time::sleep(SECOND).await;
    let unsent = world.send(&producer, 0, [2]).await.remove(0);
    let (closed, took) = timed(producer.abort(Duration::ZERO)).await;
    assert!(took < SECOND, "{took:?}");
    let unknown = sent.now_or_never().unwrap().unwrap_err();
    assert!(matches!(unknown, SendError::Unknown { reason: Unsure::Closed, .. }), "{unknown:?}");
    assert_eq!(aborted(unsent.now_or_never()), 2);
    assert_eq!((closed.unknown.len(), closed.not_written.len()), (1, 1));
}

/// Takes as long as it is told to, and changes nothing.
#[derive(Debug)]
struct Gate {
    entered: UnboundedSender<()>,
    open: Mutex<Receiver<()>>,
}

impl Codec for Gate {
    fn compression(&self) -> Compression {
        Compression::Gzip
    }

    fn compress(
        &self,
        chunks: &[&[u8]],
        _level: Option<i32>,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        chunks.iter().for_each(|chunk| out.extend_from_slice(chunk));
        if out.len() > 100_000 {
            self.entered.send(()).unwrap();
            self.open.lock().unwrap().recv().unwrap();
        }
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        _limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        out.extend_from_slice(input);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_stops_a_batch_that_is_being_compressed() {
    let world = World::new(1, 1);
    let (entered, mut compressing) = tokio::sync::mpsc::unbounded_channel();
    let (open, gate) = std::sync::mpsc::channel();
    let gate = Gate { entered, open: Mutex::new(gate) };
    let codecs = Codecs::none().with(Arc::new(gate));
    let client = world.network.client(&world.cluster).codecs(codecs).build().unwrap();
    let builder = Producer::builder(&client).compression(Compression::Gzip);
    let (producer, topic) = (builder.build().unwrap(), client.topic("in"));
    let value = [7; 200_000];
    let delivery = producer.send(&topic, Record::value(&value)).await.unwrap();
    compressing.recv().await.unwrap();
    let aborting = tokio::spawn(producer.abort(LONG));
    tokio::task::yield_now().await;
    open.send(()).unwrap();
    let closed = aborting.await.unwrap();
    let error = delivery.now_or_never().unwrap().unwrap_err();
    assert!(matches!(&error, SendError::NotWritten { reason: Reason::Aborted, .. }), "{error:?}");
    assert_eq!(error.into_record().value.unwrap(), &value[..]);
    assert_eq!((closed.not_written.len(), world.cluster.log_end("in", 0)), (1, 0));
}

/// H20: what is between a queue and the wire when the runtime ends comes back as well.
#[test]
fn the_end_of_the_runtime_gives_back_a_batch_that_is_being_compressed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (open, gate) = std::sync::mpsc::channel();
    let told = Arc::new(Failures::default());
    let events = Arc::clone(&told) as _;
    let (producer, delivery) = runtime.block_on(async {
        let world = World::new(1, 1);
        let (entered, mut compressing) = tokio::sync::mpsc::unbounded_channel();
        let gate = Gate { entered, open: Mutex::new(gate) };
        let codecs = Codecs::none().with(Arc::new(gate));
        let client = world.network.client(&world.cluster).codecs(codecs).build().unwrap();
        let builder = Producer::builder(&client).compression(Compression::Gzip);
        let (producer, topic) = (builder.events(events).build().unwrap(), client.topic("in"));
        let delivery = producer.send(&topic, Record::value(&[7; 200_000])).await.unwrap();
        compressing.recv().await.unwrap();
        (producer, delivery)
    });
    runtime.shutdown_background();
    open.send(()).unwrap();
    let error = delivery.now_or_never().unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotWritten);
    assert_eq!(error.into_record().value.unwrap(), &[7; 200_000][..]);
    assert_eq!(*told.0.lock().unwrap(), [(0x0707_0707, Outcome::NotWritten)]);
    assert_eq!(producer.statistics().records.discarded, 1);
}

#[derive(Default)]
struct Failures(Mutex<Vec<(u32, Outcome)>>);

impl ProducerEvents for Failures {
    fn failed(&self, records: &FailedRecords) {
        for record in records.records() {
            let number = number(record.value.as_deref());
            self.0.lock().unwrap().push((number, records.outcome()));
        }
    }
}

/// H20: rust-rdkafka's producer purges its queue and what is in flight when it is dropped.
#[tokio::test(start_paused = true)]
async fn dropping_the_producer_loses_nothing_silently() {
    let world = World::new(2, 2);
    let told = Arc::new(Failures::default());
    let producer = world.builder().events(Arc::clone(&told) as _).build().unwrap();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).broker(1).arm();
    drop(world.send(&producer, 1, [1]).await);
    tokio::time::sleep(SECOND).await;
    drop(world.send(&producer, 0, 2..5).await);
    let never = world.client.topic("never");
    drop(producer.send(&never, Record::value(&7u32.to_be_bytes())).await.unwrap());
    drop(producer);
    tokio::time::sleep(LONG).await;
    assert_eq!(world.log(0), [0, 2, 3, 4]);
    assert_eq!(*told.0.lock().unwrap(), [(7, Outcome::NotWritten), (1, Outcome::Unknown)]);
}

/// Cannot bear any record with content.
#[derive(Debug)]
struct Panicking;

impl Codec for Panicking {
    fn compression(&self) -> Compression {
        Compression::Gzip
    }

    fn compress(
        &self,
        chunks: &[&[u8]],
        _level: Option<i32>,
        _out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        assert!(chunks.iter().all(|chunk| chunk.is_empty()), "as it is meant to");
        Ok(())
    }

    fn decompress(
        &self,
        _input: &[u8],
        _limit: usize,
        _out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        Ok(())
    }
}

/// Small batches are compressed by the sink itself, large ones beside it.
#[tokio::test(start_paused = true)]
async fn a_codec_that_panics_takes_no_record_with_it() {
    let world = World::new(1, 2);
    let codecs = Codecs::none().with(Arc::new(Panicking));
    let client = world.network.client(&world.cluster).codecs(codecs).build().unwrap();
    world.cluster.create_topic("plain", 1).unwrap();
    let plain = TopicSettings::default().compression(Compression::None);
    let builder = Producer::builder(&client).compression(Compression::Gzip);
    let producer = builder.topic_settings("plain", plain).build().unwrap();
    let topic = client.topic("in");
    for size in [100, 50_000] {
        let value = vec![7; size];
        let delivery = producer.send(&topic, Record::value(&value)).await.unwrap();
        assert!(producer.flush().await.is_err());
        let error = delivery.now_or_never().unwrap().unwrap_err();
        let told =
            matches!(&error, SendError::NotWritten { reason: Reason::Compression { .. }, .. });
        assert!(told, "{error:?}");
        assert_eq!(error.into_record().value.unwrap(), &value[..]);
        let plain = client.topic("plain");
        producer.send(&plain, Record::value(b"goes on")).await.unwrap().await.unwrap();
    }
    assert_eq!(producer.buffered(), 0);
}
