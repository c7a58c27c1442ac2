use std::sync::Arc;

use krafka::producer::{DeliveryHandle, Producer};
use krafka::{Compression, Kafka, Record};
use measure::{Codec, Item, Plan, Sends, drive, tuned};

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let kafka = Kafka::builder(plan.bootstrap.as_str()).connect().await?;
    let mut builder = kafka.producer().compression(match plan.codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    });
    if plan.is_tuned() {
        builder = builder
            .batch_size(tuned::BATCH_BYTES)
            .max_request_size(tuned::REQUEST_BYTES)
            .buffer_memory(tuned::BUFFER_BYTES);
    }
    if let Some(linger) = plan.linger() {
        builder = builder.linger(linger);
    }
    let producer = Arc::new(builder.build().await?);
    let to = |topic: &str| Sender { producer: Arc::clone(&producer), topic: topic.to_owned() };
    drive(plan, to(&plan.warm_topic), to(&plan.topic)).await?;
    producer.close().await?;
    Ok(())
}

struct Sender {
    producer: Arc<Producer>,
    topic: String,
}

impl Sends for Sender {
    type Delivery = DeliveryHandle;

    #[inline]
    async fn send(&mut self, item: Item<'_>) -> anyhow::Result<DeliveryHandle> {
        // The client keeps the value until it is acknowledged.
        let mut record = Record::new(self.topic.as_str(), item.value.to_vec());
        if let Some(key) = item.key {
            record = record.key(key.to_vec());
        }
        Ok(self.producer.enqueue(record).await?)
    }

    #[inline]
    async fn acknowledged(delivery: &mut DeliveryHandle) -> bool {
        delivery.await.is_ok()
    }
}
