//! A cluster that runs transactions by one protocol, and what readers of committed records see.

use std::collections::{BTreeMap, BTreeSet};

use ottla_client::TopicPartition;
use ottla_producer::{
    Delivery, Reason, Record, SendError, Transaction, TransactionalBuilder, TransactionalProducer,
};
use ottla_protocol::ApiKey;
use ottla_protocol::compression::Codecs;
use ottla_protocol::records::{Batches, ControlKind, ControlRecord};
use ottla_test_broker::{TestCluster, TestClusterBuilder, TransactionVersion};

use crate::support::{World, number};

pub(super) const ID: &str = "transaction";
pub(super) const BOTH: [TransactionVersion; 2] = [TransactionVersion::V1, TransactionVersion::V2];

/// Runs a test once for each protocol.
macro_rules! under_both {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident $(, $version:ident)?) $body:block)+) => {
        $(
            $(#[$meta])*
            #[tokio::test(start_paused = true)]
            async fn $name() {
                for version in $crate::transactions::support::BOTH {
                    let $world = $crate::transactions::support::world(version);
                    $(let $version = version;)?
                    $body
                }
            }
        )+
    };
}
pub(super) use under_both;

/// Three brokers with the topic `in` of three partitions.
pub(super) fn world(version: TransactionVersion) -> World {
    World::on(cluster(version))
}

pub(super) fn cluster(version: TransactionVersion) -> TestClusterBuilder {
    TestCluster::builder().brokers(3).topic("in", 3).transaction_version(version)
}

pub(super) fn builder(world: &World) -> TransactionalBuilder {
    world.builder().transactional(ID)
}

pub(super) fn producer(world: &World) -> TransactionalProducer {
    builder(world).build().unwrap()
}

/// Sends the numbers to a partition of `in`.
pub(super) async fn send(
    world: &World,
    transaction: &Transaction<'_>,
    partition: i32,
    numbers: impl IntoIterator<Item = u32>,
) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for number in numbers {
        let value = number.to_be_bytes();
        let record = Record::value(&value).partition(partition);
        deliveries.push(transaction.send(&world.topic, record).await.unwrap());
    }
    deliveries
}

/// A transaction of these numbers, committed.
pub(super) async fn commit(
    world: &World,
    producer: &mut TransactionalProducer,
    partition: i32,
    numbers: impl IntoIterator<Item = u32>,
) {
    let transaction = producer.begin().await.unwrap();
    drop(send(world, &transaction, partition, numbers).await);
    transaction.commit().await.unwrap();
}

pub(super) fn at(world: &World, partition: i32) -> TopicPartition {
    TopicPartition::new(world.topic.clone(), partition)
}

/// The numbers in the log of a partition of `in` that a reader of committed records sees: from
/// markers alone, whatever the broker says of them. Ends with an open transaction, as readers do.
pub(super) fn committed(world: &World, partition: i32) -> Vec<u32> {
    let mut seen = Vec::new();
    let mut open: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for bytes in world.cluster.batches("in", partition) {
        for batch in Batches::new(bytes) {
            let batch = batch.unwrap();
            let records = batch.inflate(&Codecs::default(), 1 << 20).unwrap();
            for record in &records {
                let record = record.unwrap();
                let producer = batch.producer_id();
                if batch.is_control() {
                    let kept = ControlRecord::parse(&record).unwrap().kind == ControlKind::Commit;
                    for index in open.remove(&producer).unwrap_or_default() {
                        let entry: &mut (u32, Option<bool>) = &mut seen[index];
                        entry.1 = Some(kept);
                    }
                } else {
                    assert!(batch.is_transactional(), "written outside of a transaction");
                    open.entry(producer).or_default().push(seen.len());
                    seen.push((number(record.value), None));
                }
            }
        }
    }
    let stable = seen.iter().take_while(|(_, end)| end.is_some());
    stable.filter(|(_, end)| *end == Some(true)).map(|(number, _)| *number).collect()
}

/// The versions in which requests of an API were sent.
pub(super) fn versions(world: &World, api: ApiKey) -> BTreeSet<i16> {
    let trace = world.network.trace();
    let requests = trace.iter().flat_map(|write| write.requests());
    requests.filter(|(key, _)| *key == api.0).map(|(_, version)| version).collect()
}

/// How many requests of an API the brokers have received.
pub(super) fn requests(world: &World, api: ApiKey) -> u64 {
    world.cluster.counters().requests(api)
}

/// The epochs under which a partition of `in` was written to, in order.
pub(super) fn epochs(world: &World, partition: i32) -> Vec<i16> {
    let records = world.cluster.records("in", partition);
    records.iter().map(|record| record.producer_epoch).collect()
}

/// Why a record is not written.
pub(super) async fn reason(delivery: Delivery) -> Reason {
    match delivery.await {
        Err(SendError::NotWritten { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}
