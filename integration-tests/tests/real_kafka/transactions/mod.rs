//! Transactions of ottla on real Kafka, by both protocols, read by the Java client with
//! `read_committed`.

mod copier;
mod exactly_once;
mod fencing;

use std::time::Duration;

use ottla::TransactionalProducer;
use ottla::client::GroupMetadata;
use ottla::producer::TransactionalBuilder;
use ottla::{Client, Delivery, Producer, Record, Topic, TopicPartition, Transaction};
use ottla_integration_tests::{Kafka, Settings, Version, unique_name};
use tokio::sync::OnceCell;

use crate::clients::{PATIENCE, client};

/// Makes a test of its own for each protocol: of KIP-98 (`transaction.version` 1) and of KIP-890
/// (2, which Kafka 4 has turned on).
macro_rules! under_both {
    ($($scenario:ident;)+) => {
        mod first_protocol {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(crate::transactions::first().await).await;
            })+
        }
        mod second_protocol {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let kafka = ottla_integration_tests::Kafka::shared().await.unwrap();
                super::$scenario(kafka).await;
            })+
        }
    };
}
use under_both;

/// A cluster that runs transactions as before Kafka 4; it ends with the process.
async fn first() -> &'static Kafka {
    static FIRST: OnceCell<Kafka> = OnceCell::const_new();
    let start = || async {
        let version = Version::wanted().unwrap();
        let features = vec![("transaction.version".to_owned(), 1)];
        Kafka::start_with(Settings { version, features, ..Settings::default() }).await.unwrap()
    };
    FIRST.get_or_init(start).await
}

under_both! {
    what_java_reads_is_what_was_committed;
    offsets_count_once_they_are_committed;
    a_record_that_fails_is_one_that_aborts;
    transactions_follow_each_other_closely;
}

async fn what_java_reads_is_what_was_committed(kafka: &Kafka) {
    let world = World::new(kafka, "committed").await;
    let mut producer = world.producer();
    for round in 0..20_u32 {
        let transaction = producer.begin().await.unwrap();
        for number in 0..50 {
            let partition = i32::try_from(number % 3).unwrap();
            drop(world.send(&transaction, partition, round * 100 + number).await);
        }
        match round % 3 {
            0 => transaction.abort().await.unwrap(),
            1 => drop(transaction),
            _ => transaction.commit().await.unwrap(),
        }
    }
    assert!(producer.close(PATIENCE).await.is_clean());
    let committed = |number: &u32| number / 100 % 3 == 2 && number % 100 < 50;
    let expected: Vec<u32> = (0..2000).filter(committed).collect();
    let read = world.read().await;
    for partition in 0..3 {
        let of = |number: &&u32| *number % 100 % 3 == partition;
        let expected: Vec<u32> = expected.iter().filter(of).copied().collect();
        assert_eq!(read[partition as usize], expected, "partition {partition}");
    }
    world.remove().await;
}

/// KIP-447
async fn offsets_count_once_they_are_committed(kafka: &Kafka) {
    let world = World::new(kafka, "offsets").await;
    let group = unique_name("offsets-group");
    let member = GroupMetadata::standalone(&group);
    let mut producer = world.producer();
    for offset in 1..10_i64 {
        let transaction = producer.begin().await.unwrap();
        drop(world.send(&transaction, 0, 1).await);
        let offsets = (0..2).map(|partition| (world.at(partition), offset));
        transaction.send_offsets(offsets, &member).await.unwrap();
        if offset % 2 == 0 {
            transaction.commit().await.unwrap();
        } else {
            transaction.abort().await.unwrap();
        }
    }
    // Aborted, but not before it is known to be.
    drop(producer.begin().await.unwrap());
    let shown = kafka.group_offsets(&group).await.unwrap();
    let committed: Vec<_> = shown.iter().map(|at| (at.partition, at.committed)).collect();
    assert_eq!(committed, [(0, Some(8)), (1, Some(8))]);
    assert_eq!(world.read().await[0].len(), 4);
    producer.close(PATIENCE).await;
    kafka.delete_group(&group).await.unwrap();
    world.remove().await;
}

/// KIP-360: the sequence is broken, and the next transaction has another epoch.
async fn a_record_that_fails_is_one_that_aborts(kafka: &Kafka) {
    let world = World::new(kafka, "failing").await;
    let mut producer = world.producer();
    for number in 0..5 {
        let transaction = producer.begin().await.unwrap();
        drop(world.send(&transaction, 1, 1000 + number).await);
        // More than `max.message.bytes` of the topic.
        let large = vec![0; 60_000];
        let record = Record::value(&large).partition(0);
        let refused = transaction.send(&world.topic, record).await.unwrap();
        refused.await.unwrap_err();
        let error = transaction.commit().await.unwrap_err();
        assert!(error.is_retriable() && !error.is_fatal(), "{error}");
        let transaction = producer.begin().await.unwrap();
        drop(world.send(&transaction, 0, number).await);
        drop(world.send(&transaction, 1, number).await);
        transaction.commit().await.unwrap();
    }
    assert!(producer.close(PATIENCE).await.is_clean());
    let read = world.read().await;
    let numbers: Vec<u32> = (0..5).collect();
    assert_eq!((&read[0], &read[1]), (&numbers, &numbers));
    world.remove().await;
}

/// The markers of one are on their way while the next begins.
async fn transactions_follow_each_other_closely(kafka: &Kafka) {
    let world = World::new(kafka, "closely").await;
    let mut producer = world.producer();
    let began = tokio::time::Instant::now();
    for number in 0..300_u32 {
        let transaction = producer.begin().await.unwrap();
        for partition in 0..3 {
            drop(world.send(&transaction, partition, number).await);
        }
        transaction.commit().await.unwrap();
    }
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    producer.close(PATIENCE).await;
    let numbers: Vec<u32> = (0..300).collect();
    assert!(world.read().await.iter().all(|read| *read == numbers));
    world.remove().await;
}

/// A topic of three partitions and a transactional id, both its own.
struct World<'a> {
    kafka: &'a Kafka,
    client: Client,
    topic: Topic,
    id: String,
}

impl<'a> World<'a> {
    async fn new(kafka: &'a Kafka, name: &str) -> Self {
        let topic = unique_name(name);
        kafka.create_topic(&topic, 3, &["max.message.bytes=50000"]).await.unwrap();
        let client = client(kafka);
        let topic = client.topic(&topic);
        Self { kafka, client, topic, id: unique_name(name) }
    }

    fn builder(&self) -> TransactionalBuilder {
        Producer::builder(&self.client).transactional(&self.id)
    }

    fn producer(&self) -> TransactionalProducer {
        self.builder().build().unwrap()
    }

    fn at(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic.clone(), partition)
    }

    async fn send(&self, transaction: &Transaction<'_>, partition: i32, number: u32) -> Delivery {
        let value = number.to_string();
        let record = Record::value(value.as_bytes()).partition(partition);
        transaction.send(&self.topic, record).await.unwrap()
    }

    /// The numbers in each partition that Java reads with `read_committed`.
    async fn read(&self) -> [Vec<u32>; 3] {
        let mut read = [const { Vec::new() }; 3];
        for record in self.kafka.java_consume(self.topic.name()).await.unwrap() {
            let number = String::from_utf8(record.value.unwrap()).unwrap().parse().unwrap();
            read[usize::try_from(record.partition).unwrap()].push(number);
        }
        read
    }

    async fn remove(self) {
        self.kafka.delete_topic(self.topic.name()).await.unwrap();
        self.client.close(Duration::from_secs(5)).await;
    }
}
