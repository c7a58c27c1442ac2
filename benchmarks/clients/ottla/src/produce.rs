use anyhow::ensure;
use measure::{Codec, Item, Plan, Sends, drive, tuned};
use ottla::producer::ProducerBuilder;
use ottla::{Client, Compression, Delivery, Producer, Record, Topic};

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let client = Client::builder().bootstrap([plan.bootstrap.as_str()]).build()?;
    let producer = settings(plan, Producer::builder(&client))?.build()?;
    let to = |topic: &str| Sender { producer: producer.clone(), topic: client.topic(topic) };
    drive(plan, to(&plan.warm_topic), to(&plan.topic)).await?;
    ensure!(producer.close(plan.within).await.is_clean(), "something was left");
    Ok(())
}

struct Sender {
    producer: Producer,
    topic: Topic,
}

impl Sends for Sender {
    type Delivery = Delivery;

    #[inline]
    async fn send(&mut self, item: Item<'_>) -> anyhow::Result<Delivery> {
        let record = Record { key: item.key, ..Record::value(item.value) };
        Ok(self.producer.send(&self.topic, record).await?)
    }

    #[inline]
    async fn acknowledged(delivery: &mut Delivery) -> bool {
        delivery.await.is_ok()
    }
}

pub fn settings(plan: &Plan, mut builder: ProducerBuilder) -> anyhow::Result<ProducerBuilder> {
    if plan.is_tuned() {
        builder = builder
            .max_batch_size(tuned::BATCH_BYTES)
            .max_request_size(tuned::REQUEST_BYTES)
            .buffer_memory(tuned::BUFFER_BYTES);
    }
    if let Some(linger) = plan.linger() {
        builder = builder.linger(linger);
    }
    // For the sweep.
    let micros = |word: Option<&str>| {
        word.map(|word| word.parse().map(std::time::Duration::from_micros)).transpose()
    };
    if let Some(linger) = micros(plan.extra("linger-us"))? {
        builder = builder.linger(linger);
    }
    if let Some(spacing) = micros(plan.extra("spacing-us"))? {
        builder = builder.min_request_spacing(spacing);
    }
    Ok(match plan.codec {
        Codec::None => builder,
        Codec::Gzip => builder.compression(Compression::Gzip),
        Codec::Snappy => builder.compression(Compression::Snappy),
        Codec::Lz4 => builder.compression(Compression::Lz4),
        Codec::Zstd => builder.compression(Compression::Zstd),
    })
}
