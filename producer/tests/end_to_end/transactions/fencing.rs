//! Two producers with one transactional id: the later one has it.

use std::time::Duration;

use ottla_client::{Client, Outcome};
use ottla_producer::{
    CommitError, FatalCause, Producer, Reason, Record, Refused, TransactionError,
};
use ottla_protocol::{ApiKey, ErrorCode};

use super::support::*;
use crate::support::timed;

under_both! {
    /// KIP-98, KIP-588
    async fn a_zombie_is_fenced_and_told_for_good(world) {
        let mut zombie = producer(&world);
        commit(&world, &mut zombie, 0, [1]).await;
        let transaction = zombie.begin().await.unwrap();
        let written = send(&world, &transaction, 0, [2]).await.remove(0);
        written.await.unwrap();
        let mut successor = producer(&world);
        commit(&world, &mut successor, 0, [3]).await;
        let error = transaction.commit().await.unwrap_err();
        let CommitError::Fatal { cause: FatalCause::Fenced { code } } = &error else {
            panic!("{error}");
        };
        assert_eq!(*code, ErrorCode::PRODUCER_FENCED);
        assert_eq!((error.outcome(), error.is_fatal()), (Outcome::NotWritten, true));
        let again = zombie.begin().await.unwrap_err();
        assert!(again.is_fatal() && !again.is_retriable());
        assert_eq!(committed(&world, 0), [1, 3]);
        commit(&world, &mut successor, 0, [4]).await;
        assert_eq!(committed(&world, 0), [1, 3, 4], "the zombie fences nobody");
    }

    /// A zombie that writes is told by the leader; who it is fenced by only the coordinator knows.
    async fn a_zombie_that_writes_finds_out_when_it_aborts(world) {
        let mut zombie = producer(&world);
        let transaction = zombie.begin().await.unwrap();
        let written = send(&world, &transaction, 0, [1]).await.remove(0);
        written.await.unwrap();
        let mut successor = producer(&world);
        commit(&world, &mut successor, 0, [2]).await;
        drop(send(&world, &transaction, 0, [3]).await);
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotWritten);
        let TransactionError::Fatal { cause } = zombie.begin().await.unwrap_err() else {
            panic!("not fenced");
        };
        assert!(matches!(cause, FatalCause::Fenced { .. }));
        commit(&world, &mut successor, 0, [4]).await;
        assert_eq!(committed(&world, 0), [2, 4]);
    }

    /// It comes back while its commit is in doubt: it must not commit, nor fence its successor.
    async fn a_zombie_in_doubt_fences_nobody(world) {
        let mut zombie = builder(&world).completion_timeout(Duration::from_secs(3)).build().unwrap();
        let faults = world.cluster.faults();
        let transaction = zombie.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        let lost = faults.fail(ApiKey::END_TXN, ErrorCode::UNKNOWN_SERVER_ERROR).arm();
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        lost.disarm();
        let mut successor = producer(&world);
        commit(&world, &mut successor, 0, [2]).await;
        assert!(zombie.begin().await.unwrap_err().is_fatal());
        commit(&world, &mut successor, 0, [3]).await;
        assert_eq!(committed(&world, 0), [2, 3]);
    }

    /// What a producer leaves behind that dies in the middle.
    async fn a_successor_ends_what_a_crash_left_open(world) {
        let crashed = world.network.client(&world.cluster).build().unwrap();
        let mut producer = Producer::builder(&crashed).transactional(ID).build().unwrap();
        let topic = crashed.topic("in");
        let transaction = producer.begin().await.unwrap();
        let value = 1u32.to_be_bytes();
        let delivery = transaction.send(&topic, Record::value(&value).partition(0)).await.unwrap();
        delivery.await.unwrap();
        for broker in 0..3 {
            world.network.block(broker);
        }
        crash(&crashed).await;
        drop(transaction);
        world.network.unblock();
        let mut successor = super::support::producer(&world);
        let (begun, took) = timed(successor.begin()).await;
        drop(begun.unwrap());
        assert!(took < Duration::from_secs(5), "{took:?}");
        commit(&world, &mut successor, 0, [2]).await;
        assert_eq!(committed(&world, 0), [2]);
        drop(producer);
    }

    async fn after_the_end_everything_is_refused(world) {
        let mut zombie = producer(&world);
        let transaction = zombie.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        let mut successor = producer(&world);
        commit(&world, &mut successor, 0, [2]).await;
        transaction.abort().await.unwrap_err();
        let error = zombie.begin().await.unwrap_err();
        let TransactionError::Fatal { cause } = error else { panic!("{error}") };
        let (closed, took) = timed(zombie.close(Duration::from_secs(10))).await;
        assert!(took < Duration::from_secs(1), "{took:?} {closed:?}");
        let reason = Reason::Transactional { cause };
        assert!(Refused::Fatal(reason).is_fatal());
    }
}

/// As if its process were killed: nothing of it is sent any more.
async fn crash(client: &Client) {
    client.close(Duration::ZERO).await;
}
