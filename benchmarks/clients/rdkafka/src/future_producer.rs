use std::collections::VecDeque;

use measure::{Meter, Payload, Plan, WINDOW};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::settings;

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let producer: FutureProducer = settings::producer(plan).create()?;
    send(&producer, &plan.warm_topic, Payload::new(plan.warm, plan.value_size)).await?;

    let meter = Meter::start();
    let payload = Payload::new(plan.records, plan.value_size);
    let (acknowledged, failed) = send(&producer, &plan.topic, payload).await?;
    meter.report_produced(plan, acknowledged, failed);
    Ok(())
}

/// Sends everything and awaits every delivery, the oldest first. The window keeps its queue from overflowing, which
/// would cost it 100 ms each time.
async fn send(
    producer: &FutureProducer,
    topic: &str,
    mut payload: Payload,
) -> anyhow::Result<(u64, u64)> {
    let mut deliveries: VecDeque<DeliveryFuture> = VecDeque::with_capacity(WINDOW);
    let (mut acknowledged, mut failed) = (0, 0);
    let mut count = |delivered: bool| {
        if delivered { acknowledged += 1 } else { failed += 1 }
    };
    while let Some(value) = payload.next() {
        if deliveries.len() == WINDOW {
            let oldest = deliveries.pop_front().expect("the window is full");
            count(oldest.await?.is_ok());
        }
        let record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).payload(value);
        deliveries.push_back(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for delivery in deliveries {
        count(delivery.await?.is_ok());
    }
    Ok((acknowledged, failed))
}
