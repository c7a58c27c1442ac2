use std::collections::VecDeque;

use anyhow::ensure;
use measure::{Meter, Payload, Plan, WINDOW, tuned};
use ottla::{Client, Delivery, Producer, Record};

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let client = Client::builder().bootstrap([plan.bootstrap.as_str()]).build()?;
    let mut builder = Producer::builder(&client);
    if plan.is_tuned() {
        builder = builder
            .linger(tuned::LINGER)
            .max_batch_size(tuned::BATCH_BYTES)
            .max_request_size(tuned::REQUEST_BYTES)
            .buffer_memory(tuned::BUFFER_BYTES);
    }
    let producer = builder.build()?;
    send(&client, &producer, &plan.warm_topic, Payload::new(plan.warm, plan.value_size)).await?;

    let meter = Meter::start();
    let payload = Payload::new(plan.records, plan.value_size);
    let (acknowledged, failed) = send(&client, &producer, &plan.topic, payload).await?;
    meter.report_produced(plan, acknowledged, failed);
    ensure!(producer.close(plan.within).await.is_clean(), "something was left");
    Ok(())
}

/// Sends everything and awaits every delivery, the oldest first.
async fn send(
    client: &Client,
    producer: &Producer,
    topic: &str,
    mut payload: Payload,
) -> anyhow::Result<(u64, u64)> {
    let topic = client.topic(topic);
    let mut deliveries: VecDeque<Delivery> = VecDeque::with_capacity(WINDOW);
    let (mut acknowledged, mut failed) = (0, 0);
    let mut count = |delivered: bool| {
        if delivered { acknowledged += 1 } else { failed += 1 }
    };
    while let Some(value) = payload.next() {
        if deliveries.len() == WINDOW {
            let oldest = deliveries.pop_front().expect("the window is full");
            count(oldest.await.is_ok());
        }
        deliveries.push_back(producer.send(&topic, Record::value(value)).await?);
    }
    for delivery in deliveries {
        count(delivery.await.is_ok());
    }
    Ok((acknowledged, failed))
}
