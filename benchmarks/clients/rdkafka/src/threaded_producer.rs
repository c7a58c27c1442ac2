use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use measure::{Latency, Meter, Pace, Payload, Plan};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, NoCustomPartitioner, Producer, ProducerContext, ThreadedProducer,
};

use crate::settings;

/// Counts deliveries in its callback, and takes the time of some.
struct Deliveries {
    acknowledged: AtomicU64,
    failed: AtomicU64,
    began: Instant,
    times: Mutex<Vec<u64>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    /// Nanoseconds from the beginning until it was sent; zero if its time is not taken.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, since: usize) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Relaxed);
        if since > 0 {
            let took = self.began.elapsed().as_nanos() as u64 - since as u64;
            self.times.lock().expect("never poisoned").push(took);
        }
    }
}

pub fn run(plan: &Plan) -> anyhow::Result<()> {
    let deliveries = Deliveries {
        acknowledged: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        began: Instant::now(),
        times: Mutex::new(Vec::new()),
    };
    let producer = settings::producer(plan).create_with_context(deliveries)?;
    send(plan, &producer, &plan.warm_topic, plan.payload(plan.warm)?, None)?;

    let payload = plan.payload(plan.records)?;
    let meter = Meter::start();
    let pace = plan.rate.map(Pace::at);
    let (acknowledged, failed) = send(plan, &producer, &plan.topic, payload, pace)?;
    let times = std::mem::take(&mut *producer.context().times.lock().expect("never poisoned"));
    let latency = plan.rate.map(|_| Latency::of(times));
    meter.report_produced(plan, acknowledged, failed, latency);
    Ok(())
}

/// Sends everything and waits until every callback was called.
fn send(
    plan: &Plan,
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    mut payload: Payload,
    mut pace: Option<Pace>,
) -> anyhow::Result<(u64, u64)> {
    let deliveries = producer.context();
    deliveries.acknowledged.store(0, Relaxed);
    deliveries.failed.store(0, Relaxed);
    while let Some(item) = payload.next() {
        let since = pace.as_mut().and_then(Pace::wait);
        let since = since.map_or(0, |since| (since - deliveries.began).as_nanos() as usize);
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(topic, since).payload(item.value);
        record.key = item.key;
        while let Err((error, refused)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            std::thread::sleep(Duration::from_millis(1));
            record = refused;
        }
    }
    producer.flush(plan.within)?;
    Ok((deliveries.acknowledged.load(Relaxed), deliveries.failed.load(Relaxed)))
}
