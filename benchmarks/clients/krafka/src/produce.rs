use std::collections::VecDeque;

use krafka::producer::{DeliveryHandle, Producer};
use krafka::{Kafka, Record};
use measure::{Meter, Payload, Plan, WINDOW, tuned};

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let kafka = Kafka::builder(plan.bootstrap.as_str()).connect().await?;
    let mut builder = kafka.producer();
    if plan.is_tuned() {
        builder = builder
            .linger(tuned::LINGER)
            .batch_size(tuned::BATCH_BYTES)
            .max_request_size(tuned::REQUEST_BYTES)
            .buffer_memory(tuned::BUFFER_BYTES);
    }
    let producer = builder.build().await?;
    send(&producer, &plan.warm_topic, Payload::new(plan.warm, plan.value_size)).await?;

    let meter = Meter::start();
    let payload = Payload::new(plan.records, plan.value_size);
    let (acknowledged, failed) = send(&producer, &plan.topic, payload).await?;
    meter.report_produced(plan, acknowledged, failed);
    producer.close().await?;
    Ok(())
}

/// Sends everything and awaits every delivery, the oldest first.
async fn send(
    producer: &Producer,
    topic: &str,
    mut payload: Payload,
) -> anyhow::Result<(u64, u64)> {
    let mut deliveries: VecDeque<DeliveryHandle> = VecDeque::with_capacity(WINDOW);
    let (mut acknowledged, mut failed) = (0, 0);
    let mut count = |delivered: bool| {
        if delivered { acknowledged += 1 } else { failed += 1 }
    };
    while let Some(value) = payload.next() {
        if deliveries.len() == WINDOW {
            let oldest = deliveries.pop_front().expect("the window is full");
            count(oldest.await.is_ok());
        }
        // The client keeps the value until it is acknowledged.
        let record = Record::new(topic, value.to_vec());
        deliveries.push_back(producer.enqueue(record).await?);
    }
    for delivery in deliveries {
        count(delivery.await.is_ok());
    }
    Ok((acknowledged, failed))
}
