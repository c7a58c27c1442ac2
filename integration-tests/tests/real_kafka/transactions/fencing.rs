//! Producers that die, and producers that come back after they were replaced.

use std::time::Duration;

use ottla::Outcome;
use ottla::producer::{CommitError, FatalCause, TransactionError};
use ottla_integration_tests::Kafka;
use tokio::time::timeout;

use super::{World, under_both};
use crate::clients::PATIENCE;

under_both! {
    a_zombie_is_fenced;
    a_successor_ends_what_a_crash_left_open;
    a_transaction_that_takes_too_long_is_not_committed;
}

async fn a_zombie_is_fenced(kafka: &Kafka) {
    let world = World::new(kafka, "zombie").await;
    let mut zombie = world.producer();
    let transaction = zombie.begin().await.unwrap();
    world.send(&transaction, 0, 1).await.await.unwrap();
    let mut successor = world.producer();
    let second = successor.begin().await.unwrap();
    drop(world.send(&second, 0, 2).await);
    second.commit().await.unwrap();
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotWritten);
    let CommitError::Fatal { cause: FatalCause::Fenced { .. } } = error else { panic!("{error}") };
    assert!(zombie.begin().await.unwrap_err().is_fatal());
    let third = successor.begin().await.unwrap();
    drop(world.send(&third, 0, 3).await);
    third.commit().await.unwrap();
    successor.close(PATIENCE).await;
    assert_eq!(world.read().await[0], [2, 3]);
    world.remove().await;
}

/// As by `kill -9`: its runtime is gone in the middle of a transaction, and nothing more of it is
/// sent.
async fn a_successor_ends_what_a_crash_left_open(kafka: &Kafka) {
    let world = World::new(kafka, "crash").await;
    let (bootstrap, id, topic) =
        (kafka.bootstrap().to_owned(), world.id.clone(), world.topic.name().to_owned());
    let crashed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let left = runtime.block_on(async {
            let client = ottla::Client::builder().bootstrap(bootstrap.split(',')).build().unwrap();
            let mut producer = ottla::Producer::builder(&client).transactional(id).build().unwrap();
            let topic = client.topic(&topic);
            let transaction = producer.begin().await.unwrap();
            let record = ottla::Record::value(b"1").partition(0);
            transaction.send(&topic, record).await.unwrap().await.unwrap();
            drop(transaction);
            (client, producer)
        });
        // Nothing runs any more that could abort it.
        drop(runtime);
        drop(left);
    });
    crashed.join().unwrap();
    let mut successor = world.producer();
    let begun = timeout(Duration::from_secs(20), successor.begin()).await;
    let transaction = begun.expect("the open transaction is in the way").unwrap();
    drop(world.send(&transaction, 0, 2).await);
    transaction.commit().await.unwrap();
    successor.close(PATIENCE).await;
    assert_eq!(world.read().await[0], [2]);
    world.remove().await;
}

/// KIP-588. Kafka looks for such transactions every ten seconds.
async fn a_transaction_that_takes_too_long_is_not_committed(kafka: &Kafka) {
    let world = World::new(kafka, "slow").await;
    let mut producer = world.builder().transaction_timeout(Duration::from_secs(1)).build().unwrap();
    let transaction = producer.begin().await.unwrap();
    drop(world.send(&transaction, 0, 1).await);
    tokio::time::sleep(Duration::from_secs(13)).await;
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotWritten, "{error}");
    let begun = producer.begin().await.map(drop);
    if let Err(error) = begun {
        // Under the first protocol nobody can tell it from a fence.
        let TransactionError::Fatal { cause: FatalCause::Fenced { .. } } = error else {
            panic!("{error}")
        };
        producer = world.producer();
    }
    let transaction = producer.begin().await.unwrap();
    drop(world.send(&transaction, 0, 2).await);
    transaction.commit().await.unwrap();
    producer.close(PATIENCE).await;
    assert_eq!(world.read().await[0], [2]);
    world.remove().await;
}
