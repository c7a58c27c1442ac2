//! The memory budget: who waits, who is refused, and that all of it comes back.

use std::time::Duration;

use ottla_producer::{Delivery, Producer, Record, Refused};
use ottla_protocol::ApiKey;

use crate::support::{World, timed};

/// A producer whose buffer is full, because the broker holds its answer back for a second.
async fn full(world: &World) -> (Producer, Delivery) {
    let producer =
        world.builder().max_batch_size(16 << 10).buffer_memory(64 << 10).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let second = Duration::from_secs(1);
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, second).times(1).arm();
    let first = producer.try_send(&world.topic, Record::value(&[1; 1000])).unwrap();
    loop {
        match producer.try_send(&world.topic, Record::value(&[1; 1000])) {
            Ok(_) => {}
            Err(Refused::Full { limit, .. }) => {
                assert_eq!(limit, 64 << 10);
                return (producer, first);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_is_served_in_order_and_nobody_overtakes() {
    let world = World::new(1, 1);
    let (producer, first) = full(&world).await;
    let mut last = Some(first);
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for number in 0..20u32 {
        let (producer, topic, order) = (producer.clone(), world.topic.clone(), order.clone());
        // The last comes when there is room, but the others have not been woken yet.
        let trigger = (number == 19).then(|| last.take()).flatten();
        waiting.push(tokio::spawn(async move {
            if let Some(written) = trigger {
                written.await.unwrap();
            }
            let delivery = producer.send(&topic, Record::value(&number.to_be_bytes())).await;
            order.lock().unwrap().push(number);
            delivery.unwrap().await.unwrap().offset
        }));
        tokio::task::yield_now().await;
    }
    assert!(order.lock().unwrap().is_empty());
    assert!(producer.try_send(&world.topic, Record::value(b"x")).is_err());
    let mut offsets = Vec::new();
    for sent in waiting {
        offsets.push(tokio::time::timeout(Duration::from_secs(5), sent).await.unwrap().unwrap());
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    assert!(offsets.is_sorted());
    producer.flush().await.unwrap();
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_cancelled_sends_nothing_and_passes_its_turn_on() {
    let world = World::new(1, 1);
    let (producer, _first) = full(&world).await;
    let cancelled: Vec<_> = (0..5)
        .map(|_| {
            let (producer, topic) = (producer.clone(), world.topic.clone());
            tokio::spawn(async move { producer.send(&topic, Record::value(b"gone")).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let patient = {
        let (producer, topic) = (producer.clone(), world.topic.clone());
        tokio::spawn(async move { producer.send(&topic, Record::value(b"here")).await })
    };
    tokio::time::sleep(Duration::from_millis(10)).await;
    for send in cancelled {
        send.abort();
        assert!(send.await.unwrap_err().is_cancelled());
    }
    let (delivery, took) = timed(patient).await;
    delivery.unwrap().unwrap().await.unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let log = world.cluster.records("in", 0);
    assert!(log.iter().all(|record| record.value.as_deref() != Some(b"gone")));
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_does_not_wait_for_the_linger() {
    let world = World::new(1, 4);
    let hour = Duration::from_secs(3600);
    let builder = world.builder().max_batch_size(16 << 10).buffer_memory(64 << 10);
    let builder = builder.linger(hour).min_request_spacing(hour).delivery_timeout(hour * 2);
    let producer = builder.build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let (_, took) = timed(async {
        for number in 0..1000 {
            let record = Record::value(&[1; 1000]).partition(number % 4);
            drop(producer.send(&world.topic, record).await.unwrap());
        }
    })
    .await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    producer.flush().await.unwrap();
    assert_eq!((0..4).map(|p| world.cluster.log_end("in", p)).sum::<i64>(), 1001);
}

/// Whatever becomes of records, their memory comes back.
#[tokio::test(start_paused = true)]
async fn no_path_keeps_the_budget() {
    let world = World::new(2, 4);
    let producer = world.builder().max_batch_size(2 << 10).build().unwrap();
    for partition in 0..4 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let faults = world.cluster.faults();
    use ottla_protocol::ErrorCode as E;
    faults.fail(ApiKey::PRODUCE, E::MESSAGE_TOO_LARGE).partition(0).times(2).arm();
    faults.fail(ApiKey::PRODUCE, E::OUT_OF_ORDER_SEQUENCE_NUMBER).partition(1).times(3).arm();
    faults.fail(ApiKey::PRODUCE, E::NOT_ENOUGH_REPLICAS).partition(2).arm();
    faults.swallow_reply(ApiKey::PRODUCE).broker(1).after(5).arm();
    let nowhere = world.client.topic("nowhere");
    let mut deliveries = Vec::new();
    for number in 0..2000u32 {
        let partition = i32::try_from(number % 4).unwrap();
        deliveries.extend(world.send(&producer, partition, [number]).await);
        if number % 10 == 0 {
            deliveries.push(producer.send(&nowhere, Record::value(b"x")).await.unwrap());
        }
    }
    assert!(producer.buffered() > 0);
    for delivery in deliveries {
        let _ = delivery.await;
    }
    assert_eq!(producer.buffered(), 0);
}

/// A loop of sends alone on its thread must not keep it from the tasks that send.
#[tokio::test(start_paused = true)]
async fn a_tight_loop_with_room_lets_others_run() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    // Nothing but the loop itself may keep the next request from being sent.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for number in 0..20_000u32 {
        let record = Record::value(&[7; 100]).partition(0);
        drop(producer.send(&world.topic, record).await.unwrap());
        if world.cluster.log_end("in", 0) > 1 {
            assert!(number < 2_000, "the first went out after {number} records");
            return;
        }
    }
    panic!("nothing was sent while there was room for more");
}
