use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use measure::{Meter, Payload, Plan};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, NoCustomPartitioner, Producer, ProducerContext, ThreadedProducer,
};

use crate::settings;

/// Counts deliveries in its callback.
#[derive(Default)]
struct Deliveries {
    acknowledged: AtomicU64,
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Relaxed);
    }
}

pub fn run(plan: &Plan) -> anyhow::Result<()> {
    let config = settings::producer(plan);
    let producer: ThreadedProducer<_> = config.create_with_context(Deliveries::default())?;
    send(plan, &producer, &plan.warm_topic, Payload::new(plan.warm, plan.value_size))?;

    let meter = Meter::start();
    let payload = Payload::new(plan.records, plan.value_size);
    let (acknowledged, failed) = send(plan, &producer, &plan.topic, payload)?;
    meter.report_produced(plan, acknowledged, failed);
    Ok(())
}

/// Sends everything and waits until every callback was called.
fn send(
    plan: &Plan,
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    mut payload: Payload,
) -> anyhow::Result<(u64, u64)> {
    let deliveries = producer.context();
    deliveries.acknowledged.store(0, Relaxed);
    deliveries.failed.store(0, Relaxed);
    while let Some(value) = payload.next() {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).payload(value);
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
