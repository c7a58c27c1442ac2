use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::Utc;
use futures_util::poll;
use measure::{Meter, Payload, Plan, WINDOW, tuned};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::UnknownTopicHandling;
use rskafka::client::producer::aggregator::RecordAggregator;
use rskafka::client::producer::{BatchProducer, BatchProducerBuilder};
use rskafka::record::Record;

/// Its aggregator counts values only, so a batch of these bytes of small records is about as large as the others'.
const BATCH_VALUES: usize = tuned::BATCH_BYTES / 2;
/// It has no partitioner: the program changes the partition after so many bytes, as KIP-794 does.
const STICKY_BYTES: usize = 16 << 10;

type Delivery = Pin<Box<dyn Future<Output = bool> + Send>>;

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    send(plan, &plan.warm_topic, Payload::new(plan.warm, plan.value_size)).await?;
    let meter = Meter::start();
    let payload = Payload::new(plan.records, plan.value_size);
    let (acknowledged, failed) = send(plan, &plan.topic, payload).await?;
    meter.report_produced(plan, acknowledged, failed);
    Ok(())
}

/// Sends everything and awaits every delivery, the oldest first.
async fn send(plan: &Plan, topic: &str, mut payload: Payload) -> anyhow::Result<(u64, u64)> {
    let client = ClientBuilder::new(vec![plan.bootstrap.clone()]).build().await?;
    let mut producers: Vec<Arc<BatchProducer<RecordAggregator>>> = Vec::new();
    for partition in 0..plan.partitions {
        let partition =
            client.partition_client(topic, partition, UnknownTopicHandling::Retry).await?;
        let mut builder = BatchProducerBuilder::new(Arc::new(partition));
        if plan.is_tuned() {
            builder = builder.with_linger(tuned::LINGER);
        }
        producers.push(Arc::new(builder.build(RecordAggregator::new(BATCH_VALUES))));
    }
    let mut deliveries: VecDeque<Delivery> = VecDeque::with_capacity(WINDOW);
    let (mut acknowledged, mut failed) = (0, 0);
    let mut count = |delivered: bool| {
        if delivered { acknowledged += 1 } else { failed += 1 }
    };
    let (mut current, mut bytes) = (0, 0);
    while let Some(value) = payload.next() {
        if deliveries.len() == WINDOW {
            let oldest = deliveries.pop_front().expect("the window is full");
            count(oldest.await);
        }
        if bytes > STICKY_BYTES {
            (current, bytes) = ((current + 1) % producers.len(), 0);
        }
        bytes += value.len();
        let record = Record {
            key: None,
            value: Some(value.to_vec()),
            headers: BTreeMap::new(),
            timestamp: Utc::now(),
        };
        let producer = Arc::clone(&producers[current]);
        let mut delivery: Delivery =
            Box::pin(async move { producer.produce(record).await.is_ok() });
        // The first poll is what puts it into its batch.
        match poll!(&mut delivery) {
            std::task::Poll::Ready(delivered) => count(delivered),
            std::task::Poll::Pending => deliveries.push_back(delivery),
        }
    }
    for delivery in deliveries {
        count(delivery.await);
    }
    Ok((acknowledged, failed))
}
