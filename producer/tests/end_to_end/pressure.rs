//! Random sends under pressure, with broken brokers, against what must be true whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_producer::{
    Delivery, Header, Overflow, OwnedRecord, Producer, Reason, Record, Refused, SendError,
    TopicSettings,
};
use ottla_protocol::{ApiKey, compression::Compression};
use ottla_test_broker::TestCluster;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{LONG, Network, World, number};

const PARTITIONS: i32 = 3;
const RECORDS: u32 = 3000;
/// What a buffer may hold beyond its limit: the last chunk.
const CHUNK: usize = 64 << 10;

#[test]
fn every_record_ends_once_and_truly_and_memory_stays_in_its_budget() {
    let mut sums = Ends::default();
    for seed in 0..24 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let ends = runtime.block_on(run(seed));
        sums.add(&ends);
    }
    // Runs in which nothing is lost, or everything, would test little.
    let Ends { written, expired, dropped, refused, .. } = sums;
    let few = written.min(expired).min(dropped).min(refused);
    assert!(few > 500, "{sums:?}");
}

#[derive(Default, Debug)]
struct Ends {
    written: u32,
    expired: u32,
    dropped: u32,
    refused: u32,
    other: u32,
}

impl Ends {
    fn add(&mut self, other: &Self) {
        self.written += other.written;
        self.expired += other.expired;
        self.dropped += other.dropped;
        self.refused += other.refused;
        self.other += other.other;
    }
}

struct Sent {
    number: u32,
    topic: &'static str,
    partition: i32,
    size: usize,
    ttl: Option<Duration>,
    outcome: tokio::task::JoinHandle<(Result<i64, SendError>, Duration)>,
}

async fn run(seed: u64) -> Ends {
    let mut random = fastrand::Rng::with_seed(seed);
    let cluster = TestCluster::builder().brokers(1).seed(seed).topic("in", PARTITIONS).build();
    let network = Network::default();
    let client = network.client(&cluster).seed(seed).build().unwrap();
    let topic = client.topic("in");
    let world = World { cluster, client, topic, network };
    let strategies = [Overflow::Wait, Overflow::Fail, Overflow::DropNewest, Overflow::DropOldest];
    let overflow = strategies[random.usize(..strategies.len())];
    let memory = 1 << (15 + random.u32(..4));
    let records = random.bool().then(|| random.usize(50..2000));
    let own = random.usize(20..500);
    let default_ttl = random.bool().then(|| Duration::from_millis(random.u64(50..8000)));
    let mut builder = world
        .builder()
        .overflow(overflow)
        .max_batch_size(1 << (12 + random.u32(..4)))
        .buffer_memory(memory)
        .max_postponed(random.usize(10..200))
        .compression([Compression::None, Compression::Lz4][random.usize(..2)])
        .topic_settings("late", TopicSettings::new().buffer_records(own))
        .request_timeout(Duration::from_secs(2))
        .delivery_timeout(Duration::from_secs(12));
    if let Some(records) = records {
        builder = builder.buffer_records(records);
    }
    if let Some(ttl) = default_ttl {
        builder = builder.ttl(ttl);
    }
    if overflow == Overflow::Wait {
        builder = builder.max_wait(Duration::from_millis(random.u64(1..2000)));
    }
    let producer = builder.build().unwrap();
    let trouble = tokio::spawn(trouble(world.cluster.clone(), random.fork()));
    let limits = Limits { memory, records };
    let (sent, mut ends) = load(&world, &producer, default_ttl, &limits, &mut random).await;
    trouble.await.unwrap();
    check(seed, &world, sent, &mut ends).await;
    assert_eq!(producer.buffered(), 0, "seed {seed}");
    // It all works afterwards, with the whole of every buffer.
    let last = timeout(LONG, world.send_one(&producer, 0, u32::MAX)).await.unwrap();
    assert!(last.is_ok(), "seed {seed}: {last:?}");
    ends
}

struct Limits {
    memory: usize,
    records: Option<usize>,
}

async fn load(
    world: &World,
    producer: &Producer,
    default_ttl: Option<Duration>,
    limits: &Limits,
    random: &mut fastrand::Rng,
) -> (Vec<Sent>, Ends) {
    let late = world.client.topic("late");
    let (mut sent, mut ends) = (Vec::new(), Ends::default());
    for number in 0..RECORDS {
        let (name, topic) =
            if random.u8(..4) == 0 { ("late", &late) } else { ("in", &world.topic) };
        let partition = if name == "in" { random.i32(0..PARTITIONS) } else { 0 };
        let value = number.to_be_bytes().repeat(random.usize(1..60));
        let key = random.bool().then(|| number.to_le_bytes());
        let headers = [Header { key: "n", value: Some(&value[..4]) }];
        let mut record = Record::value(&value).partition(partition).timestamp(i64::from(number));
        record.key = key.as_ref().map(|key| &key[..]);
        record.headers = &headers;
        record.ttl = (random.u8(..3) == 0).then(|| Duration::from_millis(random.u64(1..10_000)));
        let ttl = record.ttl.or(default_ttl);
        let at = Instant::now();
        let accepted = match random.u8(..3) {
            0 => producer.try_send(topic, record),
            _ => timeout(LONG, producer.send(topic, record)).await.unwrap(),
        };
        let room = limits.memory + CHUNK;
        assert!(producer.buffered() <= room, "{} bytes of {room}", producer.buffered());
        match accepted {
            Ok(delivery) => {
                let outcome = tokio::spawn(told(delivery, at));
                let size = value.len();
                sent.push(Sent { number, topic: name, partition, size, ttl, outcome });
            }
            Err(Refused::Full { .. }) => ends.refused += 1,
            Err(Refused::Expired { .. }) => ends.expired += 1,
            Err(other) => panic!("{other:?}"),
        }
        let open = sent.iter().rev().take(3000).filter(|one| !one.outcome.is_finished()).count();
        let most = limits.records.unwrap_or(usize::MAX);
        // What was dropped or expired just now has been told, but not heard yet.
        if number % 100 == 0 {
            sleep(Duration::from_millis(random.u64(..200))).await;
            assert!(open < most.saturating_add(400), "{open} of {most}");
        }
    }
    (sent, ends)
}

async fn told(delivery: Delivery, at: Instant) -> (Result<i64, SendError>, Duration) {
    let outcome = timeout(LONG, delivery).await.unwrap();
    (outcome.map(|written| written.offset.unwrap()), at.elapsed())
}

/// The broker comes and goes, is slow, loses answers; the late topic comes at some time.
async fn trouble(cluster: TestCluster, mut random: fastrand::Rng) {
    for step in 0..30 {
        sleep(Duration::from_millis(random.u64(1..600))).await;
        if step == 10 {
            cluster.start_broker(0);
            let _ = cluster.create_topic("late", 1);
        }
        let faults = cluster.faults();
        match random.u8(..8) {
            0 => drop(cluster.stop_broker(0)),
            1..4 => drop(cluster.start_broker(0)),
            4 => drop(cluster.remove_leader("in", random.i32(0..PARTITIONS))),
            5 => {
                let slow = Duration::from_millis(random.u64(1..4000));
                drop(faults.delay_reply(ApiKey::PRODUCE, slow).times(1).arm());
            }
            6 => drop(faults.drop_reply(ApiKey::PRODUCE).times(1).arm()),
            _ => {
                let refused = ottla_protocol::ErrorCode::NOT_ENOUGH_REPLICAS;
                drop(faults.fail(ApiKey::PRODUCE, refused).times(3).arm());
            }
        }
    }
    cluster.faults().clear();
    cluster.start_broker(0);
    for partition in 0..PARTITIONS {
        cluster.move_leader("in", partition, 0);
    }
}

async fn check(seed: u64, world: &World, sent: Vec<Sent>, ends: &mut Ends) {
    let mut outcomes = Vec::new();
    for one in sent {
        let (outcome, took) = one.outcome.await.unwrap();
        outcomes.push((one.number, one.topic, one.partition, one.size, one.ttl, outcome, took));
    }
    let mut logged: BTreeMap<u32, (&str, i32, i64)> = BTreeMap::new();
    for (topic, partitions) in [("in", PARTITIONS), ("late", 1)] {
        for partition in 0..partitions {
            let mut last = None;
            for (offset, record) in (0..).zip(world.cluster.records(topic, partition)) {
                assert_eq!(record.offset, offset, "seed {seed}: a gap");
                let found = number(record.value.as_deref());
                assert!(last < Some(found), "seed {seed}: {found} after {last:?}");
                last = Some(found);
                let twice = logged.insert(found, (topic, partition, record.offset));
                assert_eq!(twice, None, "seed {seed}: {found} doubled");
            }
        }
    }
    for (sent, topic, partition, size, ttl, outcome, took) in outcomes {
        let in_log = logged.remove(&sent);
        match outcome {
            Ok(offset) => {
                assert_eq!(in_log, Some((topic, partition, offset)), "seed {seed}: {sent}");
                ends.written += 1;
            }
            Err(SendError::NotWritten { reason, record }) => {
                assert_eq!(in_log, None, "seed {seed}: {sent} is written: {reason}");
                is_the_same(seed, sent, size, &record);
                match reason {
                    Reason::Expired { ttl: told } => {
                        assert_eq!(Some(told), ttl, "seed {seed}: {sent}");
                        let late = told + Duration::from_millis(2);
                        assert!(took >= told && took <= late, "seed {seed}: {told:?} {took:?}");
                        ends.expired += 1;
                    }
                    Reason::Overflow => ends.dropped += 1,
                    _ => ends.other += 1,
                }
            }
            Err(SendError::Unknown { record, .. }) => {
                is_the_same(seed, sent, size, &record);
                ends.other += 1;
            }
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    assert!(logged.is_empty(), "seed {seed}: written, but never accepted: {logged:?}");
}

fn is_the_same(seed: u64, sent: u32, size: usize, record: &OwnedRecord) {
    let value = sent.to_be_bytes().repeat(size / 4);
    assert_eq!(record.value.as_deref(), Some(&value[..]), "seed {seed}: {sent}");
    if let Some(key) = &record.key {
        assert_eq!(key[..], sent.to_le_bytes(), "seed {seed}");
    }
    assert_eq!(record.timestamp, i64::from(sent), "seed {seed}");
    let headers: Vec<_> = record.headers.iter().map(|(k, v)| (&**k, v.as_deref())).collect();
    assert_eq!(headers, [("n", Some(&value[..4]))], "seed {seed}");
}
