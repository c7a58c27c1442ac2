//! Topics that are not known yet, or not at all, and records that no topic takes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ottla_producer::{FailedRecords, ProducerEvents, Reason, Record, Refused, SendError};

use crate::support::{World, number, offsets, timed};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_topic_that_never_comes_gives_its_records_back() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let topic = world.client.topic("never");
    let record = Record::value(&[0, 0, 0, 9]).key(b"k").partition(3);
    let delivery = producer.send(&topic, record).await.unwrap();
    let (outcome, took) = timed(delivery).await;
    match outcome.unwrap_err() {
        SendError::NotWritten { reason: Reason::Topic { topic, .. }, record } => {
            assert_eq!((&*topic, number(record.value.as_deref())), ("never", 9));
            assert_eq!(record.key.as_deref(), Some(&b"k"[..]));
        }
        other => panic!("{other:?}"),
    }
    assert!(took >= PATIENCE && took < PATIENCE + Duration::from_secs(1), "{took:?}");
    assert_eq!(producer.buffered(), 0);
    // It is looked for again with the next record.
    world.cluster.create_topic("never", 1).unwrap();
    producer.send(&topic, Record::value(b"now")).await.unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn records_sent_before_their_topic_is_made_come_first() {
    let world = World::new(1, 1);
    let producer = world.producer();
    let topic = world.client.topic("late");
    let mut deliveries = Vec::new();
    for n in 0..2000u32 {
        if n == 1000 {
            world.cluster.create_topic("late", 1).unwrap();
        }
        deliveries.push(producer.send(&topic, Record::value(&n.to_be_bytes())).await.unwrap());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(offsets(deliveries).await, (0..2000).collect::<Vec<_>>());
    let log = world.cluster.records("late", 0);
    let log: Vec<_> = log.iter().map(|record| number(record.value.as_deref())).collect();
    assert_eq!(log, (0..2000).collect::<Vec<_>>());
    assert_eq!(producer.buffered(), 0);
}

/// Time in the staging batch counts: from `send` to the outcome it is the delivery timeout.
#[tokio::test(start_paused = true)]
async fn waiting_for_the_topic_is_part_of_the_delivery_timeout() {
    let world = World::new(1, 1);
    let delivery = Duration::from_secs(70);
    let producer = world.builder().delivery_timeout(delivery).build().unwrap();
    let topic = world.client.topic("late");
    let pending = producer.send(&topic, Record::value(b"x")).await.unwrap();
    world.cluster.faults().swallow_reply(ottla_protocol::ApiKey::PRODUCE).arm();
    let outcome = tokio::spawn(timed(pending));
    tokio::time::sleep(Duration::from_secs(40)).await;
    world.cluster.create_topic("late", 1).unwrap();
    let (outcome, took) = outcome.await.unwrap();
    assert!(matches!(outcome, Err(SendError::Unknown { .. })), "{outcome:?}");
    assert!(took >= delivery && took < delivery + Duration::from_millis(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_not_there_is_refused_or_given_back() {
    let world = World::new(1, 2);
    let producer = world.producer();
    // Nothing is known yet: all are accepted.
    let early = world.send(&producer, 5, [1]).await.remove(0);
    let good = world.send(&producer, 1, [2]).await;
    match early.await.unwrap_err() {
        SendError::NotWritten { reason: Reason::Topic { cause, .. }, record } => {
            assert!(cause.contains("2 partitions"), "{cause}");
            assert_eq!((number(record.value.as_deref()), record.partition), (1, Some(5)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(offsets(good).await, [0]);
    for partition in [2, -1, i32::MIN, i32::MAX] {
        let record = Record::value(b"x").partition(partition);
        match producer.send(&world.topic, record).await.unwrap_err() {
            Refused::NoSuchPartition { partition: asked, count, .. } => {
                assert_eq!((asked, count), (partition, 2));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(producer.flush().await.unwrap_err().not_written, 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_batch_holds_is_refused_and_leaves_nothing_behind() {
    let world = World::new(1, 1);
    let producer = world.builder().max_batch_size(1 << 10).build().unwrap();
    let unknown = world.client.topic("unknown");
    let big = [0; 1000];
    for topic in [&unknown, &world.topic, &world.topic] {
        match producer.send(topic, Record::value(&big)).await.unwrap_err() {
            Refused::TooLarge { size, limit } => assert!(size > 1000 && limit == 1 << 10),
            other => panic!("{other:?}"),
        }
        let (flushed, took) = timed(producer.flush()).await;
        flushed.unwrap();
        assert!(took < Duration::from_millis(10), "{took:?}");
        assert_eq!(producer.buffered(), 0);
        let _ = world.send_one(&producer, 0, 1).await.unwrap();
    }
    // The largest that fits.
    let fits = [0; 1024 - 61 - 10];
    producer.send(&world.topic, Record::value(&fits)).await.unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_another_client_is_refused() {
    let world = World::new(1, 1);
    let other = World::new(1, 1);
    let producer = world.producer();
    for _ in 0..2 {
        let refused = producer.send(&other.topic, Record::value(b"x")).await.unwrap_err();
        assert!(matches!(refused, Refused::ForeignTopic { .. }));
        world.send_one(&producer, 0, 0).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn timestamps_far_apart_go_into_batches_of_their_own() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    for timestamp in [0, i64::MAX, -1, 5] {
        let record = Record::value(b"x").timestamp(timestamp);
        drop(producer.send(&world.topic, record).await.unwrap());
    }
    producer.flush().await.unwrap();
    let log = world.cluster.records("in", 0);
    assert_eq!(log.iter().skip(1).map(|r| r.timestamp).collect::<Vec<_>>(), [0, i64::MAX, -1, 5]);
}

#[derive(Default)]
struct Heard(Mutex<Vec<u32>>);

impl ProducerEvents for Heard {
    fn failed(&self, records: &FailedRecords) {
        let numbers = records.records().map(|record| number(record.value.as_deref()));
        self.0.lock().unwrap().extend(numbers);
    }
}

/// Were the batch they waited in counted, or looked through, for each of them, there would be no
/// room for this, or no end of it.
#[tokio::test(start_paused = true)]
async fn very_many_records_that_no_partition_takes_come_back() {
    const MANY: u32 = 9_999;
    let world = World::new(1, 1);
    let events = Arc::new(Heard::default());
    let shared: Arc<dyn ProducerEvents> = Arc::<Heard>::clone(&events);
    let producer = world.builder().events(shared).build().unwrap();
    let mut deliveries = Vec::new();
    for n in 0..MANY {
        let partition = i32::try_from(7 + n % 3).unwrap();
        let value = n.to_be_bytes();
        let record = Record::value(&value).partition(partition);
        deliveries.push(producer.try_send(&world.topic, record).unwrap());
    }
    for (n, delivery) in (0..MANY).zip(deliveries) {
        let record = delivery.await.unwrap_err().into_record();
        assert_eq!(number(record.value.as_deref()), n);
        assert_eq!(record.partition, Some(i32::try_from(7 + n % 3).unwrap()));
    }
    producer.flush().await.unwrap_err();
    let heard = std::mem::take(&mut *events.0.lock().unwrap());
    assert_eq!(heard, (0..MANY).collect::<Vec<_>>());
    assert_eq!(producer.buffered(), 0);
}

/// As Java, and unlike a refusal until the next periodic look at the cluster.
#[tokio::test(start_paused = true)]
async fn a_partition_that_is_new_is_asked_for() {
    let world = World::new(1, 2);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    let early = Record::value(b"early").partition(4);
    assert!(matches!(
        producer.try_send(&world.topic, early).unwrap_err(),
        Refused::NoSuchPartition { count: 2, .. }
    ));
    let grown = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(world.cluster.grow_topic("in", 5));
    };
    let sent = async { producer.send(&world.topic, early).await.unwrap().await.unwrap() };
    let ((written, ()), took) = timed(async { tokio::join!(sent, grown) }).await;
    assert_eq!(written.partition, 4);
    assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(7), "{took:?}");
    // The refusal of `try_send` has the cluster asked as well.
    assert!(world.cluster.grow_topic("in", 6));
    let late = Record::value(b"late").partition(5);
    producer.try_send(&world.topic, late).unwrap_err();
    tokio::time::sleep(Duration::from_secs(2)).await;
    producer.try_send(&world.topic, late).unwrap().await.unwrap();
    // What never comes is refused in the end, and a close is not waited for.
    let never = Record::value(b"never").partition(9);
    let (refused, took) = timed(producer.send(&world.topic, never)).await;
    assert!(matches!(refused.unwrap_err(), Refused::NoSuchPartition { count: 6, .. }));
    assert!(took >= PATIENCE && took < PATIENCE + Duration::from_secs(1), "{took:?}");
    let waiting = producer.send(&world.topic, never);
    let closed = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        producer.clone().close(Duration::ZERO).await
    };
    let ((refused, _), took) = timed(async { tokio::join!(waiting, closed) }).await;
    assert_eq!(refused.unwrap_err(), Refused::Closed);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn topics_and_partitions_can_be_listed() {
    let world = World::new(3, 4);
    world.cluster.create_topic("another", 2).unwrap();
    let listed = world.client.list_topics().await.unwrap();
    let listed: Vec<_> =
        listed.iter().map(|topic| (&*topic.name, topic.partitions, topic.is_internal)).collect();
    assert_eq!(listed, [("another", 2, false), ("in", 4, false)]);
    let partitions = world.client.partitions(&world.topic).await.unwrap();
    let partitions: Vec<_> =
        partitions.iter().map(|known| (known.partition, known.leader.unwrap().0)).collect();
    assert_eq!(partitions, [(0, 0), (1, 1), (2, 2), (3, 0)]);
    assert_eq!(world.client.cluster().topics().count(), 1, "what is only listed is not followed");
}
