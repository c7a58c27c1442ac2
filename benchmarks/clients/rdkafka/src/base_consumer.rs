use std::time::Duration;

use measure::{Meter, Order, Plan};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::settings;

pub fn run(plan: &Plan) -> anyhow::Result<()> {
    if plan.warm > 0 {
        read(plan, &plan.warm_topic, plan.warm, &mut Meter::start())?;
    }
    let mut meter = Meter::start();
    let order = read(plan, &plan.topic, plan.records, &mut meter)?;
    meter.report_consumed(plan, &order);
    Ok(())
}

fn read(plan: &Plan, topic: &str, count: u64, meter: &mut Meter) -> anyhow::Result<Order> {
    let consumer: BaseConsumer = settings::consumer(plan).create()?;
    consumer.assign(&settings::assignment(plan, topic)?)?;
    let mut order = Order::new(plan.partitions);
    while order.count < count {
        let Some(message) = consumer.poll(Duration::from_secs(1)) else { continue };
        let message = message?;
        meter.consumed();
        order.see(message.partition(), message.offset(), message.payload().unwrap_or_default());
    }
    Ok(order)
}
