//! What becomes of records without room: each strategy, for the producer and for a topic.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ottla_producer::{
    BufferUnit, Delivery, FailedRecords, Overflow, Producer, ProducerEvents, Reason, Record,
    Refused, SendError, TopicSettings,
};
use ottla_protocol::ApiKey;

use crate::support::{LONG, World, number, timed};

/// A buffer may be exceeded by its last chunk.
const CHUNK: usize = 64 << 10;
const SECOND: Duration = Duration::from_secs(1);

/// A world whose broker has gone.
async fn stopped(configure: impl FnOnce(&World) -> Producer) -> (World, Producer) {
    let world = World::new(1, 1);
    let producer = configure(&world);
    world.send_one(&producer, 0, 1_000_000).await.unwrap();
    world.cluster.stop_broker(0);
    tokio::time::sleep(SECOND).await;
    (world, producer)
}

/// The record of a delivery that was dropped.
async fn dropped(delivery: Delivery) -> u32 {
    match tokio::time::timeout(LONG, delivery).await.unwrap() {
        Err(SendError::NotWritten { reason: Reason::Overflow, record }) => {
            number(record.value.as_deref())
        }
        other => panic!("{other:?}"),
    }
}

fn value(number: u32) -> Vec<u8> {
    number.to_be_bytes().repeat(25)
}

#[tokio::test(start_paused = true)]
async fn fail_refuses_at_once_and_says_what_is_full() {
    let (world, producer) = stopped(|world| {
        let topic = TopicSettings::new().buffer_records(10);
        let builder = world.builder().overflow(Overflow::Fail).buffer_records(25);
        builder.topic_settings("small", topic).build().unwrap()
    })
    .await;
    let small = world.client.topic("small");
    let record = Record::value(b"x");
    let mut accepted = Vec::new();
    for _ in 0..10 {
        accepted.push(producer.send(&small, record).await.unwrap());
    }
    let (refused, took) = timed(producer.send(&small, record)).await;
    let topic = Some(small.clone());
    assert_eq!(refused.unwrap_err(), Refused::Full { limit: 10, unit: BufferUnit::Records, topic });
    assert_eq!(took, Duration::ZERO);
    for _ in 0..15 {
        accepted.push(producer.send(&world.topic, record).await.unwrap());
    }
    for refused in [producer.try_send(&world.topic, record), producer.try_send(&small, record)] {
        assert!(matches!(refused, Err(Refused::Full { .. })), "{refused:?}");
    }
    let refused = producer.send(&world.topic, record).await.unwrap_err();
    assert_eq!(refused, Refused::Full { limit: 25, unit: BufferUnit::Records, topic: None });
    assert!(refused.is_retriable());
    world.cluster.start_broker(0);
    world.cluster.create_topic("small", 1).unwrap();
    for delivery in accepted {
        delivery.await.unwrap();
    }
    assert_eq!(producer.buffered(), 0);
    // All of it came back, record by record.
    for _ in 0..10 {
        producer.try_send(&small, record).unwrap().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_a_refusal_after_its_time() {
    let (world, producer) =
        stopped(|world| world.builder().buffer_records(5).max_wait(SECOND * 3).build().unwrap())
            .await;
    let filling: Vec<_> = world.send(&producer, 0, 0..5).await;
    let (refused, took) = timed(producer.send(&world.topic, Record::value(b"late"))).await;
    assert_eq!(took, SECOND * 3);
    let full = Refused::Full { limit: 5, unit: BufferUnit::Records, topic: None };
    assert_eq!(refused.unwrap_err(), full);
    world.cluster.start_broker(0);
    for delivery in filling {
        delivery.await.unwrap();
    }
    assert_eq!(world.log(0).len(), 6);
}

/// Those who wait for one topic keep nobody from another, and have their order among themselves.
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_topic_is_served_in_order_and_others_do_not_wait() {
    let world = World::new(1, 1);
    world.cluster.create_topic("small", 1).unwrap();
    let topic = TopicSettings::new().buffer_records(3);
    let producer = world.builder().topic_settings("small", topic).build().unwrap();
    let small = world.client.topic("small");
    producer.send(&small, Record::value(b"0")).await.unwrap().await.unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, SECOND).arm();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for number in 0..20u32 {
        let (producer, small, order) = (producer.clone(), small.clone(), Arc::clone(&order));
        waiting.push(tokio::spawn(async move {
            let value = number.to_be_bytes();
            let delivery = producer.send(&small, Record::value(&value)).await.unwrap();
            order.lock().unwrap().push(number);
            delivery.await.unwrap().offset
        }));
        tokio::task::yield_now().await;
    }
    assert_eq!(order.lock().unwrap().len(), 3);
    assert!(producer.try_send(&small, Record::value(b"x")).is_err());
    let (sent, took) = timed(producer.send(&world.topic, Record::value(b"other"))).await;
    assert_eq!(took, Duration::ZERO);
    drop(sent.unwrap());
    // Two are cancelled, one of them first in the line.
    for number in [3, 10] {
        waiting[number].abort();
    }
    let mut offsets = Vec::new();
    for sent in waiting {
        offsets.extend(tokio::time::timeout(LONG, sent).await.unwrap().ok());
    }
    let expected: Vec<_> = (0..20).filter(|number| ![3, 10].contains(number)).collect();
    assert_eq!(*order.lock().unwrap(), expected);
    assert!(offsets.is_sorted() && offsets.len() == 18);
    producer.flush().await.unwrap();
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_when_the_producer_closes() {
    let (world, producer) = stopped(|world| {
        let topic = TopicSettings::new().buffer_records(1);
        let builder = world.builder().buffer_records(1).max_postponed(1);
        builder.topic_settings("small", topic).build().unwrap()
    })
    .await;
    let nowhere = world.client.topic("nowhere");
    let small = world.client.topic("small");
    drop(producer.send(&nowhere, Record::value(b"x")).await.unwrap());
    let waiting: Vec<_> = [nowhere, small, world.topic.clone()]
        .into_iter()
        .cycle()
        .take(9)
        .map(|topic| {
            let producer = producer.clone();
            tokio::spawn(async move { producer.send(&topic, Record::value(b"y")).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let closed = producer.close(SECOND).await;
    assert_eq!(closed.not_written.len(), 1);
    for sent in waiting {
        assert!(matches!(sent.await.unwrap(), Err(Refused::Closed)));
    }
}

#[tokio::test(start_paused = true)]
async fn drop_newest_gives_back_what_does_not_fit() {
    let (world, producer) = stopped(|world| {
        let builder = world.builder().max_batch_size(16 << 10).buffer_memory(256 << 10);
        builder.overflow(Overflow::DropNewest).build().unwrap()
    })
    .await;
    let mut deliveries = Vec::new();
    for number in 0..10_000u32 {
        let value = value(number);
        let record = Record::value(&value);
        // Both are the same here.
        let sent = match number % 2 {
            0 => producer.send(&world.topic, record).await,
            _ => producer.try_send(&world.topic, record),
        };
        deliveries.push(sent.unwrap());
        assert!(producer.buffered() <= (256 << 10) + CHUNK);
    }
    tokio::time::sleep(SECOND).await;
    world.cluster.start_broker(0);
    let (mut written, mut gone) = (Vec::new(), Vec::new());
    for (number, delivery) in (0..).zip(deliveries) {
        match tokio::time::timeout(LONG, delivery).await.unwrap() {
            Ok(_) => written.push(number),
            Err(SendError::NotWritten { reason: Reason::Overflow, record }) => {
                assert_eq!(record.value.as_deref(), Some(&value(number)[..]));
                gone.push(number);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    // The oldest are those that are kept.
    assert_eq!(written, (0..u32::try_from(written.len()).unwrap()).collect::<Vec<_>>());
    assert!(written.len() > 1000 && gone.len() > 5000, "{} {}", written.len(), gone.len());
    assert_eq!(world.log(0)[1..], written);
    assert_eq!(producer.flush().await.unwrap_err().not_written, gone.len() as u64);
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_makes_room_in_the_order_of_sending() {
    let (world, producer) = stopped(|world| {
        let builder = world.builder().buffer_memory(1 << 20).max_batch_size(300_000);
        builder.overflow(Overflow::DropOldest).build().unwrap()
    })
    .await;
    let mut deliveries = Vec::new();
    for number in 0..30_000u32 {
        let value = value(number);
        deliveries.push(producer.send(&world.topic, Record::value(&value)).await.unwrap());
        assert!(producer.buffered() <= (1 << 20) + CHUNK);
    }
    tokio::time::sleep(SECOND).await;
    world.cluster.start_broker(0);
    let (mut written, mut gone) = (Vec::new(), Vec::new());
    for (number, delivery) in (0..).zip(deliveries) {
        match tokio::time::timeout(LONG, delivery).await.unwrap() {
            Ok(place) => written.push((number, place.offset.unwrap())),
            Err(SendError::NotWritten { reason: Reason::Overflow, record }) => {
                assert_eq!(record.value.as_deref(), Some(&value(number)[..]));
                gone.push(number);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    // The newest are those that are kept, without a gap, and their deliveries know where they are.
    let first = u32::try_from(gone.len()).unwrap();
    assert_eq!(gone, (0..first).collect::<Vec<_>>());
    assert_eq!(written, (first..30_000).zip(1..).collect::<Vec<_>>());
    assert!(written.len() > 5000 && gone.len() > 5000, "{} {}", written.len(), gone.len());
    assert_eq!(world.log(0)[1..], (first..30_000).collect::<Vec<_>>());
    assert_eq!(producer.buffered(), 0);
}

/// Over several partitions and topics the oldest goes first; a topic that is full loses its own.
#[tokio::test(start_paused = true)]
async fn drop_oldest_takes_from_whoever_is_first_or_from_the_full_topic() {
    let world = World::new(1, 2);
    let topic = TopicSettings::new().buffer_records(20);
    let builder = world.builder().overflow(Overflow::DropOldest).buffer_records(100);
    let producer = builder.topic_settings("small", topic).build().unwrap();
    let small = world.client.topic("small");
    world.cluster.create_topic("small", 1).unwrap();
    producer.send(&small, Record::value(b"0")).await.unwrap().await.unwrap();
    for partition in 0..2 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.stop_broker(0);
    tokio::time::sleep(SECOND).await;
    // Three batches are begun, in this order.
    let first = world.send(&producer, 1, 0..30).await;
    let second = world.send(&producer, 0, 30..60).await;
    let mut of_small = Vec::new();
    for number in 60..80u32 {
        let sent = producer.send(&small, Record::value(&number.to_be_bytes())).await;
        of_small.push(sent.unwrap());
    }
    // Its own oldest, although others are older.
    let own = producer.send(&small, Record::value(&80u32.to_be_bytes())).await.unwrap();
    for (number, delivery) in (60..).zip(of_small) {
        assert_eq!(dropped(delivery).await, number);
    }
    // Now the producer's: 61 records are there.
    let third = world.send(&producer, 0, 100..140).await;
    for (number, delivery) in (0..).zip(first) {
        assert_eq!(dropped(delivery).await, number);
    }
    world.cluster.start_broker(0);
    for delivery in second.into_iter().chain(third).chain([own]) {
        tokio::time::timeout(LONG, delivery).await.unwrap().unwrap();
    }
    assert_eq!(producer.buffered(), 0);
}

/// What has been taken to be sent is never dropped: the new record is.
#[tokio::test(start_paused = true)]
async fn drop_oldest_leaves_alone_what_may_be_written() {
    let world = World::new(1, 1);
    let builder = world.builder().overflow(Overflow::DropOldest).buffer_records(10);
    let producer = builder.build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, SECOND * 5).times(1).arm();
    let sent = world.send(&producer, 0, 1..11).await;
    tokio::time::sleep(SECOND).await;
    let (number, took) = timed(async {
        let delivery = world.send(&producer, 0, [11]).await.remove(0);
        dropped(delivery).await
    })
    .await;
    assert_eq!((number, took), (11, Duration::ZERO));
    for delivery in sent {
        delivery.await.unwrap();
    }
    assert_eq!(world.log(0), (0..11).collect::<Vec<_>>());
}

/// Records of a topic that is not known wait in a bounded number, and under every strategy.
#[tokio::test(start_paused = true)]
async fn what_waits_for_its_topic_is_bounded_in_number() {
    for overflow in [Overflow::Fail, Overflow::DropNewest, Overflow::DropOldest] {
        let world = World::new(1, 1);
        let producer = world.builder().overflow(overflow).max_postponed(100).build().unwrap();
        let topic = world.client.topic("late");
        let (mut sent, mut refused) = (Vec::new(), 0);
        for number in 0..150u32 {
            match producer.send(&topic, Record::value(&number.to_be_bytes())).await {
                Ok(delivery) => sent.push((number, delivery)),
                Err(Refused::Full { limit: 100, .. }) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        // Others have room.
        world.send_one(&producer, 0, 0).await.unwrap();
        world.cluster.create_topic("late", 1).unwrap();
        let (mut written, mut gone) = (Vec::new(), 0);
        for (number, delivery) in sent {
            match tokio::time::timeout(LONG, delivery).await.unwrap() {
                Ok(_) => written.push(number),
                Err(SendError::NotWritten { reason: Reason::Overflow, record }) => {
                    assert_eq!(record.value.as_deref(), Some(&number.to_be_bytes()[..]));
                    gone += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        let expected: Vec<_> = match overflow {
            Overflow::DropOldest => (100..150).collect(),
            _ => (0..100).collect(),
        };
        assert_eq!(written, expected, "{overflow:?}");
        assert_eq!(written.len() + gone + refused, 150);
        assert_eq!(producer.buffered(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_unknown_topic_goes_on_when_it_is_known() {
    let world = World::new(1, 1);
    let producer = world.builder().max_postponed(1).build().unwrap();
    let topic = world.client.topic("late");
    let first = producer.send(&topic, Record::value(b"1")).await.unwrap();
    let second = {
        let (producer, topic) = (producer.clone(), topic.clone());
        tokio::spawn(async move { producer.send(&topic, Record::value(b"2")).await.unwrap().await })
    };
    tokio::time::sleep(SECOND).await;
    assert!(!second.is_finished());
    world.cluster.create_topic("late", 1).unwrap();
    assert_eq!(first.await.unwrap().offset, Some(0));
    assert_eq!(second.await.unwrap().unwrap().offset, Some(1));
}

/// Dropped or expired: whoever drops deliveries hears of the records by events.
#[tokio::test(start_paused = true)]
async fn what_is_dropped_comes_back_by_events() {
    #[derive(Default)]
    struct Discarded(Mutex<Vec<u32>>);
    impl ProducerEvents for Discarded {
        fn discarded(&self, failed: &FailedRecords) {
            let numbers = failed.records().map(|record| number(record.value.as_deref()));
            self.0.lock().unwrap().extend(numbers);
        }
    }
    for (overflow, expected) in [(Overflow::DropNewest, 10..1000), (Overflow::DropOldest, 0..990)] {
        let events = Arc::new(Discarded::default());
        let world = World::new(1, 1);
        world.cluster.remove_leader("in", 0);
        let builder = world.builder().overflow(overflow).buffer_records(10);
        let producer = builder.events(Arc::clone(&events) as _).build().unwrap();
        drop(world.send(&producer, 0, 0..1000).await);
        tokio::time::sleep(SECOND).await;
        assert_eq!(*events.0.lock().unwrap(), expected.collect::<Vec<_>>(), "{overflow:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn buffers_of_nothing_are_refused_by_name() {
    let world = World::new(1, 1);
    let builder = world.builder().buffer_records(0).max_postponed(0).overflow(Overflow::Fail);
    let refused = builder.max_wait(Duration::ZERO).build().unwrap_err().to_string();
    for name in ["buffer_records", "max_postponed", "max_wait", "overflow"] {
        assert!(refused.contains(name), "{refused}");
    }
}
