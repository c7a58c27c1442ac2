use measure::{Meter, Order, Plan, tuned};
use ottla::client::TopicPartition;
use ottla::{Client, Consumer, Fetched, Start};

/// The most records of a poll: what Java hands out by default.
const AT_A_TIME: usize = 500;

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let client = Client::builder().bootstrap([plan.bootstrap.as_str()]).build()?;
    if plan.warm > 0 {
        read(&client, plan, &plan.warm_topic, plan.warm, &mut Meter::start()).await?;
    }
    let mut meter = Meter::start();
    let order = read(&client, plan, &plan.topic, plan.records, &mut meter).await?;
    meter.report_consumed(plan, &order);
    Ok(())
}

async fn read(
    client: &Client,
    plan: &Plan,
    topic: &str,
    count: u64,
    meter: &mut Meter,
) -> anyhow::Result<Order> {
    let topic = client.topic(topic);
    let all = (0..plan.partitions)
        .map(|partition| (TopicPartition::new(topic.clone(), partition), Start::Beginning));
    let mut builder = Consumer::builder(client).assign(all);
    if plan.is_tuned() {
        builder = builder
            .partition_fetch_bytes(tuned::PARTITION_FETCH_BYTES)
            .fetch_max_bytes(tuned::FETCH_BYTES)
            .buffer_memory(tuned::BUFFER_BYTES);
    }
    let mut consumer = builder.build()?;
    let mut order = Order::new(plan.partitions);
    while order.count < count {
        match consumer.poll(AT_A_TIME).await? {
            Fetched::Records(batch) => {
                meter.consumed();
                let partition = batch.partition().partition;
                for record in &batch {
                    order.see(partition, record.offset(), record.value().unwrap_or_default());
                }
            }
            Fetched::Failed { at, error, .. } => anyhow::bail!("{at}: {error}"),
            _ => {}
        }
    }
    consumer.close(plan.within).await?;
    Ok(order)
}
