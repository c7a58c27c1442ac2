use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::Utc;
use futures_util::poll;
use measure::{Item, Plan, Sends, drive, tuned};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::UnknownTopicHandling;
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::client::producer::{BatchProducer, BatchProducerBuilder};
use rskafka::record::Record;

/// Its aggregator counts values only, so a batch of these bytes of small records is about as large as the others'.
const BATCH_VALUES: usize = tuned::BATCH_BYTES / 2;
/// It has no partitioner: the program changes the partition after so many bytes, as KIP-794 does.
const STICKY_BYTES: usize = 16 << 10;

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let warm = Sender::to(plan, &plan.warm_topic).await?;
    let measured = Sender::to(plan, &plan.topic).await?;
    drive(plan, warm, measured).await
}

struct Sender {
    producers: Vec<Arc<BatchProducer<RecordAggregator>>>,
    current: usize,
    bytes: usize,
}

impl Sender {
    async fn to(plan: &Plan, topic: &str) -> anyhow::Result<Self> {
        let client = ClientBuilder::new(vec![plan.bootstrap.clone()]).build().await?;
        let mut producers = Vec::new();
        for partition in 0..plan.partitions {
            let partition =
                client.partition_client(topic, partition, UnknownTopicHandling::Retry).await?;
            let mut builder = BatchProducerBuilder::new(Arc::new(partition))
                .with_compression(crate::compression(plan));
            if let Some(linger) = plan.linger() {
                builder = builder.with_linger(linger);
            }
            producers.push(Arc::new(builder.build(RecordAggregator::new(BATCH_VALUES))));
        }
        Ok(Self { producers, current: 0, bytes: 0 })
    }
}

/// Either the outcome or what it is still to come from.
enum Delivery {
    Done(bool),
    Pending(Pin<Box<dyn Future<Output = bool> + Send>>),
}

impl Sends for Sender {
    type Delivery = Delivery;

    async fn send(&mut self, item: Item<'_>) -> anyhow::Result<Delivery> {
        if self.bytes > STICKY_BYTES {
            (self.current, self.bytes) = ((self.current + 1) % self.producers.len(), 0);
        }
        self.bytes += item.value.len();
        let record = Record {
            key: item.key.map(<[u8]>::to_vec),
            value: Some(item.value.to_vec()),
            headers: BTreeMap::new(),
            timestamp: Utc::now(),
        };
        let producer = Arc::clone(&self.producers[self.current]);
        let mut delivery: Pin<Box<dyn Future<Output = bool> + Send>> =
            Box::pin(async move { producer.produce(record).await.is_ok() });
        // The first poll is what puts it into its batch.
        Ok(match poll!(&mut delivery) {
            std::task::Poll::Ready(delivered) => Delivery::Done(delivered),
            std::task::Poll::Pending => Delivery::Pending(delivery),
        })
    }

    async fn acknowledged(delivery: &mut Delivery) -> bool {
        match delivery {
            Delivery::Done(delivered) => *delivered,
            Delivery::Pending(delivery) => delivery.await,
        }
    }
}
