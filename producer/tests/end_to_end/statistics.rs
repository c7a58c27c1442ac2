//! What is counted agrees with what happened, whenever nothing is on its way.

use std::time::Duration;

use ottla_client::Outcome;
use ottla_producer::{Delivery, Producer, ProducerStatistics, Record};
use ottla_protocol::{ApiKey, ErrorCode, compression::Compression};

use crate::support::{LONG, World, offsets, timed};

const SECOND: Duration = Duration::from_secs(1);

/// What the test knows of the records it sent.
#[derive(Default)]
struct Model {
    entered: u64,
    written: u64,
    not_written: u64,
    unknown: u64,
    waiting: Vec<Delivery>,
}

impl Model {
    fn sent(&mut self, deliveries: Vec<Delivery>) {
        self.entered += deliveries.len() as u64;
        self.waiting.extend(deliveries);
    }

    /// Waits for every outcome.
    async fn settle(&mut self) {
        for delivery in self.waiting.drain(..) {
            match delivery.await.map_err(|error| error.outcome()) {
                Ok(_) => self.written += 1,
                Err(Outcome::Unknown) => self.unknown += 1,
                Err(_) => self.not_written += 1,
            }
        }
    }

    fn check(&self, producer: &Producer) -> ProducerStatistics {
        let statistics = producer.statistics();
        let records = statistics.records;
        assert_eq!(
            (self.entered, self.written, self.not_written, self.unknown),
            (records.entered, records.written, records.not_written(), records.unknown)
        );
        assert_eq!(records.in_progress(), self.waiting.len() as u64);
        assert_eq!(records.exited() + records.in_progress(), records.entered);
        statistics
    }
}

#[tokio::test(start_paused = true)]
async fn the_sums_agree_with_what_happened() {
    for seed in 0..20 {
        let world = World::new(2, 3);
        let builder = world.builder().max_batch_size(1 << 10).delivery_timeout(40 * SECOND);
        let producer = builder.build().unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut model = Model::default();
        for _ in 0..30 {
            let faults = world.cluster.faults();
            match random.u8(0..8) {
                0 => drop(faults.swallow_reply(ApiKey::PRODUCE).broker(0).times(1).arm()),
                1 => drop(faults.fail(ApiKey::PRODUCE, ErrorCode::INVALID_RECORD).times(1).arm()),
                2 => drop(faults.fail(ApiKey::PRODUCE, ErrorCode::NOT_ENOUGH_REPLICAS).arm()),
                3 => drop(faults.cut(ApiKey::PRODUCE).times(1).arm()),
                4 => faults.clear(),
                5 => {
                    let fresh = world.client.topic(&format!("topic-{}", random.u8(..)));
                    if random.bool() {
                        let _ = world.cluster.create_topic(fresh.name(), 2);
                    }
                    let nowhere = Record::value(b"x").partition(random.i32(0..4));
                    // Refused if the topic is known and has no such partition; then it did not enter.
                    model.sent(producer.send(&fresh, nowhere).await.into_iter().collect());
                }
                _ => {}
            }
            let (partition, count) = (random.i32(0..3), random.u32(0..200));
            model.sent(world.send(&producer, partition, 0..count).await);
            if random.bool() {
                model.settle().await;
                model.check(&producer);
            }
        }
        // Open batches count as well, and nothing is on its way in between.
        model.settle().await;
        model.sent(world.send(&producer, 0, 0..7).await);
        let statistics = model.check(&producer);
        assert_eq!(statistics.records.in_progress(), 7, "seed {seed}");
        drop(producer.clone().close(SECOND * 50).await);
        model.settle().await;
        let statistics = model.check(&producer);
        assert_eq!((statistics.requests_in_flight, statistics.buffered_bytes), (0, 0));
        let all = world.client.topic("in");
        let of = producer.statistics_of(&all).unwrap();
        let written: u64 = of.partitions.iter().map(|one| one.records.written).sum();
        assert_eq!(of.records.written, written);
    }
}

#[tokio::test(start_paused = true)]
async fn topics_and_partitions_are_told_apart() {
    let world = World::new(1, 3);
    world.cluster.create_topic("other", 1).unwrap();
    let other = world.client.topic("other");
    let producer = world.producer();
    assert_eq!(producer.statistics_of(&other), None);
    offsets(world.send(&producer, 0, 0..5).await).await;
    let refused = ErrorCode::INVALID_RECORD;
    world.cluster.faults().fail(ApiKey::PRODUCE, refused).times(1).arm();
    world.send_one(&producer, 2, 0).await.unwrap_err();
    producer.send(&other, Record::value(b"x")).await.unwrap().await.unwrap();
    let of = producer.statistics_of(&world.topic).unwrap();
    let each: Vec<_> = of
        .partitions
        .iter()
        .map(|one| (one.partition, one.records.entered, one.records.written, one.records.discarded))
        .collect();
    assert_eq!(each, [(0, 5, 5, 0), (1, 0, 0, 0), (2, 1, 0, 1)]);
    assert_eq!((of.records.entered, of.postponed, of.records.errors), (6, 5, 1));
    let of = producer.statistics_of(&other).unwrap();
    assert_eq!((of.records.written, of.postponed, of.records.batches), (1, 1, 1));
    assert_eq!(producer.statistics().records.entered, 7);
}

#[tokio::test(start_paused = true)]
async fn records_that_are_sent_again_or_expire_are_counted() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    let busy = ErrorCode::NOT_ENOUGH_REPLICAS;
    world.cluster.faults().fail(ApiKey::PRODUCE, busy).times(2).arm();
    offsets(world.send(&producer, 0, 0..10).await).await;
    let records = producer.statistics().records;
    assert_eq!((records.retried, records.errors), (20, 2));
    world.cluster.faults().fail(ApiKey::PRODUCE, busy).arm();
    world.send_one(&producer, 0, 1).await.unwrap_err();
    let records = producer.statistics().records;
    assert_eq!((records.expired, records.discarded, records.unknown), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn time_in_the_queue_and_on_the_wire_are_told_apart() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    // The first try takes two seconds on the wire; what comes meanwhile waits for it in the queue,
    // without a linger that is over first.
    world.cluster.faults().delay_reply(ApiKey::PRODUCE, SECOND * 2).times(1).arm();
    world.send_one(&producer, 0, 1).await.unwrap();
    let statistics = producer.statistics();
    let [broker] = &statistics.brokers[..] else { panic!("one broker") };
    assert!(broker.latest_latency.unwrap() >= SECOND * 2);
    assert_eq!(statistics.latest_latency, broker.latest_latency);
    assert_eq!((broker.latency.count(), broker.requests, broker.in_flight), (2, 2, 0));
    assert!(broker.latency.max() >= 2_000_000 && broker.latency.percentile(50.0) < 1_000_000);
    assert!(statistics.queue_time.max() < 1_000_000, "{statistics:?}");
    // A broker that cannot be reached: time in the queue, and none on the wire.
    world.network.block(0);
    world.cluster.cut_connections(0);
    let delivery = world.send(&producer, 0, [2]).await.remove(0);
    tokio::time::sleep(SECOND * 3).await;
    let statistics = producer.statistics();
    assert!(statistics.brokers[0].unreachable > 0 && statistics.requests_failed > 0);
    assert_eq!(statistics.records.in_progress(), 1);
    let (failed, _) = timed(delivery).await;
    failed.unwrap_err();
    assert_eq!(producer.statistics().records.expired, 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_in_time_is_counted() {
    let world = World::new(1, 1);
    let producer = world.producer();
    world.send_one(&producer, 0, 0).await.unwrap();
    world.cluster.faults().swallow_reply(ApiKey::PRODUCE).times(1).arm();
    world.cluster.faults().throttle(ApiKey::PRODUCE, SECOND).after(1).times(1).arm();
    world.send_one(&producer, 0, 1).await.unwrap();
    let statistics = producer.statistics();
    assert_eq!((statistics.requests, statistics.requests_timed_out), (3, 1));
    assert_eq!(statistics.records.retried, 1);
}

#[tokio::test(start_paused = true)]
async fn sizes_counts_and_ratios_of_batches_are_told() {
    let world = World::new(1, 1);
    let producer = world.builder().compression(Compression::Gzip).build().unwrap();
    world.send_one(&producer, 0, 0).await.unwrap();
    let mut deliveries = Vec::new();
    for _ in 0..100 {
        deliveries.push(producer.send(&world.topic, Record::value(&[7; 1000])).await.unwrap());
    }
    offsets(deliveries).await;
    let statistics = producer.statistics();
    let ProducerStatistics { records, batch_records, batch_bytes, .. } = &statistics;
    assert_eq!((batch_records.count(), batch_records.sum()), (records.batches, 101));
    assert_eq!(batch_bytes.sum(), records.sent_bytes);
    assert!(records.raw_bytes > 100_000 && records.sent_bytes < 20_000, "{records:?}");
    assert!(statistics.compression_percent.percentile(0.0) < 20);
    assert!(producer.close(LONG).await.is_clean());
}
