//! The blocking facade and the sink.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _, stream};
use ottla_client::Outcome;
use ottla_producer::blocking::{Blocked, InsideRuntime, Producer, StartError};
use ottla_producer::typed::{LateProducer, TypedProducer};
use ottla_producer::{OwnedRecord, Record, Refused, SinkError};
use ottla_protocol::{ApiKey, ErrorCode};
use tokio::runtime::Runtime;

use crate::support::{LONG, World, number, timed};

const SECOND: Duration = Duration::from_secs(1);

/// A cluster that lives on a runtime of its own.
fn world(runtime: &Runtime) -> World {
    let _entered = runtime.enter();
    World::new(1, 1)
}

#[test]
fn a_thread_without_a_runtime_sends_waits_and_closes() {
    let broker = Runtime::new().unwrap();
    let world = world(&broker);
    let client = world.network.client(&world.cluster);
    let producer = Producer::start(client, |producer| producer.linger(Duration::ZERO)).unwrap();
    let topic = producer.topic("in");
    let mut deliveries = Vec::new();
    for number in 0..100u32 {
        deliveries.push(producer.send(&topic, Record::value(&number.to_be_bytes())).unwrap());
    }
    producer.flush().unwrap();
    for (offset, delivery) in (0..).zip(&mut deliveries) {
        assert_eq!(delivery.wait().unwrap().offset, Some(offset));
    }
    let refused = ErrorCode::INVALID_RECORD;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(1).arm();
    let mut failed = producer.send(&topic, Record::value(b"x")).unwrap();
    let Err(Blocked::Failed(error)) = failed.wait() else { panic!("refused by the broker") };
    assert_eq!(error.outcome(), Outcome::NotWritten);
    let other = producer.clone();
    assert!(producer.close(LONG).unwrap().is_clean());
    let refused = other.send(&topic, Record::value(b"x")).unwrap_err();
    assert_eq!(refused, Blocked::Failed(Refused::Closed));
    // The thread has ended, and what it told is still there.
    assert_eq!(deliveries[0].wait().unwrap().offset, Some(0));
}

#[test]
fn a_blocking_send_waits_for_room() {
    let broker = Runtime::new().unwrap();
    let world = world(&broker);
    let client = world.network.client(&world.cluster);
    let builder = |producer: ottla_producer::ProducerBuilder| {
        producer.max_batch_size(4 << 10).buffer_memory(8 << 10).linger(Duration::ZERO)
    };
    let producer = Producer::start(client, builder).unwrap();
    let topic = producer.topic("in");
    let mut full = 0;
    for _ in 0..200 {
        match producer.try_send(&topic, Record::value(&[0; 1000])) {
            Ok(delivery) => drop(delivery),
            Err(refused) => {
                assert!(refused.is_retriable());
                full += 1;
                drop(producer.send(&topic, Record::value(&[0; 1000])).unwrap());
            }
        }
    }
    assert!(full > 0);
    producer.flush().unwrap();
    assert_eq!(world.cluster.log_end("in", 0), 200);
    let mut never = {
        let nowhere = producer.topic("nowhere");
        producer.send(&nowhere, Record::value(b"x")).unwrap()
    };
    assert_eq!(never.wait_timeout(Duration::ZERO).unwrap(), None);
    let closed = producer.abort(Duration::ZERO).unwrap();
    assert_eq!(closed.not_written.len(), 1);
    let Err(Blocked::Failed(error)) = never.wait() else { panic!("given up") };
    assert_eq!(error.outcome(), Outcome::NotWritten);
}

#[test]
fn wrong_settings_are_told_by_the_start() {
    let broker = Runtime::new().unwrap();
    let world = world(&broker);
    let client = world.network.client(&world.cluster);
    let started = Producer::start(client, |producer| producer.max_batch_size(0));
    let Err(StartError::Config(errors)) = started else { panic!("no batch is so small") };
    assert!(errors.to_string().contains("max_batch_size"), "{errors}");
}

#[tokio::test(start_paused = true)]
async fn inside_a_runtime_blocking_is_an_error_and_no_panic() {
    let world = World::new(1, 1);
    let inner = world.producer();
    let producer = Producer::of(inner.clone());
    // What does not block is allowed.
    let mut delivery = producer.send(&world.topic, Record::value(b"x")).unwrap();
    assert_eq!(delivery.wait().unwrap_err(), Blocked::InsideRuntime(InsideRuntime));
    assert_eq!(delivery.wait_timeout(SECOND).unwrap_err(), Blocked::InsideRuntime(InsideRuntime));
    assert_eq!(producer.flush().unwrap_err(), Blocked::InsideRuntime(InsideRuntime));
    assert_eq!(producer.close(SECOND).unwrap_err(), InsideRuntime);
    assert_eq!(producer.abort(SECOND).unwrap_err(), InsideRuntime);
    // And nothing was done by any of it.
    assert_eq!(delivery.await.unwrap().offset, Some(0));
    // Another thread may.
    let closing = std::thread::spawn(move || producer.close(SECOND));
    while !closing.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(closing.join().unwrap().unwrap().is_clean());
    assert!(inner.try_send(&world.topic, Record::value(b"x")).is_err());
}

/// What starts a task when a topic is first sent to may be called anywhere.
#[tokio::test(start_paused = true)]
async fn late_objects_may_be_sent_from_any_thread() {
    let world = World::new(1, 1);
    let late = LateProducer::builder(TypedProducer::<(), i32>::new(&world.producer())).build();
    let topic = world.topic.clone();
    let sent = std::thread::spawn(move || late.try_send(&topic, (), 7).unwrap());
    sent.join().unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_forwarded_into_a_topic() {
    let world = World::new(1, 1);
    let hour = SECOND * 3600;
    let builder = world.builder().max_batch_size(1 << 10).buffer_memory(8 << 10).linger(hour);
    let builder = builder.min_request_spacing(hour).delivery_timeout(hour * 3);
    let producer = builder.build().unwrap();
    let records = (0..5000u32).map(|number| OwnedRecord::value(number.to_be_bytes().to_vec()));
    let mut sink = producer.sink(&world.topic);
    // Many times what the buffer holds: it waits for room.
    sink.send_all(&mut stream::iter(records).map(Ok)).await.unwrap();
    let (closed, took) = timed(sink.close()).await;
    closed.unwrap();
    assert!(took < SECOND, "a flush does not linger");
    assert_eq!(world.log(0), (0..5000).collect::<Vec<_>>());
    // The producer goes on, and so does the sink after an error, which gives the record back.
    let refused = ErrorCode::INVALID_RECORD;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(1).arm();
    sink.feed(OwnedRecord::value(7u32.to_be_bytes().to_vec()).key("k")).await.unwrap();
    let error = sink.flush().await.unwrap_err();
    let SinkError::Failed(_) = &error else { panic!("{error:?}") };
    let record = error.into_record();
    assert_eq!((number(record.value.as_deref()), record.key.as_deref()), (7, Some(&b"k"[..])));
    let error = sink.send(record.partition(3)).await.unwrap_err();
    let SinkError::Refused { refused: Refused::NoSuchPartition { .. }, record } = error else {
        panic!("{error:?}")
    };
    sink.send(record.partition(0)).await.unwrap();
    assert_eq!(world.log(0).last(), Some(&7));
    assert!(producer.close(SECOND).await.is_clean());
    let error = sink.send(OwnedRecord::value("x")).await.unwrap_err();
    assert!(error.is_fatal() && error.outcome() == Outcome::NotWritten);
}
