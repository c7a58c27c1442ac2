//! Time to live: what expires, when, and that nothing does that may have been written.

use std::sync::Arc;
use std::time::Duration;

use ottla_producer::{
    Delivery, FailedRecords, Header, OwnedRecord, ProducerEvents, Reason, Record, Refused,
    SendError, TopicSettings,
};
use ottla_protocol::{ApiKey, compression::Compression};

use crate::support::{LONG, World, offsets, timed};

const TTL: Duration = Duration::from_secs(5);

async fn expired(delivery: Delivery) -> (Duration, OwnedRecord) {
    match tokio::time::timeout(LONG, delivery).await.unwrap() {
        Err(SendError::NotWritten { reason: Reason::Expired { ttl }, record }) => (ttl, *record),
        other => panic!("{other:?}"),
    }
}

/// Kafka-sharp's MessageTtl: with no broker there it is a timer that gives records back.
#[tokio::test(start_paused = true)]
async fn expires_before_drain_and_comes_back_as_it_was_sent() {
    let world = World::new(1, 1);
    let producer = world.builder().ttl(TTL).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.stop_broker(0);
    // The connection is gone: nothing is sent any more.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let headers = [Header { key: "h", value: Some(b"1") }, Header { key: "h", value: None }];
    let record = Record::value(b"value").key(b"key").headers(&headers).timestamp(77);
    let delivery = producer.send(&world.topic, record).await.unwrap();
    let ((ttl, record), took) = timed(expired(delivery)).await;
    assert_eq!((ttl, took), (TTL, TTL));
    assert_eq!(record.key.as_deref(), Some(&b"key"[..]));
    assert_eq!(record.value.as_deref(), Some(&b"value"[..]));
    assert_eq!((record.timestamp, record.partition), (77, Some(0)));
    let headers: Vec<_> = record.headers.iter().map(|(k, v)| (&**k, v.as_deref())).collect();
    assert_eq!(headers, [("h", Some(&b"1"[..])), ("h", None)]);
    assert_eq!(producer.buffered(), 0);
    assert_eq!(producer.flush().await.unwrap_err().not_written, 1);
    world.cluster.start_broker(0);
    world.send_one(&producer, 0, 1).await.unwrap();
    assert_eq!(world.log(0), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn each_record_has_its_own_and_what_is_left_is_written() {
    for compression in [Compression::None, Compression::Lz4] {
        let world = World::new(1, 1);
        let builder = world.builder().ttl(TTL).compression(compression);
        let producer = builder.build().unwrap();
        world.send_one(&producer, 0, 1000).await.unwrap();
        world.cluster.stop_broker(0);
        // The connection is gone: nothing is sent any more.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut kept = Vec::new();
        for number in 0..300u32 {
            let value = number.to_be_bytes();
            let record = Record::value(&value);
            let millis = u64::from(number * 7919 % 300 + 1);
            let own = Duration::from_millis(10 * millis);
            // A third has its own, a third the producer's, a third lives longer.
            let (record, ttl) = match number % 3 {
                0 => (record.ttl(own), own),
                1 => (record, TTL),
                _ => (record.ttl(Duration::from_secs(30)), LONG),
            };
            let delivery = producer.send(&world.topic, record).await.unwrap();
            if ttl == LONG {
                kept.push((number, delivery));
            } else {
                tokio::spawn(async move {
                    let ((told, record), took) = timed(expired(delivery)).await;
                    assert_eq!((told, took), (ttl, ttl));
                    assert_eq!(record.value.as_deref(), Some(&number.to_be_bytes()[..]));
                });
            }
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
        world.cluster.start_broker(0);
        let (numbers, deliveries): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        assert_eq!(offsets(deliveries).await, (1..101).collect::<Vec<i64>>());
        assert_eq!(world.log(0)[1..], numbers);
        assert_eq!(producer.buffered(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn expires_while_its_topic_is_unknown() {
    let world = World::new(1, 1);
    let producer = world.builder().ttl(TTL).build().unwrap();
    let topic = world.client.topic("late");
    let early = producer.send(&topic, Record::value(b"early")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let brief = Record::value(b"brief").ttl(Duration::from_secs(1));
    let brief = producer.send(&topic, brief).await.unwrap();
    let late = producer.send(&topic, Record::value(b"late")).await.unwrap();
    let ((_, record), took) = timed(expired(brief)).await;
    assert_eq!((record.value.as_deref(), took), (Some(&b"brief"[..]), Duration::from_secs(1)));
    let ((_, record), took) = timed(expired(early)).await;
    assert_eq!((record.value.as_deref(), took), (Some(&b"early"[..]), Duration::from_secs(2)));
    world.cluster.create_topic("late", 1).unwrap();
    assert_eq!(late.await.unwrap().offset, Some(0));
    assert_eq!(producer.buffered(), 0);
}

/// The time that a record waited for its topic counts when it goes on.
#[tokio::test(start_paused = true)]
async fn keeps_its_end_when_its_topic_becomes_known() {
    let world = World::new(1, 1);
    let producer = world.builder().ttl(TTL).build().unwrap();
    let topic = world.client.topic("late");
    let delivery = producer.send(&topic, Record::value(b"x")).await.unwrap();
    let outcome = tokio::spawn(timed(expired(delivery)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.cluster.create_topic("late", 1).unwrap();
    world.cluster.remove_leader("late", 0);
    assert_eq!(outcome.await.unwrap().1, TTL);
}

#[tokio::test(start_paused = true)]
async fn expires_while_its_partition_has_no_leader() {
    let world = World::new(1, 1);
    let producer = world.builder().ttl(TTL).build().unwrap();
    world.cluster.remove_leader("in", 0);
    let delivery = world.send(&producer, 0, [1]).await.remove(0);
    let (_, took) = timed(expired(delivery)).await;
    assert_eq!(took, TTL);
}

/// With a slow broker, or one that does not answer, nothing expires once it may have been written.
#[tokio::test(start_paused = true)]
async fn never_expires_once_it_may_have_been_written() {
    let world = World::new(1, 1);
    let producer = world.builder().ttl(TTL).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let slow = Duration::from_secs(20);
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, slow).times(1).arm();
    let written = world.send(&producer, 0, [1]).await.remove(0);
    let (outcome, took) = timed(written).await;
    assert_eq!((outcome.unwrap().offset, took >= slow), (Some(1), true));
    // Not answered at all until the delivery timeout: unknown, not expired.
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
    let unknown = world.send_one(&producer, 0, 2).await.unwrap_err();
    assert!(matches!(unknown, SendError::Unknown { .. }), "{unknown:?}");
    assert_eq!(world.log(0), [0, 1, 2]);
}

/// Behind batches that wait for a slow answer records are not drained yet, and expire.
#[tokio::test(start_paused = true)]
async fn expires_behind_batches_that_are_not_answered() {
    let world = World::new(1, 1);
    let producer = world.builder().ttl(TTL).max_batch_size(1 << 10).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let slow = Duration::from_secs(8);
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, slow).times(1).arm();
    let (mut written, mut gone) = (0u32, 0u32);
    let deliveries: Vec<_> = world.send(&producer, 0, 1..2000).await;
    for delivery in deliveries {
        match delivery.await {
            Ok(_) => written += 1,
            Err(SendError::NotWritten { reason: Reason::Expired { .. }, .. }) => gone += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(written > 100 && gone > 100 && written + gone == 1999, "{written} {gone}");
    assert_eq!(world.log(0).len(), written as usize + 1);
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_room_counts() {
    let world = World::new(1, 1);
    let builder = world.builder().ttl(TTL).max_batch_size(16 << 10).buffer_memory(64 << 10);
    let producer = builder.build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.stop_broker(0);
    // The connection is gone, too: nothing can be taken to be sent.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let filling = Record::value(&[1; 1000]).ttl(Duration::from_secs(3));
    let mut filled = Vec::new();
    while let Ok(delivery) = producer.try_send(&world.topic, filling) {
        filled.push(delivery);
    }
    let waiting = {
        let (producer, topic) = (producer.clone(), world.topic.clone());
        tokio::spawn(timed(async move {
            let delivery = producer.send(&topic, Record::value(b"patient")).await.unwrap();
            expired(delivery).await
        }))
    };
    let brief = Record::value(b"brief").ttl(Duration::from_secs(1));
    let (refused, took) = timed(producer.send(&world.topic, brief)).await;
    let second = Duration::from_secs(1);
    assert_eq!((refused.unwrap_err(), took), (Refused::Expired { ttl: second }, second));
    let ((ttl, _), took) = waiting.await.unwrap();
    assert_eq!((ttl, took), (TTL, TTL));
    for delivery in filled {
        expired(delivery).await;
    }
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_topic_has_its_own_and_a_record_goes_before_it() {
    let world = World::new(1, 1);
    let own = Duration::from_secs(2);
    let builder = world.builder().ttl(TTL).topic_settings("in", TopicSettings::new().ttl(own));
    let producer = builder.build().unwrap();
    world.cluster.remove_leader("in", 0);
    let topics = producer.send(&world.topic, Record::value(b"topic's")).await.unwrap();
    let records = producer.send(&world.topic, Record::value(b"own").ttl(TTL * 2)).await.unwrap();
    let other = world.client.topic("other");
    let producers = producer.send(&other, Record::value(b"producer's")).await.unwrap();
    let ((ttl, _), took) = timed(expired(topics)).await;
    assert_eq!((ttl, took), (own, own));
    let ((ttl, _), took) = timed(expired(producers)).await;
    assert_eq!((ttl, took), (TTL, TTL - own));
    let ((ttl, _), took) = timed(expired(records)).await;
    assert_eq!((ttl, took), (TTL * 2, TTL));
}

/// Whoever drops a delivery gets the record through the event sink.
#[tokio::test(start_paused = true)]
async fn comes_back_by_events_if_nobody_waits() {
    #[derive(Default)]
    struct Expired(std::sync::Mutex<Vec<Option<Vec<u8>>>>);
    impl ProducerEvents for Expired {
        fn expired(&self, failed: &FailedRecords) {
            let values = failed.records().map(|record| record.value.map(|value| value.to_vec()));
            self.0.lock().unwrap().extend(values);
        }
    }
    let world = World::new(1, 1);
    let events = Arc::new(Expired::default());
    let builder = world.builder().ttl(TTL).events(Arc::clone(&events) as _);
    let producer = builder.build().unwrap();
    world.cluster.remove_leader("in", 0);
    drop(producer.send(&world.topic, Record::value(b"one")).await.unwrap());
    drop(producer.send(&world.topic, Record::value(b"two")).await.unwrap());
    tokio::time::sleep(TTL + Duration::from_millis(2)).await;
    let told = events.0.lock().unwrap().clone();
    assert_eq!(told, [Some(b"one".to_vec()), Some(b"two".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn a_time_to_live_of_nothing_is_refused_by_name() {
    let world = World::new(1, 1);
    let topic = TopicSettings::new().ttl(Duration::ZERO);
    let builder = world.builder().ttl(Duration::ZERO).topic_settings("in", topic);
    let refused = builder.build().unwrap_err().to_string();
    assert_eq!(refused.matches("ttl").count(), 2, "{refused}");
}

/// Awaited in order, or backwards, or not at all: each ends at its own time, and all once.
#[tokio::test(start_paused = true)]
async fn thousands_expire_one_by_one() {
    let world = World::new(1, 1);
    let producer = world.builder().build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.stop_broker(0);
    // The connection is gone: nothing is sent any more.
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut outcomes = tokio::task::JoinSet::new();
    for number in 0..5000u32 {
        let ttl = Duration::from_millis(1 + u64::from(number * 7 % 5000));
        let value = number.to_be_bytes();
        let delivery = producer.send(&world.topic, Record::value(&value).ttl(ttl)).await.unwrap();
        if number % 3 > 0 {
            outcomes.spawn(async move {
                let ((told, record), took) = timed(expired(delivery)).await;
                assert_eq!((told, took), (ttl, ttl));
                assert_eq!(record.value.as_deref(), Some(&number.to_be_bytes()[..]));
            });
        }
    }
    while let Some(outcome) = outcomes.join_next().await {
        outcome.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(producer.flush().await.unwrap_err().not_written, 5000);
    assert_eq!(producer.buffered(), 0);
}
