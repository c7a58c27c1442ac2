use measure::{Item, Plan, Sends, drive};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::settings;

/// The window keeps its queue from overflowing, which would cost it 100 ms each time.
pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let producer: FutureProducer = settings::producer(plan).create()?;
    let to = |topic: &str| Sender { producer: producer.clone(), topic: topic.to_owned() };
    drive(plan, to(&plan.warm_topic), to(&plan.topic)).await
}

struct Sender {
    producer: FutureProducer,
    topic: String,
}

impl Sends for Sender {
    type Delivery = DeliveryFuture;

    #[inline]
    async fn send(&mut self, item: Item<'_>) -> anyhow::Result<DeliveryFuture> {
        let mut record: FutureRecord<'_, [u8], [u8]> =
            FutureRecord::to(&self.topic).payload(item.value);
        record.key = item.key;
        self.producer.send_result(record).map_err(|(error, _)| error.into())
    }

    #[inline]
    async fn acknowledged(delivery: &mut DeliveryFuture) -> bool {
        matches!(delivery.await, Ok(Ok(_)))
    }
}
