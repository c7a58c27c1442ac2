//! Records without a key, partitioned again when their partition fails.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use ottla_producer::{Delivery, Partitioner, Producer, Reason, Record, SendError};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::{ArmedFault, TestCluster};
use tokio::time::sleep;

use crate::support::{World, timed};

/// One record to each partition in turn, keys ignored or not.
async fn warm(world: &World, partitioner: Partitioner) -> Producer {
    let producer = world.builder().partitioner(partitioner).build().unwrap();
    for partition in 0..world.cluster.partitions("in") {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    producer
}

fn each() -> Partitioner {
    Partitioner::round_robin(NonZeroU32::MIN)
}

fn refuse(world: &World, partition: i32) -> ArmedFault {
    let faults = world.cluster.faults();
    faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).partition(partition).arm()
}

/// Sends numbers without a key.
async fn send(
    world: &World,
    producer: &Producer,
    numbers: std::ops::Range<u32>,
) -> Vec<(u32, Delivery)> {
    let mut sent = Vec::new();
    for number in numbers {
        let value = number.to_be_bytes();
        let delivery = producer.send(&world.topic, Record::value(&value)).await.unwrap();
        sent.push((number, delivery));
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_or_not_sent_goes_to_another_partition() {
    for idempotence in [true, false] {
        let world = World::new(1, 3);
        let producer = world.builder().partitioner(each()).idempotence(idempotence);
        let producer = producer.build().unwrap();
        for partition in 0..3 {
            world.send_one(&producer, partition, 0).await.unwrap();
        }
        let refused = refuse(&world, 1);
        for (number, delivery) in send(&world, &producer, 1..31).await {
            let (written, took) = timed(delivery).await;
            let written = written.unwrap();
            assert_ne!(written.partition, 1);
            assert!(took < Duration::from_millis(50), "{number} took {took:?}");
            let log = world.log(written.partition);
            assert_eq!(log[usize::try_from(written.offset.unwrap()).unwrap()], number);
        }
        assert_eq!(refused.hits(), 1);
        let mut all: Vec<u32> = (0..3).flat_map(|partition| world.log(partition)).collect();
        all.sort_unstable();
        assert_eq!(all[3..], (1..31).collect::<Vec<_>>());
        refused.disarm();
        world.send_one(&producer, 1, 99).await.unwrap();
        assert_eq!(world.log(1), [0, 99]);
        assert_eq!(producer.buffered(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_a_key_or_a_partition_stays() {
    let world = World::new(1, 3);
    let producer = warm(&world, Partitioner::java()).await;
    for bound in [Record::value(&[0, 0, 0, 7]).partition(1), Record::value(&[0, 0, 0, 8]).key(b"a")]
    {
        // Java sends this key to partition 1 of 3.
        let refused = refuse(&world, 1);
        let mut bound = producer.send(&world.topic, bound).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(30), &mut bound).await;
        assert!(waited.is_err() && refused.hits() > 5, "{waited:?}");
        refused.disarm();
        assert_eq!(bound.await.unwrap().partition, 1);
        sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(world.log(1), [0, 7, 8]);
}

/// A batch with one record that belongs there stays as a whole.
#[tokio::test(start_paused = true)]
async fn a_batch_stays_if_any_of_its_records_must() {
    let world = World::new(1, 2);
    let producer = warm(&world, Partitioner::round_robin(NonZeroU32::new(2).unwrap())).await;
    let refused = refuse(&world, 1);
    let sent = send(&world, &producer, 1..5).await;
    let told = world.send(&producer, 1, [9]).await;
    sleep(Duration::from_secs(1)).await;
    refused.disarm();
    let mut partitions = BTreeMap::new();
    for (number, delivery) in sent {
        partitions.insert(number, delivery.await.unwrap().partition);
    }
    drop(told);
    producer.flush().await.unwrap();
    let with: Vec<u32> =
        partitions.iter().filter(|(_, at)| **at == 1).map(|(number, _)| *number).collect();
    assert_eq!(with.len(), 2, "{partitions:?}");
    assert_eq!(world.log(1), [0, with[0], with[1], 9]);
}

#[tokio::test(start_paused = true)]
async fn what_is_possibly_written_stays_and_what_waits_behind_it_goes() {
    let world = World::new(2, 2);
    let producer = warm(&world, each()).await;
    // The broker writes it, and nobody hears of it.
    let faults = world.cluster.faults();
    let lost = faults.fail_after(ApiKey::PRODUCE, ErrorCode::REQUEST_TIMED_OUT).partition(0).arm();
    let first = send(&world, &producer, 1..3).await;
    sleep(Duration::from_millis(50)).await;
    assert!(lost.hits() > 0);
    for (_, delivery) in send(&world, &producer, 3..11).await {
        assert_eq!(delivery.await.unwrap().partition, 1);
    }
    lost.disarm();
    let mut partitions = Vec::new();
    for (_, delivery) in first {
        partitions.push(delivery.await.unwrap().partition);
    }
    partitions.sort_unstable();
    assert_eq!(partitions, [0, 1]);
    let mut all: Vec<u32> = [world.log(0), world.log(1)].concat();
    all.sort_unstable();
    assert_eq!(all[2..], (1..11).collect::<Vec<_>>(), "lost or doubled");
}

#[tokio::test(start_paused = true)]
async fn its_time_to_live_and_its_deadline_go_with_it() {
    for ttl in [Some(Duration::from_secs(2)), None] {
        let world = World::new(2, 2);
        let deadline = Duration::from_secs(40);
        let producer = world.builder().partitioner(each()).delivery_timeout(deadline);
        let producer = producer.build().unwrap();
        for partition in 0..2 {
            world.send_one(&producer, partition, 0).await.unwrap();
        }
        let turn = producer.send(&world.topic, Record::value(b"x")).await.unwrap();
        let other = turn.await.unwrap().partition;
        // Where the next one goes it is refused; the other broker cannot be reached.
        world.network.block(other);
        world.cluster.cut_connections(other);
        let refused = refuse(&world, 1 - other);
        let record = Record { ttl, ..Record::value(b"x") };
        let delivery = producer.send(&world.topic, record).await.unwrap();
        let (outcome, took) = timed(delivery).await;
        assert_eq!(refused.hits(), 1);
        match (ttl, outcome.unwrap_err()) {
            (Some(_), SendError::NotWritten { reason: Reason::Expired { .. }, .. })
            | (None, SendError::NotWritten { reason: Reason::TimedOut { .. }, .. }) => {}
            (_, other) => panic!("{other:?}"),
        }
        let expected = ttl.unwrap_or(deadline);
        assert!(took >= expected && took < expected + Duration::from_millis(10), "{took:?}");
        assert_eq!(producer.buffered(), 0);
    }
}

/// Random refusals, silences and lost answers: every record whose outcome is known is there once or
/// not at all, and what belongs to a partition is there in order.
#[tokio::test(start_paused = true)]
async fn seeds_of_moving_lose_double_and_reorder_nothing() {
    for seed in 0..20 {
        let world = World::on(TestCluster::builder().seed(seed).brokers(3).topic("in", 6));
        let deadline = Duration::from_secs(20);
        let producer = world.builder().partitioner(each()).delivery_timeout(deadline);
        let producer = producer.request_timeout(Duration::from_secs(2)).build().unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        let codes = [ErrorCode::NOT_ENOUGH_REPLICAS, ErrorCode::NOT_LEADER_OR_FOLLOWER];
        for partition in 0..6 {
            let code = codes[random.usize(..2)];
            let faults = world.cluster.faults();
            faults.fail(ApiKey::PRODUCE, code).partition(partition).probability(0.2).arm();
        }
        let lost = world.cluster.faults().swallow_reply(ApiKey::PRODUCE).probability(0.02);
        lost.arm();
        let mut sent = Vec::new();
        for number in 0..600u32 {
            let value = number.to_be_bytes();
            let told = (random.u8(..3) == 0).then(|| random.i32(0..6));
            let record = Record { partition: told, ..Record::value(&value) };
            let delivery = producer.send(&world.topic, record).await.unwrap();
            sent.push((number, told, delivery));
            if random.u8(..8) == 0 {
                sleep(Duration::from_millis(random.u64(..30))).await;
            }
        }
        let _known = producer.flush().await;
        let logs: Vec<Vec<u32>> = (0..6).map(|partition| world.log(partition)).collect();
        let mut last = BTreeMap::new();
        for (number, told, delivery) in sent {
            let times = logs.iter().flatten().filter(|logged| **logged == number).count();
            match delivery.await {
                Ok(written) => {
                    assert_eq!(times, 1, "seed {seed}: {number}");
                    let log = &logs[usize::try_from(written.partition).unwrap()];
                    let at = log.iter().position(|logged| *logged == number);
                    assert!(at.is_some(), "seed {seed}: {number} is not where it is said to be");
                    assert!(told.is_none_or(|told| told == written.partition));
                    if told.is_some() {
                        let before = last.insert(written.partition, at);
                        assert!(before.is_none_or(|before| before < at), "seed {seed}: {number}");
                    }
                }
                Err(SendError::NotWritten { .. }) => assert_eq!(times, 0, "seed {seed}: {number}"),
                Err(_) => assert!(times < 2, "seed {seed}: {number}"),
            }
        }
        assert_eq!(producer.buffered(), 0, "seed {seed}");
    }
}
