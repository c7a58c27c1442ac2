use std::time::Duration;

use krafka::Kafka;
use krafka::consumer::AutoOffsetReset;
use measure::{Meter, Order, Plan, tuned};

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    if plan.warm > 0 {
        read(plan, &plan.warm_topic, plan.warm, &mut Meter::start()).await?;
    }
    let mut meter = Meter::start();
    let order = read(plan, &plan.topic, plan.records, &mut meter).await?;
    meter.report_consumed(plan, &order);
    Ok(())
}

async fn read(plan: &Plan, topic: &str, count: u64, meter: &mut Meter) -> anyhow::Result<Order> {
    let kafka = Kafka::builder(plan.bootstrap.as_str()).connect().await?;
    let mut builder = kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest);
    if plan.is_tuned() {
        builder = builder
            .max_partition_fetch_bytes(tuned::PARTITION_FETCH_BYTES as i32)
            .fetch_max_bytes(tuned::FETCH_BYTES as i32)
            // With its defaults it decodes 1000 records of an answer and throws the rest away.
            .max_poll_records(20_000)
            .max_buffered_records(100_000);
    }
    let consumer = builder.build().await?;
    consumer.assign(topic, (0..plan.partitions).collect()).await?;
    let mut order = Order::new(plan.partitions);
    while order.count < count {
        let records = consumer.poll(Duration::from_secs(1)).await?;
        if !records.is_empty() {
            meter.consumed();
        }
        for record in &records {
            let value = record.value.as_deref().unwrap_or_default();
            order.see(record.partition, record.offset, value);
        }
    }
    consumer.close().await?;
    Ok(order)
}
