//! Objects in, and where they end up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use ottla_client::Outcome;
use ottla_producer::typed::{
    ByItself, EncodeError, KeepingProducer, LateProducer, LateRecord, NotDelivered, Part,
    TypedProducer, TypedRefused,
};
use ottla_producer::{Producer, Refused, SendError};
use ottla_protocol::{ApiKey, ErrorCode};

use crate::support::{LONG, World, timed};

const SECOND: Duration = Duration::from_secs(1);

/// Says whether it is still there.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Tracked(Arc<u32>);

impl ottla_producer::typed::Encode for Tracked {
    fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        if *self.0 == 13 {
            return Err(EncodeError::new("thirteen has no bytes"));
        }
        self.0.encode(out)
    }
}

fn tracked(number: u32) -> (Tracked, std::sync::Weak<u32>) {
    let number = Arc::new(number);
    let weak = Arc::downgrade(&number);
    (Tracked(number), weak)
}

#[tokio::test(start_paused = true)]
async fn keys_and_values_are_serialized_by_default_or_by_topic() {
    let world = World::new(1, 1);
    world.cluster.create_topic("shouting", 1).unwrap();
    let shouting = world.client.topic("shouting");
    let producer = world.producer();
    let upper = |text: &str, out: &mut BytesMut| -> Result<(), EncodeError> {
        out.extend_from_slice(text.to_uppercase().as_bytes());
        Ok(())
    };
    let typed = TypedProducer::<Option<i32>, str>::builder(&producer, ByItself, ByItself)
        .topic(&shouting, ByItself, upper)
        .build();
    typed.send(&world.topic, &Some(1), "one").await.unwrap().await.unwrap();
    typed.try_send(&world.topic, &None, "").unwrap().await.unwrap();
    let delivery =
        typed.send_with(&shouting, &Some(2), "two", |record| record.timestamp(77)).await.unwrap();
    delivery.await.unwrap();
    let log = world.cluster.records("in", 0);
    assert_eq!(log[0].key.as_deref(), Some(&[0, 0, 0, 1][..]));
    assert_eq!(log[0].value.as_deref(), Some(&b"one"[..]));
    assert_eq!((log[1].key.as_deref(), log[1].value.as_deref()), (None, Some(&b""[..])));
    let log = world.cluster.records("shouting", 0);
    assert_eq!((log[0].value.as_deref(), log[0].timestamp), (Some(&b"TWO"[..]), 77));
    let unit = TypedProducer::<(), ()>::new(&producer);
    unit.send(&world.topic, &(), &()).await.unwrap().await.unwrap();
    assert_eq!(world.cluster.records("in", 0)[2].value, None);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_bytes_is_refused_and_nothing_is_sent() {
    let world = World::new(1, 1);
    let typed = TypedProducer::<i32, Tracked>::new(&world.producer());
    let refused = typed.send(&world.topic, &1, &tracked(13).0).await.unwrap_err();
    let TypedRefused::Encode { part, source } = &refused else { panic!("{refused:?}") };
    assert_eq!((*part, source.to_string()), (Part::Value, "thirteen has no bytes".to_owned()));
    assert_eq!((refused.outcome(), refused.is_retriable()), (Outcome::NotWritten, false));
    // What was written of it is gone from the thread's scratch.
    typed.send(&world.topic, &2, &tracked(3).0).await.unwrap().await.unwrap();
    let log = world.cluster.records("in", 0);
    assert_eq!((log.len(), log[0].key.as_deref()), (1, Some(&[0, 0, 0, 2][..])));
}

#[tokio::test(start_paused = true)]
async fn kept_objects_come_back_with_a_failure_and_are_dropped_once_written() {
    let world = World::new(1, 1);
    let keeping = KeepingProducer::new(TypedProducer::new(&world.producer()));
    let (object, there) = tracked(1);
    let kept = keeping.send(&world.topic, 7i32, object).await.unwrap();
    assert!(there.upgrade().is_some(), "kept until it is written");
    kept.await.unwrap();
    assert!(there.upgrade().is_none());
    world.cluster.faults().fail(ApiKey::PRODUCE, ErrorCode::INVALID_RECORD).times(2).arm();
    let (object, there) = tracked(2);
    let kept = keeping.try_send(&world.topic, 8, object).unwrap();
    let returned = kept.await.unwrap_err();
    assert_eq!((returned.key, &returned.value), (8, &Tracked(there.upgrade().unwrap())));
    let NotDelivered::Failed(SendError::NotWritten { record, .. }) = &returned.why else {
        panic!("{returned:?}")
    };
    assert_eq!(record.value.as_deref(), Some(&[0, 0, 0, 2][..]));
    // To a function, with nobody waiting.
    let (tell, told) = tokio::sync::oneshot::channel();
    let returned = |returned| tell.send(returned).unwrap();
    keeping.send_or_return(&world.topic, 9, tracked(3).0, returned).await.unwrap();
    let returned = told.await.unwrap();
    assert_eq!((returned.key, *returned.value.0), (9, 3));
    // And with a refusal.
    let not_sent = keeping.send(&world.topic, 10, tracked(13).0).await.unwrap_err();
    assert_eq!((not_sent.key, *not_sent.value.0), (10, 13));
}

/// A producer whose buffer is full: the broker does not answer.
async fn full(world: &World) -> Producer {
    let builder = world.builder().max_batch_size(4 << 10).buffer_memory(8 << 10);
    let producer = builder.build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, SECOND * 20).arm();
    while let Ok(delivery) =
        producer.try_send(&world.topic, ottla_producer::Record::value(&[0; 900]))
    {
        drop(delivery);
    }
    producer
}

#[tokio::test(start_paused = true)]
async fn late_objects_wait_unserialized_and_are_sent_in_order() {
    let world = World::new(1, 1);
    let producer = full(&world).await;
    let serialized = Arc::new(Mutex::new(0));
    let count = Arc::clone(&serialized);
    let write = move |value: &Tracked, out: &mut BytesMut| {
        *count.lock().unwrap() += 1;
        ottla_producer::typed::Encode::encode(value, out)
    };
    let typed = TypedProducer::builder(&producer, ByItself, write).build();
    let late = LateProducer::builder(typed).capacity(5).build();
    let mut deliveries = Vec::new();
    let mut there = Vec::new();
    for number in 1..=6 {
        let (object, weak) = tracked(number);
        let record = LateRecord::new((), object).partition(0).timestamp(i64::from(number));
        let record = record.header("h", Bytes::from_static(b"x"));
        deliveries.push(late.send_record(&world.topic, record).await.unwrap());
        there.push(weak);
        tokio::task::yield_now().await;
    }
    // The first is next in line, five wait behind it, and there is no place for another; there is no
    // room for any of them, so that none has bytes yet.
    assert_eq!((*serialized.lock().unwrap(), late.waiting()), (0, 5));
    let full = late.try_send(&world.topic, (), tracked(7).0).unwrap_err();
    assert!(
        matches!(full.refused, TypedRefused::Refused(Refused::Full { limit: 5, .. })),
        "{full:?}"
    );
    world.cluster.faults().clear();
    let (_, took) = timed(late.flush()).await;
    assert!(took < SECOND * 25, "{took:?}");
    let offsets: Vec<_> =
        deliveries.into_iter().map(|one| one.now_or_never().unwrap().unwrap().offset).collect();
    assert!(offsets.is_sorted());
    let log = world.cluster.records("in", 0);
    let last: Vec<_> = log.iter().rev().take(6).rev().map(|one| one.timestamp).collect();
    assert_eq!(last, (1..=6).collect::<Vec<i64>>());
    assert_eq!(log.last().unwrap().headers.len(), 1);
    assert!(there.iter().all(|object| object.upgrade().is_none()), "dropped once written");
}

#[tokio::test(start_paused = true)]
async fn late_objects_that_wait_too_long_come_back_unserialized() {
    let world = World::new(1, 1);
    let producer = full(&world).await;
    let typed = TypedProducer::<(), Tracked>::new(&producer);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let returned = Arc::clone(&heard);
    let late = LateProducer::builder(typed)
        .max_wait(SECOND * 5)
        .returned(move |back| returned.lock().unwrap().push((*back.value.0, back.why.outcome())))
        .build();
    let first = late.send(&world.topic, (), tracked(1).0).await.unwrap();
    tokio::time::sleep(SECOND).await;
    // Thirteen has no bytes, which nobody finds out.
    let second = late.send(&world.topic, (), tracked(13).0).await.unwrap();
    drop(late.send(&world.topic, (), tracked(3).0).await.unwrap());
    let (back, took) = timed(first).await;
    let back = back.unwrap_err();
    assert!(took >= SECOND * 4 && took < SECOND * 5, "{took:?}");
    assert!(matches!(back.why, NotDelivered::Expired { after } if after == SECOND * 5));
    assert_eq!((*back.value.0, back.why.is_retriable()), (1, true));
    let (back, took) = timed(second).await;
    assert!(took <= SECOND, "{took:?}");
    assert!(matches!(back.unwrap_err().why, NotDelivered::Expired { .. }));
    assert_eq!(*heard.lock().unwrap(), [(3, Outcome::NotWritten)]);
    assert_eq!(late.waiting(), 0);
    // With room again, and a cause of its own.
    world.cluster.faults().clear();
    producer.flush().await.unwrap();
    late.send(&world.topic, (), tracked(4).0).await.unwrap().await.unwrap();
    let back = late.send(&world.topic, (), tracked(13).0).await.unwrap().await.unwrap_err();
    assert!(matches!(back.why, NotDelivered::Refused(TypedRefused::Encode { .. })));
}

#[tokio::test(start_paused = true)]
async fn one_late_topic_does_not_hold_up_another_and_closing_gives_back() {
    let world = World::new(1, 1);
    let producer = full(&world).await;
    let late = LateProducer::builder(TypedProducer::<(), Tracked>::new(&producer)).build();
    let stuck: Vec<_> =
        (1..4).map(|number| late.try_send(&world.topic, (), tracked(number).0).unwrap()).collect();
    tokio::task::yield_now().await;
    let other = late.clone();
    let (_, took) = timed(late.close(SECOND)).await;
    assert!(took >= SECOND && took < SECOND * 2, "{took:?}");
    for (number, delivery) in (1..).zip(stuck) {
        let (back, took) = timed(delivery).await;
        let back = back.unwrap_err();
        assert!(took < SECOND);
        let closed = NotDelivered::Refused(TypedRefused::Refused(Refused::Closed)).to_string();
        assert_eq!((*back.value.0, back.why.to_string()), (number, closed));
    }
    let refused = other.send(&world.topic, (), tracked(5).0).await.unwrap_err();
    assert!(refused.refused.is_fatal());
    // A dropped one sends on what it has.
    world.cluster.faults().clear();
    let producer = world.producer();
    let late = LateProducer::builder(TypedProducer::<(), Tracked>::new(&producer)).build();
    let delivery = late.send(&world.topic, (), tracked(6).0).await.unwrap();
    drop(late);
    delivery.await.unwrap();
    assert!(producer.close(LONG).await.is_clean());
}

/// H20: with its runtime, a late producer gives every object back.
#[test]
fn late_objects_survive_the_end_of_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (late, deliveries) = runtime.block_on(async {
        let world = World::new(1, 1);
        let producer = full(&world).await;
        let late = LateProducer::builder(TypedProducer::<(), Tracked>::new(&producer)).build();
        let deliveries: Vec<_> = (0..10)
            .map(|number| late.try_send(&world.topic, (), tracked(number).0).unwrap())
            .collect();
        tokio::time::sleep(SECOND).await;
        (late, deliveries)
    });
    drop(runtime);
    for (number, delivery) in (0..).zip(deliveries) {
        let back = delivery.now_or_never().unwrap().unwrap_err();
        assert_eq!(*back.value.0, number);
    }
    drop(late);
}

#[tokio::test(start_paused = true)]
async fn a_serializer_that_panics_loses_no_other_late_object() {
    let world = World::new(1, 1);
    let write = |value: &u32, out: &mut BytesMut| {
        assert_ne!(*value, 13, "as it is meant to");
        ottla_producer::typed::Encode::encode(value, out)
    };
    let typed = TypedProducer::builder(&world.producer(), ByItself, write).build();
    let late = LateProducer::builder(typed).build();
    let bad = late.send(&world.topic, (), 13).await.unwrap();
    let good = late.send(&world.topic, (), 2).await.unwrap();
    let returned = bad.await.unwrap_err();
    assert_eq!(returned.value, 13);
    let panicked = matches!(returned.why, NotDelivered::Refused(TypedRefused::Panicked));
    assert!(panicked, "{:?}", returned.why);
    good.await.unwrap();
    late.send(&world.topic, (), 3).await.unwrap().await.unwrap();
}
