use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use chrono::Utc;
use futures_util::{StreamExt, stream::FuturesUnordered};
use measure::{Meter, Payload, Plan, tuned};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use rskafka::record::Record;
use tokio::task::JoinHandle;

/// What a record takes in a batch beside its value.
const AROUND: usize = 12;

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    anyhow::ensure!(plan.rate.is_none(), "records are not sent one by one");
    send(plan, &plan.warm_topic, plan.payload(plan.warm)?).await?;
    let payload = plan.payload(plan.records)?;
    let meter = Meter::start();
    let (acknowledged, failed) = send(plan, &plan.topic, payload).await?;
    meter.report_produced(plan, acknowledged, failed, None);
    Ok(())
}

/// The program makes the batches itself and hands each to a partition in turn. One is in flight to a partition, for
/// without idempotence more could change places.
async fn send(plan: &Plan, topic: &str, mut payload: Payload) -> anyhow::Result<(u64, u64)> {
    let client = ClientBuilder::new(vec![plan.bootstrap.clone()]).build().await?;
    let mut idle: Vec<Arc<PartitionClient>> = Vec::new();
    for partition in 0..plan.partitions {
        let partition =
            client.partition_client(topic, partition, UnknownTopicHandling::Retry).await?;
        idle.push(Arc::new(partition));
    }
    let (mut acknowledged, mut failed) = (0, 0);
    let mut in_flight: FuturesUnordered<JoinHandle<(Arc<PartitionClient>, u64, bool)>> =
        FuturesUnordered::new();
    let mut count = |records: u64, delivered: bool| {
        if delivered { acknowledged += records } else { failed += records }
    };
    let most = (tuned::BATCH_BYTES / (plan.value_size + AROUND)).max(1);
    let mut batch = Vec::with_capacity(most);
    let compression = crate::compression(plan);
    loop {
        let item = payload.next();
        let is_last = item.is_none();
        if let Some(item) = item {
            batch.push(Record {
                key: item.key.map(<[u8]>::to_vec),
                value: Some(item.value.to_vec()),
                headers: BTreeMap::new(),
                timestamp: Utc::now(),
            });
        }
        if batch.len() == most || (is_last && !batch.is_empty()) {
            if idle.is_empty() {
                let done = in_flight.next().await.expect("none is idle, so one is in flight");
                let (partition, records, delivered) = done?;
                count(records, delivered);
                idle.push(partition);
            }
            let partition = idle.swap_remove(0);
            let records = mem::replace(&mut batch, Vec::with_capacity(most));
            in_flight.push(tokio::spawn(async move {
                let count = records.len() as u64;
                let outcome = partition.produce(records, compression).await;
                (partition, count, outcome.is_ok_and(|offsets| offsets.len() as u64 == count))
            }));
        }
        if is_last {
            break;
        }
    }
    while let Some(done) = in_flight.next().await {
        let (_, records, delivered) = done?;
        count(records, delivered);
    }
    Ok((acknowledged, failed))
}
