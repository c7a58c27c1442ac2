//! Partitioners at work in whole producers.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ottla_producer::{
    Keyless, Partitioner, Partitions, Producer, Reason, Record, Refused, SendError, TopicSettings,
};
use ottla_protocol::ApiKey;
use ottla_test_broker::TestCluster;

use crate::support::{World, number};

/// How many records each partition of a topic has.
fn counts(world: &World, topic: &str) -> Vec<i64> {
    (0..world.cluster.partitions(topic)).map(|at| world.cluster.log_end(topic, at)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_topic_has_its_own_or_the_producers() {
    let world = World::on(TestCluster::builder().topic("in", 4).topic("keyed", 12).topic("own", 4));
    let each = NonZeroU32::MIN;
    let producer = world
        .builder()
        .partitioner(
            Partitioner::consistent_random().keyless(Keyless::RoundRobin { records: each }),
        )
        .topic_settings("own", TopicSettings::new().partitioner(Partitioner::java()))
        .build()
        .unwrap();
    let send = async |topic: &str, record: Record<'_>| {
        let topic = world.client.topic(topic);
        producer.send(&topic, record).await.unwrap().await.unwrap().partition
    };
    for _ in 0..8 {
        send("in", Record::value(b"x")).await;
    }
    assert_eq!(counts(&world, "in"), [2; 4]);
    // What librdkafka and Java say of these keys.
    assert_eq!(send("keyed", Record::tombstone(b"a")).await, 3);
    assert_eq!(send("own", Record::tombstone(b"0")).await, 0);
    assert_eq!(send("in", Record::tombstone(b"0")).await, 1);
    // An explicit partition is above all of them.
    assert_eq!(send("keyed", Record::tombstone(b"a").partition(7)).await, 7);
}

#[tokio::test(start_paused = true)]
async fn round_robin_goes_on_after_so_many_records_from_anywhere() {
    let world = World::new(1, 5);
    let three = NonZeroU32::new(3).unwrap();
    let robin = || world.builder().partitioner(Partitioner::round_robin(three)).build().unwrap();
    let mut first = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let producer = robin();
        let mut chosen = Vec::new();
        for key in 0..15u8 {
            let value = [key];
            let record = Record::value(&value).key(b"the same");
            let sent = producer.send(&world.topic, record).await.unwrap();
            chosen.push(sent.await.unwrap().partition);
        }
        first.insert(chosen[0]);
        for turn in chosen.chunks(3) {
            assert!(turn.iter().all(|&partition| partition == turn[0]), "{chosen:?}");
        }
        let turns: std::collections::BTreeSet<i32> = chosen.iter().copied().collect();
        assert_eq!(turns.len(), 5, "{chosen:?}");
    }
    assert!(first.len() > 2, "always begins with {first:?}");
}

/// The user's function sends by the same producer: under a lock of the topic that would never end.
#[tokio::test(start_paused = true)]
async fn the_users_own_is_called_without_locks_for_records_that_waited_too() {
    let world = World::new(1, 3);
    let producer: Arc<OnceLock<Producer>> = Arc::default();
    let (topic, inner) = (world.topic.clone(), Arc::clone(&producer));
    let own = move |name: &str, record: &Record<'_>, partitions: &Partitions<'_>| {
        assert_eq!((name, partitions.count()), ("in", 3));
        let wanted = number(record.value);
        if wanted < 100 {
            let also = (wanted + 100).to_be_bytes();
            drop(inner.get().unwrap().try_send(&topic, Record::value(&also)).unwrap());
        }
        i32::try_from(wanted % 3).unwrap()
    };
    let built = world.builder().partitioner(Partitioner::custom(own)).build().unwrap();
    producer.set(built).unwrap();
    let producer = producer.get().unwrap();
    // Before anything is known of the topic, and after.
    for n in 0..100u32 {
        drop(producer.send(&world.topic, Record::value(&n.to_be_bytes())).await.unwrap());
        if n == 50 {
            producer.flush().await.unwrap();
        }
    }
    producer.flush().await.unwrap();
    for partition in 0..3 {
        let log = world.log(i32::try_from(partition).unwrap());
        let expected = |from: u32| (from..from + 100).filter(|n| n % 3 == partition);
        let (low, high): (Vec<u32>, Vec<u32>) = log.into_iter().partition(|&n| n < 100);
        assert_eq!(low, expected(0).collect::<Vec<_>>());
        assert_eq!(high, expected(100).collect::<Vec<_>>());
    }
    assert_eq!(producer.buffered(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_partition_refuses_the_record() {
    let world = World::new(1, 2);
    let answers = Arc::new(Mutex::new(vec![0, i32::MIN, 2, -1]));
    let own = move |_: &str, _: &Record<'_>, _: &Partitions<'_>| {
        answers.lock().unwrap().pop().unwrap_or(1)
    };
    let producer = world.builder().partitioner(Partitioner::custom(own)).build().unwrap();
    // The first waits for its topic, and so is given back instead.
    let staged = producer.send(&world.topic, Record::value(b"1")).await.unwrap();
    match staged.await.unwrap_err() {
        SendError::NotWritten { reason: Reason::Topic { cause, .. }, record } => {
            assert!(cause.contains("named partition -1"), "{cause}");
            assert_eq!(record.value.as_deref(), Some(&b"1"[..]));
        }
        other => panic!("{other:?}"),
    }
    for bad in [2, i32::MIN] {
        match producer.send(&world.topic, Record::value(b"2")).await.unwrap_err() {
            Refused::BadPartition { topic, partition, count } => {
                assert_eq!((&*topic, partition, count), ("in", bad, 2));
            }
            other => panic!("{other:?}"),
        }
    }
    let good = producer.send(&world.topic, Record::value(b"3")).await.unwrap();
    assert_eq!(good.await.unwrap().partition, 0);
    assert_eq!(producer.buffered(), 0);
}

/// Sends a megabyte a second for a while and tells how much went to the partition of the broker
/// that answers late or not at all.
async fn share_of_slow(world: &World, partitioner: Partitioner) -> f64 {
    let producer = world.builder().partitioner(partitioner).buffer_memory(1 << 30).build().unwrap();
    for partition in 0..3 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let before: i64 = counts(world, "in").iter().sum();
    world.cluster.faults().delay(ApiKey::PRODUCE, Duration::from_secs(1)).broker(0).arm();
    let value = [0; 10_000];
    for _ in 0..2_000 {
        drop(producer.send(&world.topic, Record::value(&value)).await.unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.cluster.faults().clear();
    producer.flush().await.unwrap();
    let counts = counts(world, "in");
    let all: i64 = counts.iter().sum::<i64>() - before;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let share = counts[0] as f64 / all as f64;
    share
}

#[tokio::test(start_paused = true)]
async fn kip_794_a_slow_broker_gets_less() {
    let share = share_of_slow(&World::new(3, 3), Partitioner::java()).await;
    assert!(share < 0.25, "{share}");
    let share = share_of_slow(&World::new(3, 3), Partitioner::java().adaptive(false)).await;
    assert!((0.28..0.40).contains(&share), "{share}");
}

#[tokio::test(start_paused = true)]
async fn kip_794_a_broker_that_cannot_be_sent_to_is_left_out() {
    let world = World::new(3, 3);
    let settings = Partitioner::java().availability_timeout(Duration::from_secs(1));
    let producer = world.builder().partitioner(settings).build().unwrap();
    for partition in 0..3 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.network.block(0);
    world.cluster.cut_connections(0);
    let mut last = Vec::new();
    for n in 0..1_000u32 {
        let value = [0; 10_000];
        let sent = producer.send(&world.topic, Record::value(&value)).await.unwrap();
        if n >= 500 {
            last.push(sent);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for sent in last {
        assert_ne!(sent.await.unwrap().partition, 0);
    }
}
