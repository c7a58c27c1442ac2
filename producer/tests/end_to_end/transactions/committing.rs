//! What goes well: KIP-98 under the first protocol, KIP-890 under the second.

use std::time::Duration;

use ottla_client::GroupMetadata;
use ottla_producer::{Reason, SendError};
use ottla_protocol::ApiKey;
use ottla_test_broker::{TransactionPhase, TransactionVersion};

use super::support::*;

under_both! {
    async fn what_is_committed_is_seen_and_what_is_aborted_is_not(world) {
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [1, 2]).await;
        let transaction = producer.begin().await.unwrap();
        let written = send(&world, &transaction, 0, [3]).await.remove(0).await.unwrap();
        assert_eq!((written.partition, written.offset), (0, Some(3)), "a marker lies before it");
        transaction.abort().await.unwrap();
        commit(&world, &mut producer, 0, [4]).await;
        assert_eq!(world.log(0), [1, 2, 3, 4]);
        assert_eq!(committed(&world, 0), [1, 2, 4]);
        assert_eq!(producer.buffered(), 0);
    }

    async fn a_transaction_spans_partitions_of_all_brokers(world) {
        let mut producer = producer(&world);
        for round in 0..3 {
            let transaction = producer.begin().await.unwrap();
            for partition in 0..3 {
                drop(send(&world, &transaction, partition, [round, 10 + round]).await);
            }
            transaction.commit().await.unwrap();
        }
        for partition in 0..3 {
            assert_eq!(committed(&world, partition), [0, 10, 1, 11, 2, 12]);
        }
        let phase = world.cluster.transaction(ID);
        assert_eq!(phase, Some(TransactionPhase::CompleteCommit));
    }

    async fn a_transaction_of_nothing_asks_nothing(world) {
        let mut producer = producer(&world);
        producer.begin().await.unwrap().commit().await.unwrap();
        producer.begin().await.unwrap().abort().await.unwrap();
        assert_eq!(world.cluster.counters().requests(ApiKey::END_TXN), 0);
        commit(&world, &mut producer, 1, [7]).await;
        assert_eq!(committed(&world, 1), [7]);
    }

    /// KIP-447
    async fn offsets_count_once_the_transaction_is_committed(world) {
        let group = GroupMetadata::standalone("group");
        let mut producer = producer(&world);
        let offset = || world.cluster.committed("group", "in", 1);
        let transaction = producer.begin().await.unwrap();
        transaction.send_offsets([(at(&world, 1), 5)], &group).await.unwrap();
        transaction.abort().await.unwrap();
        assert_eq!(offset(), None);
        let transaction = producer.begin().await.unwrap();
        transaction.send_offsets([(at(&world, 1), 6)], &group).await.unwrap();
        assert_eq!(offset(), None);
        transaction.commit().await.unwrap();
        assert_eq!(offset(), Some(6));
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        transaction.send_offsets([(at(&world, 1), 7)], &group).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!((offset(), committed(&world, 0)), (Some(7), vec![1]));
    }

    async fn a_dropped_transaction_is_aborted(world) {
        let mut producer = producer(&world);
        let transaction = producer.begin().await.unwrap();
        let written = send(&world, &transaction, 2, [0]).await.remove(0);
        written.await.unwrap();
        let deliveries = send(&world, &transaction, 2, [1]).await;
        drop(transaction);
        for delivery in deliveries {
            let outcome = delivery.await;
            let given_up = Err(Reason::TransactionAborted);
            let told = outcome.map(|written| written.partition).map_err(|error| match error {
                SendError::NotWritten { reason, .. } => reason,
                unknown => panic!("{unknown}"),
            });
            assert!(told == Ok(2) || told == given_up, "{told:?}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let partition = world.cluster.partition("in", 2).unwrap();
        assert_eq!(partition.last_stable_offset, partition.end_offset, "it is still open");
        commit(&world, &mut producer, 2, [2]).await;
        assert_eq!(committed(&world, 2), [2]);
    }

    /// The first protocol adds partitions by a request of their own, all at once where it can; the
    /// second leaves that to the writes. Newer versions of the requests mean the second.
    async fn each_protocol_is_spoken_in_its_own_words(world, version) {
        let second = version == TransactionVersion::V2;
        let group = GroupMetadata::standalone("group");
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [1]).await;
        let transaction = producer.begin().await.unwrap();
        for partition in 0..3 {
            drop(send(&world, &transaction, partition, [2]).await);
        }
        transaction.send_offsets([(at(&world, 0), 1)], &group).await.unwrap();
        transaction.commit().await.unwrap();
        let newest = |api| *versions(&world, api).last().unwrap();
        let (produce, end) = (newest(ApiKey::PRODUCE), newest(ApiKey::END_TXN));
        let added = requests(&world, ApiKey::ADD_PARTITIONS_TO_TXN);
        if second {
            assert!(produce >= 12 && end == 5 && newest(ApiKey::TXN_OFFSET_COMMIT) == 5);
            assert_eq!((added, requests(&world, ApiKey::ADD_OFFSETS_TO_TXN)), (0, 0));
            assert_eq!(epochs(&world, 0), [0, 1], "each end raises the epoch");
        } else {
            assert!(produce == 11 && end == 4 && newest(ApiKey::TXN_OFFSET_COMMIT) == 4);
            assert!((2..=3).contains(&added), "{added} requests for four partitions");
            assert_eq!(newest(ApiKey::ADD_PARTITIONS_TO_TXN), 3);
            assert_eq!(epochs(&world, 0), [0, 0], "an epoch lasts");
        }
        assert_eq!(requests(&world, ApiKey::INIT_PRODUCER_ID), 1);
    }

    /// Records of a topic that is not known yet belong to the transaction that they were sent in.
    async fn records_that_wait_for_their_topic_are_committed_with_the_others(world) {
        let mut producer = producer(&world);
        let transaction = producer.begin().await.unwrap();
        let first = send(&world, &transaction, 0, 0..50).await;
        transaction.commit().await.unwrap();
        assert_eq!(crate::support::offsets(first).await.len(), 50);
        assert_eq!(committed(&world, 0), (0..50).collect::<Vec<_>>());
    }
}
