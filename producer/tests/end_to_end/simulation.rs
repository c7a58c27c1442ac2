//! Random faults of every kind, many seeds: what deliveries tell is what the logs hold.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_producer::{Delivery, Producer, Record, SendError};
use ottla_protocol::{ApiKey, ErrorCode, compression::Compression};
use ottla_test_broker::{Fault, TestCluster};
use tokio::time::{sleep, timeout};

use crate::support::{LONG, Network, World, Write, number};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 6;
const RECORDS: u32 = 1500;

struct Told {
    number: u32,
    partition: i32,
    delivery: Delivery,
}

#[test]
fn what_is_told_is_what_is_in_the_log() {
    let seeds = 0..60;
    let mut sums = [0; 3];
    for seed in seeds {
        let (counts, _) = run(seed);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    // Faults that let everything through, or nothing, would test little.
    let [written, not_written, unknown] = sums;
    assert!(written > 50_000 && not_written > 1000 && unknown > 1000, "{sums:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [3, 17] {
        let (first, second) = (run(seed).1, run(seed).1);
        let differs = first.iter().zip(&second).position(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

fn run(seed: u64) -> ([usize; 3], Vec<Write>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(simulate(seed))
}

async fn simulate(seed: u64) -> ([usize; 3], Vec<Write>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let version = if random.bool() { 13 } else { 9 };
    let cluster = TestCluster::builder()
        .brokers(u16::try_from(BROKERS).unwrap())
        .seed(seed)
        .topic("in", PARTITIONS)
        .max_version(ApiKey::PRODUCE, version)
        .build();
    let network = Network::default();
    let client = network.client(&cluster).seed(seed).build().unwrap();
    let topic = client.topic("in");
    let world = World { cluster, client, topic, network };
    let producer = world
        .builder()
        .max_batch_size(1 << (10 + random.u32(..3)))
        .compression([Compression::None, Compression::Lz4][random.usize(..2)])
        .request_timeout(Duration::from_secs(2))
        .delivery_timeout(Duration::from_secs(12))
        .buffer_memory(1 << (16 + random.u32(..4)))
        .build()
        .unwrap();
    let chaos = tokio::spawn(chaos(world.cluster.clone(), random.fork()));
    let told = load(&world, &producer, &mut random).await;
    chaos.await.unwrap();
    let counts = check(seed, &world, told).await;
    assert_eq!(producer.buffered(), 0, "seed {seed}");
    let healthy = timeout(LONG, async {
        for partition in 0..PARTITIONS {
            let record = Record::value(b"last").partition(partition).timestamp(0);
            producer.send(&world.topic, record).await.unwrap().await.unwrap();
        }
    });
    healthy.await.unwrap();
    assert!(producer.close(LONG).await.is_clean());
    (counts, world.network.trace())
}

async fn load(world: &World, producer: &Producer, random: &mut fastrand::Rng) -> Vec<Told> {
    let mut told = Vec::new();
    for number in 0..RECORDS {
        let partition = random.i32(0..PARTITIONS);
        let value = number.to_be_bytes().repeat(random.usize(1..40));
        let record = Record::value(&value)
            .partition(partition)
            .timestamp(1_700_000_000_000 + i64::from(number));
        let delivery = timeout(LONG, producer.send(&world.topic, record)).await.unwrap().unwrap();
        told.push(Told { number, partition, delivery });
        match random.u8(..60) {
            0 => sleep(Duration::from_millis(random.u64(..2000))).await,
            1..20 => sleep(Duration::from_millis(random.u64(..20))).await,
            _ => {}
        }
    }
    told
}

/// Breaks things for a while, then mends all of them.
async fn chaos(cluster: TestCluster, mut random: fastrand::Rng) {
    for _ in 0..150 {
        sleep(Duration::from_millis(random.u64(1..400))).await;
        match random.u8(..16) {
            0 => drop(cluster.move_leader("in", random.i32(0..PARTITIONS), random.i32(0..BROKERS))),
            1 => drop(cluster.remove_leader("in", random.i32(0..PARTITIONS))),
            2 => cluster.cut_connections(random.i32(0..BROKERS)),
            3 if cluster.bootstrap().len() > 1 => drop(cluster.stop_broker(random.i32(0..BROKERS))),
            4 | 5 => drop(cluster.start_broker(random.i32(0..BROKERS))),
            6 => lead_all(&cluster, &mut random),
            _ => drop(fault(&cluster, &mut random).arm()),
        }
    }
    cluster.faults().clear();
    for broker in 0..BROKERS {
        cluster.start_broker(broker);
    }
    lead_all(&cluster, &mut random);
}

fn lead_all(cluster: &TestCluster, random: &mut fastrand::Rng) {
    for partition in 0..PARTITIONS {
        if cluster.partition("in", partition).unwrap().leader.is_none() {
            cluster.move_leader("in", partition, random.i32(0..BROKERS));
        }
    }
}

fn fault(cluster: &TestCluster, random: &mut fastrand::Rng) -> Fault {
    use ErrorCode as E;
    let faults = cluster.faults();
    let api = ApiKey::PRODUCE;
    // Codes that say truly that nothing was appended, and those that leave it open.
    let before = [
        E::NOT_LEADER_OR_FOLLOWER,
        E::NOT_ENOUGH_REPLICAS,
        E::REQUEST_TIMED_OUT,
        E::UNKNOWN_TOPIC_OR_PARTITION,
        E::UNKNOWN_SERVER_ERROR,
        E::KAFKA_STORAGE_ERROR,
        E::MESSAGE_TOO_LARGE,
        E::INVALID_RECORD,
        E::OUT_OF_ORDER_SEQUENCE_NUMBER,
        E::UNKNOWN_PRODUCER_ID,
    ];
    let after = [
        E::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        E::NOT_LEADER_OR_FOLLOWER,
        E::REQUEST_TIMED_OUT,
        E::UNKNOWN_SERVER_ERROR,
    ];
    let little = Duration::from_millis(random.u64(..100));
    let long = Duration::from_millis(random.u64(..5000));
    let fault = match random.u8(..13) {
        0..3 => faults.fail(api, before[random.usize(..before.len())]),
        3 | 4 => faults.fail_after(api, after[random.usize(..after.len())]),
        5 => faults.drop_reply(api),
        6 => faults.swallow_reply(api),
        7 => faults.delay(api, if random.bool() { little } else { long }),
        8 => faults.delay_reply(api, if random.bool() { little } else { long }),
        9 => faults.cut(api),
        10 => faults.truncate(api, random.usize(..30)),
        11 => faults.garbage(api),
        _ => faults.cut(ApiKey::METADATA),
    };
    let fault = if random.bool() { fault.broker(random.i32(0..BROKERS)) } else { fault };
    let fault = if random.bool() { fault.partition(random.i32(0..PARTITIONS)) } else { fault };
    fault.times(random.u64(1..6)).probability(0.3 + random.f64() * 0.7)
}

async fn check(seed: u64, world: &World, told: Vec<Told>) -> [usize; 3] {
    let mut logged: BTreeMap<u32, (i32, i64)> = BTreeMap::new();
    let mut outcomes = Vec::new();
    for Told { number, partition, delivery } in told {
        let outcome = timeout(LONG, delivery).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("seed {seed}: {number} never told"));
        outcomes.push((number, partition, outcome));
    }
    for partition in 0..PARTITIONS {
        let mut last = None;
        for record in world.cluster.records("in", partition) {
            let found = number(record.value.as_deref());
            assert!(last < Some(found), "seed {seed}: {found} after {last:?} in {partition}");
            last = Some(found);
            let twice = logged.insert(found, (partition, record.offset));
            assert_eq!(twice, None, "seed {seed}: {found} doubled");
        }
    }
    let mut counts = [0; 3];
    for (sent, partition, outcome) in outcomes {
        let in_log = logged.get(&sent);
        match outcome {
            Ok(written) => {
                let place = (partition, written.offset.unwrap());
                assert_eq!(in_log, Some(&place), "seed {seed}: {sent} is not where it was told");
                counts[0] += 1;
            }
            Err(SendError::NotWritten { record, reason }) => {
                assert_eq!(in_log, None, "seed {seed}: {sent} is written: {reason}");
                assert_eq!(number(record.value.as_deref()), sent, "seed {seed}: {reason}");
                counts[1] += 1;
            }
            Err(SendError::Unknown { record, reason }) => {
                assert_eq!(number(record.value.as_deref()), sent, "seed {seed}: {reason}");
                assert!(in_log.is_none_or(|(at, _)| *at == partition), "seed {seed}: {sent}");
                counts[2] += 1;
            }
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    counts
}
