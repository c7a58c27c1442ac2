use std::sync::Arc;

use futures_util::{StreamExt, stream};
use measure::{Meter, Order, Plan, tuned};
use rskafka::client::ClientBuilder;
use rskafka::client::consumer::{StartOffset, StreamConsumerBuilder};
use rskafka::client::partition::UnknownTopicHandling;

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
    let client = ClientBuilder::new(vec![plan.bootstrap.clone()]).build().await?;
    let mut streams = Vec::new();
    for number in 0..plan.partitions {
        let partition = client.partition_client(topic, number, UnknownTopicHandling::Retry).await?;
        let mut builder = StreamConsumerBuilder::new(Arc::new(partition), StartOffset::Earliest);
        if plan.is_tuned() {
            builder = builder.with_max_batch_size(tuned::PARTITION_FETCH_BYTES as i32);
        }
        streams.push(builder.build().map(move |item| (number, item)));
    }
    let mut records = stream::select_all(streams);
    let mut order = Order::new(plan.partitions);
    while order.count < count {
        let Some((partition, item)) = records.next().await else { break };
        let (record, _) = item?;
        meter.consumed();
        order.see(partition, record.offset, record.record.value.as_deref().unwrap_or_default());
    }
    Ok(order)
}
