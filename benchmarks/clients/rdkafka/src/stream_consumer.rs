use measure::{Meter, Order, Plan};
use rdkafka::Message;
use rdkafka::consumer::{Consumer, StreamConsumer};

use crate::settings;

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
    let consumer: StreamConsumer = settings::consumer(plan).create()?;
    consumer.assign(&settings::assignment(plan, topic)?)?;
    let mut order = Order::new(plan.partitions);
    while order.count < count {
        let message = consumer.recv().await?;
        meter.consumed();
        order.see(message.partition(), message.offset(), message.payload().unwrap_or_default());
    }
    Ok(order)
}
