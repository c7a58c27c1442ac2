//! How many requests it takes: records sent at an even rate to a broker that answers late.

use std::time::Duration;

use ottla_producer::{Gathering, Producer, ProducerBuilder, Record};
use ottla_protocol::ApiKey;
use tokio::{task::JoinSet, time::Instant};

use crate::support::World;

/// What a fifth of a second of load came to.
#[derive(Debug)]
struct Load {
    requests: u64,
    /// Bytes of a request, on average.
    mean: u64,
    p50: Duration,
    p99: Duration,
}

/// Sends `rate` records of 100 bytes a second, for 200 ms, to a broker that answers `late`.
async fn load(rate: u32, late: Duration, build: fn(ProducerBuilder) -> ProducerBuilder) -> Load {
    let world = World::new(1, 12);
    let producer = build(world.builder()).build().unwrap();
    for partition in 0..12 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, late).arm();
    let counters = world.cluster.counters();
    let (requests, bytes) =
        (counters.requests(ApiKey::PRODUCE), counters.bytes_in(ApiKey::PRODUCE));
    let mut waiting = JoinSet::new();
    let began = Instant::now();
    for tick in 0..200 {
        tokio::time::sleep_until(began + Duration::from_millis(tick)).await;
        let mut deliveries = Vec::new();
        for _ in 0..rate / 1000 {
            let record = Record::value(&[7; 100]);
            deliveries.push(producer.send(&world.topic, record).await.unwrap());
        }
        waiting.spawn(async move {
            let sent = Instant::now();
            for delivery in deliveries {
                delivery.await.unwrap();
            }
            sent.elapsed()
        });
    }
    let mut took = Vec::new();
    while let Some(latency) = waiting.join_next().await {
        took.push(latency.unwrap());
    }
    took.sort_unstable();
    let requests = counters.requests(ApiKey::PRODUCE) - requests;
    let mean = (counters.bytes_in(ApiKey::PRODUCE) - bytes) / requests;
    Load { requests, mean, p50: took[100], p99: took[197] }
}

/// The default linger and spacing, at the rates of the sweep: no more requests than wake-ups that
/// gather something, and nobody waits longer than for those in front.
#[tokio::test(start_paused = true)]
async fn an_even_load_takes_few_requests() {
    let millis = Duration::from_millis;
    for rate in [1_000, 10_000, 100_000] {
        let at_once = load(rate, millis(0), |builder| builder).await;
        assert!(at_once.requests <= 201 && at_once.p99 <= millis(1), "{rate}: {at_once:?}");
        let late = load(rate, millis(2), |builder| builder).await;
        assert!(late.requests <= 101 && late.p99 <= millis(4), "{rate}: {late:?}");
    }
    // Without spacing a broker that answers at once gets a request for every burst as well.
    let bare = |builder: ProducerBuilder| builder.min_request_spacing(Duration::ZERO);
    let bare = load(300_000, millis(0), bare).await;
    assert!(bare.requests > 400 && bare.mean < 20_000 && bare.p50 == millis(0), "{bare:?}");
}

/// As fast as it goes, to twelve partitions: requests are full, whichever partition fills them.
#[tokio::test(start_paused = true)]
async fn requests_are_full_while_the_wire_is_busy() {
    for keyed in [false, true] {
        let world = World::new(1, 12);
        let producer = world.producer();
        for partition in 0..12 {
            world.send_one(&producer, partition, 0).await.unwrap();
        }
        world.cluster.faults().delay_reply(ApiKey::PRODUCE, Duration::from_millis(2)).arm();
        let counters = world.cluster.counters();
        let before = (counters.requests(ApiKey::PRODUCE), counters.bytes_in(ApiKey::PRODUCE));
        for number in 0..200_000u32 {
            let key = number.to_be_bytes();
            let record = Record::value(&[7; 100]);
            let record = if keyed { record.key(&key) } else { record };
            drop(producer.send(&world.topic, record).await.unwrap());
        }
        producer.flush().await.unwrap();
        let requests = counters.requests(ApiKey::PRODUCE) - before.0;
        let bytes = counters.bytes_in(ApiKey::PRODUCE) - before.1;
        let least = bytes.div_ceil(1 << 20);
        // The first ones go at once, and the last ones are what is left.
        assert!(requests <= least * 5 / 4 + 3, "{requests} requests of {bytes}, keyed {keyed}");
    }
}

/// With a request in flight to each of three brokers, and another record for each, does the `rest`.
/// Returns the brokers that something was written to since `rest` began to watch.
async fn written(
    gathering: Gathering,
    linger: Duration,
    rest: impl AsyncFnOnce(&World, &Producer) -> usize,
) -> Vec<String> {
    let world = World::new(3, 3);
    let builder = world.builder().linger(linger).gathering(gathering);
    let producer = builder.delivery_timeout(linger * 2 + Duration::from_secs(60)).build().unwrap();
    for partition in 0..3 {
        world.send_one(&producer, partition, 0).await.unwrap();
    }
    let hour = Duration::from_secs(3600);
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, hour).arm();
    for number in 1..3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        for partition in 0..3 {
            drop(world.send(&producer, partition, [number]).await);
        }
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let since = rest(&world, &producer).await;
    let writes = world.network.trace().split_off(since);
    let mut brokers: Vec<_> = writes.iter().map(|write| write.host().to_owned()).collect();
    brokers.sort();
    brokers.dedup();
    brokers
}

/// kafka-sharp's `BatchStrategy`: what fills one broker's request takes along what there is for
/// the others.
#[tokio::test(start_paused = true)]
async fn records_are_gathered_by_broker_or_over_all() {
    let fills = async |world: &World, producer: &Producer| {
        let since = world.network.trace().len();
        for _ in 0..1100 {
            let record = Record::value(&[7; 1000]).partition(0);
            drop(producer.send(&world.topic, record).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        since
    };
    let hour = Duration::from_secs(3600);
    assert_eq!(written(Gathering::ByBroker, hour, fills).await, ["broker-0"]);
    let all = ["broker-0", "broker-1", "broker-2"];
    assert_eq!(written(Gathering::OverAll, hour, fills).await, all);
}

/// The same for what has lingered.
#[tokio::test(start_paused = true)]
async fn records_linger_by_broker_or_over_all() {
    let lingers = async |world: &World, producer: &Producer| {
        // The records that are there go.
        tokio::time::sleep(Duration::from_millis(350)).await;
        let since = world.network.trace().len();
        drop(world.send(producer, 0, [3]).await);
        tokio::time::sleep(Duration::from_millis(40)).await;
        drop(world.send(producer, 1, [3]).await);
        tokio::time::sleep(Duration::from_millis(65)).await;
        since
    };
    let linger = Duration::from_millis(100);
    assert_eq!(written(Gathering::ByBroker, linger, lingers).await, ["broker-0"]);
    assert_eq!(written(Gathering::OverAll, linger, lingers).await, ["broker-0", "broker-1"]);
}
