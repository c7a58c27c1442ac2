//! Ends without a clear answer, ends that take their time, and the end of the producer.

use std::time::Duration;

use futures_util::FutureExt as _;
use ottla_client::{GroupMetadata, Outcome};
use ottla_producer::{AbortCause, CommitError, Doubt, Record, Refused, TransactionError};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::{TransactionPhase, TransactionVersion};

use super::support::*;
use crate::support::{World, timed};

under_both! {
    /// H19: the answer is lost, the commit is not, and it is not told twice.
    async fn a_commit_whose_answer_is_lost_is_asked_for_again(world, version) {
        let mut producer = producer(&world);
        let faults = world.cluster.faults();
        faults.drop_reply(ApiKey::END_TXN).times(2).arm();
        commit(&world, &mut producer, 0, [1]).await;
        commit(&world, &mut producer, 0, [2]).await;
        assert_eq!(committed(&world, 0), [1, 2]);
        assert_eq!(requests(&world, ApiKey::END_TXN), 4);
        // What is still on its way must not end a later transaction: it gets another epoch.
        let raised = requests(&world, ApiKey::INIT_PRODUCER_ID) - 1;
        assert_eq!(raised, if version == TransactionVersion::V1 { 1 } else { 0 });
        assert_eq!(epochs(&world, 0), [0, 1]);
    }

    /// H19, as franz-go had it: an error of which nobody knows what it means is no success.
    async fn a_commit_is_done_when_the_coordinator_says_so(world) {
        let mut producer = producer(&world);
        let faults = world.cluster.faults();
        let lost = faults.fail(ApiKey::END_TXN, ErrorCode::UNKNOWN_SERVER_ERROR).times(3).arm();
        commit(&world, &mut producer, 0, [1]).await;
        assert_eq!((lost.hits(), committed(&world, 0)), (3, vec![1]));
        faults.fail_after(ApiKey::END_TXN, ErrorCode::UNKNOWN_SERVER_ERROR).times(3).arm();
        commit(&world, &mut producer, 0, [2]).await;
        commit(&world, &mut producer, 0, [3]).await;
        assert_eq!(committed(&world, 0), [1, 2, 3]);
    }

    /// H19: after a commit in doubt the next transaction begins when that is settled.
    async fn a_commit_in_doubt_is_told_as_such_and_settled_before_the_next(world) {
        let patience = Duration::from_secs(5);
        for executed in [true, false] {
            let mut producer = builder(&world).completion_timeout(patience).build().unwrap();
            let faults = world.cluster.faults();
            if executed {
                faults.drop_reply(ApiKey::END_TXN).arm();
            } else {
                faults.fail(ApiKey::END_TXN, ErrorCode::UNKNOWN_SERVER_ERROR).arm();
            }
            let transaction = producer.begin().await.unwrap();
            drop(send(&world, &transaction, 0, [1]).await);
            let (error, took) = timed(transaction.commit()).await;
            let error = error.unwrap_err();
            let CommitError::Unknown { cause: Doubt::TimedOut { after, .. } } = &error else {
                panic!("{error}");
            };
            assert_eq!((*after, error.outcome()), (patience, Outcome::Unknown));
            assert!(!error.is_fatal() && !error.is_retriable());
            assert!(took < 2 * patience, "{took:?}");
            // Nobody can be had: the next one does not begin, and says so.
            let (error, took) = timed(producer.begin()).await;
            let error = error.unwrap_err();
            assert!(matches!(error, TransactionError::TimedOut { .. }), "{error}");
            assert!(took < 2 * patience, "{took:?}");
            faults.clear();
            commit(&world, &mut producer, 0, [2]).await;
            let expected = if executed { vec![1, 2] } else { vec![1, 2, 2] };
            assert_eq!(committed(&world, 0), expected);
        }
    }

    /// KIP-890: the markers of the one before may still be on their way.
    async fn the_next_transaction_waits_for_the_markers_of_the_one_before(_unused, version) {
        let slow = cluster(version).marker_delay(Duration::from_millis(150));
        let world = World::on(slow);
        let mut producer = producer(&world);
        let ((), took) = timed(async {
            for number in 0..5 {
                commit(&world, &mut producer, 0, [number]).await;
            }
        }).await;
        assert!(took < Duration::from_secs(2), "{took:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(committed(&world, 0), [0, 1, 2, 3, 4]);
    }

    /// Under the second protocol the coordinator refuses it as if the producer were fenced.
    async fn a_transaction_may_be_aborted_before_the_markers_of_the_one_before(_unused, version) {
        let slow = cluster(version).marker_delay(Duration::from_secs(3));
        let world = World::on(slow);
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [1]).await;
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [2]).await);
        transaction.abort().await.unwrap();
        commit(&world, &mut producer, 0, [3]).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(committed(&world, 0), [1, 3]);
    }

    async fn a_coordinator_that_moved_is_found_again(world) {
        let mut producer = producer(&world);
        for number in 0..4 {
            let broker = i32::try_from(number % 3).unwrap();
            let transaction = producer.begin().await.unwrap();
            let written = send(&world, &transaction, 0, [number]).await.remove(0);
            written.await.unwrap();
            world.cluster.move_transaction_coordinator(ID, broker);
            let (done, took) = timed(transaction.commit()).await;
            done.unwrap();
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
        assert_eq!(committed(&world, 0), [0, 1, 2, 3]);
    }

    async fn coordinators_move_at_any_moment(world) {
        let mut producer = producer(&world);
        let faults = world.cluster.faults();
        for number in 0..6 {
            let broker = i32::try_from(number % 3).unwrap();
            let transaction = producer.begin().await.unwrap();
            drop(send(&world, &transaction, 0, [number]).await);
            if number % 2 == 0 {
                world.cluster.move_transaction_coordinator(ID, broker);
            }
            faults.delay_reply(ApiKey::END_TXN, Duration::from_millis(50)).times(1).arm();
            let committing = transaction.commit();
            let moved = async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                world.cluster.move_transaction_coordinator(ID, (broker + 1) % 3);
                world.cluster.cut_connections(broker);
            };
            let (done, ()) = tokio::join!(committing, moved);
            done.unwrap();
        }
        assert_eq!(committed(&world, 0), [0, 1, 2, 3, 4, 5]);
    }

    /// KIP-588: what takes too long is aborted by the coordinator's clock. Under the second protocol
    /// the producer finds out and goes on; under the first nobody can tell it from one that is fenced.
    async fn a_transaction_that_takes_too_long_is_not_committed(world, version) {
        let timeout = Duration::from_secs(10);
        let mut producer = builder(&world).transaction_timeout(timeout).build().unwrap();
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        tokio::time::sleep(2 * timeout).await;
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotWritten);
        if version == TransactionVersion::V1 {
            assert!(error.is_fatal(), "{error}");
            producer = builder(&world).build().unwrap();
        } else {
            assert_eq!(error, CommitError::Abortable { cause: AbortCause::TimedOut });
        }
        commit(&world, &mut producer, 0, [2]).await;
        assert_eq!(committed(&world, 0), [2]);
    }

    /// A write that comes when the clock has ended the transaction.
    async fn a_write_after_the_time_out_is_not_the_end_of_the_producer(world, version) {
        let timeout = Duration::from_secs(10);
        let mut producer = builder(&world).transaction_timeout(timeout).build().unwrap();
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        tokio::time::sleep(2 * timeout).await;
        let late = send(&world, &transaction, 0, [2]).await.remove(0);
        let _not_written = reason(late).await;
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::Abortable { .. }), "{error}");
        if version == TransactionVersion::V1 {
            assert!(producer.begin().await.unwrap_err().is_fatal());
            producer = builder(&world).build().unwrap();
        }
        commit(&world, &mut producer, 0, [3]).await;
        assert_eq!(committed(&world, 0), [3]);
    }

    async fn a_commit_that_nobody_waits_for_goes_on(world) {
        let mut producer = producer(&world);
        world.cluster.faults().delay(ApiKey::END_TXN, Duration::from_secs(1)).times(1).arm();
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        let dropped = tokio::time::timeout(Duration::from_millis(100), transaction.commit()).await;
        assert!(dropped.is_err());
        commit(&world, &mut producer, 0, [2]).await;
        assert_eq!(committed(&world, 0), [1, 2]);
    }

    async fn closing_aborts_what_is_open(world) {
        let mut producer = producer(&world);
        let transaction = producer.begin().await.unwrap();
        let written = send(&world, &transaction, 0, [1]).await.remove(0);
        written.await.unwrap();
        drop(transaction);
        let (closed, took) = timed(producer.close(Duration::from_secs(10))).await;
        assert!(closed.is_clean() && took < Duration::from_secs(1), "{closed:?} {took:?}");
        assert_eq!(world.cluster.transaction(ID), Some(TransactionPhase::CompleteAbort));
        assert!(committed(&world, 0).is_empty());
    }

    async fn dropping_the_producer_aborts_what_is_open(world) {
        let mut producer = producer(&world);
        let transaction = producer.begin().await.unwrap();
        let written = send(&world, &transaction, 0, [1]).await.remove(0);
        written.await.unwrap();
        drop(transaction);
        drop(producer);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.cluster.transaction(ID), Some(TransactionPhase::CompleteAbort));
    }
}

under_both! {
    /// The commit is carried out, but its answer does not come before the client is closed.
    async fn a_commit_that_the_client_cuts_off_is_unknown(world) {
        let mut producer = producer(&world);
        commit(&world, &mut producer, 0, [1]).await;
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [2]).await);
        let faults = world.cluster.faults();
        faults.delay_reply(ApiKey::END_TXN, Duration::from_secs(20)).arm();
        let client = world.client.clone();
        let cut = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            client.close(Duration::from_secs(1)).await;
        });
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::Unknown { .. }), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        cut.await.unwrap();
        assert_eq!(committed(&world, 0), [1, 2]);
    }

    async fn offsets_that_nobody_waits_for_are_committed_all_the_same(world) {
        let mut producer = producer(&world);
        let transaction = producer.begin().await.unwrap();
        drop(send(&world, &transaction, 0, [1]).await);
        let groups: Vec<_> = (0..30).map(|number| format!("group-{number}")).collect();
        for group in &groups {
            let group = GroupMetadata::standalone(group.as_str());
            let offsets = [(at(&world, 1), 5)];
            assert!(transaction.send_offsets(offsets, &group).now_or_never().is_none());
        }
        transaction.commit().await.unwrap();
        for group in &groups {
            assert_eq!(world.cluster.committed(group, "in", 1), Some(5), "{group}");
        }
    }

    async fn who_waits_for_room_is_refused_when_the_transaction_fails(world) {
        let builder = world.builder().buffer_records(1).transactional(ID);
        let mut producer = builder.build().unwrap();
        let transaction = producer.begin().await.unwrap();
        world.cluster.faults().swallow_reply(ApiKey::PRODUCE).arm();
        drop(send(&world, &transaction, 0, [1]).await);
        let faults = world.cluster.faults();
        faults.fail(ApiKey::TXN_OFFSET_COMMIT, ErrorCode::FENCED_INSTANCE_ID).times(1).arm();
        let group = GroupMetadata::standalone("group");
        let record = Record::value(b"late").partition(0);
        let waiting = timed(transaction.send(&world.topic, record));
        let refusing = transaction.send_offsets([(at(&world, 1), 5)], &group);
        let ((refused, took), offsets) = futures_util::join!(waiting, refusing);
        assert!(matches!(refused, Err(Refused::TransactionAborted { .. })), "{refused:?}");
        assert!(offsets.is_err());
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}
