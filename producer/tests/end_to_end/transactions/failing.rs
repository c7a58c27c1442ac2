//! Records, offsets and partitions that fail: the transaction can only be aborted, and the producer
//! goes on.

use std::time::Duration;

use ottla_client::{GroupMetadata, Outcome};
use ottla_producer::{
    AbortCause, CommitError, FatalCause, Overflow, Reason, Record, Refused, TransactionError,
};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::{TestCluster, TransactionVersion};

use super::support::*;
use crate::support::{World, timed};

under_both! {
    /// KIP-360, KIP-654
    async fn a_record_that_fails_makes_the_transaction_one_to_be_aborted(world) {
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [1]).await;
        let faults = world.cluster.faults();
        faults.fail(ApiKey::PRODUCE, ErrorCode::MESSAGE_TOO_LARGE).partition(1).times(1).arm();
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [2]).await);
        let failed = send(&world, &transaction, 1, [3]).await.remove(0);
        let code = ErrorCode::MESSAGE_TOO_LARGE;
        let first = reason(failed).await;
        assert!(matches!(&first, Reason::Broker { code: told, .. } if *told == code), "{first}");
        // It takes nothing any more, and says why.
        let refused = loop {
            let record = Record::value(b"late").partition(0);
            match transaction.send(&world.topic, record).await {
                Ok(delivery) => drop(delivery),
                Err(refused) => break refused,
            }
            tokio::task::yield_now().await;
        };
        let cause = AbortCause::NotWritten { reason: first };
        assert_eq!(refused, Refused::TransactionAborted { cause: cause.clone() });
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error, CommitError::Abortable { cause });
        assert_eq!((error.outcome(), error.is_retriable()), (Outcome::NotWritten, true));
        commit(&world, &mut producer, 0, [5]).await;
        commit(&world, &mut producer, 1, [6]).await;
        assert_eq!((committed(&world, 0), committed(&world, 1)), (vec![1, 5], vec![6]));
        let all = epochs(&world, 0);
        assert!(all.last() > all.first(), "sequences begin anew under another epoch: {all:?}");
        assert_eq!(producer.buffered(), 0);
    }

    async fn what_was_not_sent_comes_back_when_it_is_aborted(world) {
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [1]).await;
        let transaction = producer.begin().await.unwrap();
        world.cluster.remove_leader("in", 2);
        world.client.metadata().refresh(world.client.deadline()).await.unwrap();
        let waiting = send(&world, &transaction, 2, [7, 8]).await;
        let failed = world.cluster.faults();
        failed.fail(ApiKey::PRODUCE, ErrorCode::INVALID_RECORD).partition(0).times(1).arm();
        drop(send(&world, &transaction, 0, [2]).await);
        let (given_back, took) = timed(async {
            let mut reasons = Vec::new();
            for delivery in waiting {
                reasons.push(reason(delivery).await);
            }
            reasons
        }).await;
        assert_eq!(given_back, [Reason::TransactionAborted, Reason::TransactionAborted]);
        assert!(took < Duration::from_secs(1), "{took:?}");
        transaction.abort().await.unwrap();
        assert_eq!(producer.buffered(), 0);
        world.cluster.move_leader("in", 2, 0);
        commit(&world, &mut producer, 2, [9]).await;
        assert_eq!((committed(&world, 0), committed(&world, 2)), (vec![1], vec![9]));
    }

    /// Each API may be told that the coordinator is elsewhere, not ready, or busy.
    async fn coordinators_that_are_not_ready_are_asked_again(world) {
        let faults = world.cluster.faults();
        let group = GroupMetadata::standalone("group");
        let codes = [
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
            ErrorCode::NOT_COORDINATOR,
            ErrorCode::COORDINATOR_NOT_AVAILABLE,
            ErrorCode::CONCURRENT_TRANSACTIONS,
        ];
        let apis = [
            ApiKey::INIT_PRODUCER_ID,
            ApiKey::ADD_PARTITIONS_TO_TXN,
            ApiKey::ADD_OFFSETS_TO_TXN,
            ApiKey::TXN_OFFSET_COMMIT,
            ApiKey::END_TXN,
        ];
        let mut expected = Vec::new();
        for (number, code) in (0..).zip(codes) {
            for api in apis {
                faults.fail(api, code).times(2).arm();
            }
            let mut producer = builder(&world).build().unwrap();
            let transaction = producer.begin().await.unwrap();
            drop(send(&world, &transaction, 0, [number]).await);
            let offset = i64::from(number);
            transaction.send_offsets([(at(&world, 1), offset)], &group).await.unwrap();
            transaction.commit().await.unwrap();
            expected.push(number);
            assert_eq!(committed(&world, 0), expected, "{code}");
            assert_eq!(world.cluster.committed("group", "in", 1), Some(offset));
            faults.clear();
        }
    }

    /// KIP-890: what the brokers say is to be aborted is aborted, and the producer goes on.
    async fn whatever_is_abortable_is_aborted_and_the_next_commits(world, version) {
        let faults = world.cluster.faults();
        let group = GroupMetadata::standalone("group");
        let mut apis = vec![ApiKey::PRODUCE, ApiKey::TXN_OFFSET_COMMIT, ApiKey::END_TXN];
        if version == TransactionVersion::V1 {
            apis.extend([ApiKey::ADD_PARTITIONS_TO_TXN, ApiKey::ADD_OFFSETS_TO_TXN]);
        }
        let mut producer = producer(&world);
        let mut number = 0;
        for api in apis {
            for code in [ErrorCode::TRANSACTION_ABORTABLE, ErrorCode::INVALID_PRODUCER_ID_MAPPING] {
                let fault = faults.fail(api, code).times(1).arm();
                let transaction = producer.begin().await.unwrap();
                drop(send(&world, &transaction, 0, [1000]).await);
                let sent = transaction.send_offsets([(at(&world, 1), 5)], &group).await;
                let error = transaction.commit().await.unwrap_err();
                assert!(matches!(error, CommitError::Abortable { .. }), "{api} {code}: {error}");
                if api == ApiKey::TXN_OFFSET_COMMIT {
                    let cause = AbortCause::Broker { api, code };
                    assert_eq!(sent, Err(TransactionError::Abortable { cause }));
                }
                assert_eq!(fault.hits(), 1);
                number += 1;
                commit(&world, &mut producer, 0, [number]).await;
                assert_eq!(committed(&world, 0), (1..=number).collect::<Vec<_>>(), "{api} {code}");
                assert_eq!(world.cluster.committed("group", "in", 1), None);
            }
        }
    }

    /// KIP-447: a member that has been replaced commits nothing.
    async fn offsets_of_a_member_of_the_past_are_refused_and_the_transaction_with_them(world) {
        let stale = GroupMetadata {
            generation_id_or_member_epoch: 7,
            member_id: "gone".to_owned(),
            ..GroupMetadata::standalone("group")
        };
        let mut producer = producer(&world);
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        let error = transaction.send_offsets([(at(&world, 1), 5)], &stale).await.unwrap_err();
        let TransactionError::Abortable { cause: AbortCause::Broker { api, .. } } = &error else {
            panic!("{error}");
        };
        assert_eq!(*api, ApiKey::TXN_OFFSET_COMMIT);
        let refused = transaction.commit().await.unwrap_err();
        assert!(matches!(refused, CommitError::Abortable { .. }));
        commit(&world, &mut producer, 0, [2]).await;
        assert_eq!(committed(&world, 0), [2]);
        assert_eq!(world.cluster.committed("group", "in", 1), None);
    }

    /// A record in doubt is one that the transaction cannot be committed with.
    async fn a_record_without_a_clear_answer_keeps_the_transaction_from_its_commit(world) {
        let mut producer = world
            .builder()
            .request_timeout(Duration::from_secs(2))
            .delivery_timeout(Duration::from_secs(5))
            .transactional(ID)
            .build()
            .unwrap();
        commit(&world, &mut producer, 0, [1]).await;
        let lost = world.cluster.faults().drop_reply(ApiKey::PRODUCE).arm();
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [2]).await);
        let error = transaction.commit().await.unwrap_err();
        let CommitError::Abortable { cause: AbortCause::Unknown { .. } } = &error else {
            panic!("{error}");
        };
        lost.disarm();
        commit(&world, &mut producer, 0, [3]).await;
        assert_eq!(world.log(0), [1, 2, 3]);
        assert_eq!(committed(&world, 0), [1, 3]);
    }

    /// A record that is not sent in time is missing from its transaction as any other.
    async fn a_record_that_expires_makes_the_transaction_one_to_be_aborted(world) {
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [1]).await;
        world.cluster.remove_leader("in", 2);
        world.client.metadata().refresh(world.client.deadline()).await.unwrap();
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [2]).await);
        let value = 3u32.to_be_bytes();
        let record = Record::value(&value).partition(2).ttl(Duration::from_secs(1));
        let expired = transaction.send(&world.topic, record).await.unwrap();
        let (error, took) = timed(transaction.commit()).await;
        let first = reason(expired).await;
        assert!(matches!(first, Reason::Expired { .. }), "{first}");
        let cause = AbortCause::NotWritten { reason: first };
        assert_eq!(error, Err(CommitError::Abortable { cause }));
        assert!(took < Duration::from_secs(3), "{took:?}");
        // Its marker needs a leader as well.
        world.cluster.move_leader("in", 2, 0);
        commit(&world, &mut producer, 0, [4]).await;
        assert_eq!(committed(&world, 0), [1, 4]);
        assert_eq!(producer.buffered(), 0);
    }

    /// So is one that was dropped to make room.
    async fn a_record_that_is_dropped_makes_the_transaction_one_to_be_aborted(world) {
        let builder = world.builder().overflow(Overflow::DropOldest).buffer_records(5);
        let mut producer = builder.transactional(ID).build().unwrap();
        commit(&world, &mut producer, 0, [1]).await;
        world.cluster.remove_leader("in", 2);
        world.client.metadata().refresh(world.client.deadline()).await.unwrap();
        let transaction = producer.begin().await.unwrap();
        let mut deliveries = Vec::new();
        for number in 0..10u32 {
            let value = number.to_be_bytes();
            let record = Record::value(&value).partition(2);
            match transaction.send(&world.topic, record).await {
                Ok(delivery) => deliveries.push(delivery),
                Err(refused) => {
                    assert!(matches!(refused, Refused::TransactionAborted { .. }), "{refused}");
                }
            }
        }
        let error = transaction.commit().await.unwrap_err();
        let cause = AbortCause::NotWritten { reason: Reason::Overflow };
        assert_eq!(error, CommitError::Abortable { cause });
        for delivery in deliveries {
            reason(delivery).await;
        }
        world.cluster.move_leader("in", 2, 0);
        commit(&world, &mut producer, 0, [2]).await;
        assert_eq!((committed(&world, 0), producer.buffered()), (vec![1, 2], 0));
    }

    async fn leaders_may_move_within_a_transaction(world) {
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [0]).await;
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, 1..20).await);
        world.cluster.move_leader("in", 0, 2);
        drop(send(&world, &transaction, 0, 20..40).await);
        tokio::time::sleep(Duration::from_millis(3)).await;
        world.cluster.move_leader("in", 0, 1);
        drop(send(&world, &transaction, 0, 40..60).await);
        transaction.commit().await.unwrap();
        assert_eq!(committed(&world, 0), (0..60).collect::<Vec<_>>());
    }
}

/// Before Kafka 2.5 no epoch can be raised (KIP-360): where sequences are broken the producer ends,
/// else it goes on.
#[tokio::test(start_paused = true)]
async fn brokers_that_raise_no_epoch_end_a_producer_whose_records_failed() {
    let old = TestCluster::builder()
        .topic("in", 3)
        .transaction_version(TransactionVersion::V1)
        .max_version(ApiKey::INIT_PRODUCER_ID, 1)
        .max_version(ApiKey::PRODUCE, 7)
        .max_version(ApiKey::END_TXN, 1);
    let world = World::on(old);
    let mut producer = producer(&world);
    let transaction = producer.begin().await.unwrap();
    let written = send(&world, &transaction, 0, [1]).await.remove(0);
    written.await.unwrap();
    transaction.abort().await.unwrap();
    commit(&world, &mut producer, 0, [2]).await;
    assert_eq!(committed(&world, 0), [2]);
    let faults = world.cluster.faults();
    faults.fail(ApiKey::PRODUCE, ErrorCode::MESSAGE_TOO_LARGE).times(1).arm();
    let transaction = producer.begin().await.unwrap();
    drop(send(&world, &transaction, 0, [3]).await);
    transaction.commit().await.unwrap_err();
    let error = producer.begin().await.unwrap_err();
    assert!(error.is_fatal());
    let TransactionError::Fatal { cause: FatalCause::Unsupported { .. } } = error else {
        panic!("{error}");
    };
}
