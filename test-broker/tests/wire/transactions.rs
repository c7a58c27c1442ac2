//! Transactions as their producers, their readers and groups see them.

use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{FetchRequest, PartitionData};
use ottla_protocol::records::Batches;
use ottla_test_broker::{TestCluster, TransactionPhase, TransactionVersion};

use crate::support::{Peer, at, fetch, only_partition, values};
use crate::transactional::{GROUP, ID, Identity, Transactional};

const READ_COMMITTED: i8 = 1;

fn cluster(version: TransactionVersion) -> TestCluster {
    TestCluster::builder().transaction_version(version).topic("t", 1).build()
}

async fn fetch_committed(peer: &mut Peer, offset: i64) -> PartitionData {
    let request = FetchRequest { isolation_level: READ_COMMITTED, ..fetch("t", &[(0, offset)]) };
    only_partition(peer.ask(&request, 11).await)
}

/// What a reader of committed records hands to its user.
async fn read_committed(peer: &mut Peer) -> Vec<(i64, String)> {
    let data = fetch_committed(peer, 0).await;
    let mut aborted = data.aborted_transactions.clone().expect("a list, if empty");
    let mut skipped = Vec::new();
    let mut skipping: Vec<i64> = Vec::new();
    for batch in Batches::from(data.records.clone().expect("records")) {
        let batch = batch.expect("a whole batch");
        let id = batch.producer_id();
        if batch.is_control() {
            skipping.retain(|it| *it != id);
            continue;
        }
        aborted.retain(|it| {
            let begins = it.first_offset <= batch.last_offset();
            if begins {
                skipping.push(it.producer_id);
            }
            !begins
        });
        if skipping.contains(&id) {
            skipped.extend(batch.base_offset()..=batch.last_offset());
        }
    }
    values(&data).into_iter().filter(|(it, _)| !skipped.contains(it)).collect()
}

#[tokio::test(start_paused = true)]
async fn committed_records_are_seen_at_their_end_and_aborted_ones_never() {
    let cluster = cluster(TransactionVersion::V1);
    let mut producer = Transactional::start(&cluster).await;
    let mut reader = Peer::connect(&cluster, 0);
    producer.add("t", 0).await;
    assert_eq!(producer.produce(&["a", "b"]).await, ErrorCode::NONE);
    let open = fetch_committed(&mut reader, 0).await;
    assert_eq!((open.high_watermark, open.last_stable_offset), (2, 0));
    assert_eq!(values(&open), []);
    assert_eq!(values(&reader.fetch("t", 0, 0).await), at(0, &["a", "b"]));
    assert_eq!(producer.end(true).await, ErrorCode::NONE);
    assert_eq!(read_committed(&mut reader).await, at(0, &["a", "b"]));

    producer.add("t", 0).await;
    producer.produce(&["c"]).await;
    producer.end(false).await;
    producer.add("t", 0).await;
    producer.produce(&["d"]).await;
    producer.end(true).await;
    let mut expected = at(0, &["a", "b"]);
    expected.extend(at(5, &["d"]));
    assert_eq!(read_committed(&mut reader).await, expected);
    let partition = cluster.partition("t", 0).expect("the partition");
    assert_eq!((partition.end_offset, partition.last_stable_offset), (7, 7));
    assert_eq!(cluster.records("t", 0).len(), 4, "markers are no records");
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_the_end_of_a_transaction() {
    let cluster = cluster(TransactionVersion::V2);
    let mut producer = Transactional::start(&cluster).await;
    producer.produce(&["a"]).await;
    let mut reader = Peer::connect(&cluster, 0);
    let request = FetchRequest {
        isolation_level: READ_COMMITTED,
        max_wait_ms: 10_000,
        ..fetch("t", &[(0, 0)])
    };
    reader.send(&request, 11).await;
    assert!(!reader.hears_within(5_000).await, "what is open is not enough to answer");
    let mut reader = Peer::connect(&cluster, 0);
    let asked = tokio::time::Instant::now();
    let (answer, _) = tokio::join!(reader.ask(&request, 11), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        producer.end(true).await
    });
    assert_eq!(only_partition(answer).last_stable_offset, 2);
    assert_eq!(asked.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_first_write_brings_its_partition_along() {
    let cluster = cluster(TransactionVersion::V2);
    let mut producer = Transactional::start(&cluster).await;
    assert_eq!(producer.produce_at(11, &["a"]).await, ErrorCode::TRANSACTION_ABORTABLE);
    assert_eq!(producer.produce_at(9, &["a"]).await, ErrorCode::INVALID_TXN_STATE);
    assert_eq!(producer.produce_at(12, &["a"]).await, ErrorCode::NONE);
    assert_eq!(cluster.transaction(ID), Some(TransactionPhase::Ongoing));
    let before = producer.identity;
    producer.end(true).await;
    assert_eq!(producer.identity.epoch, before.epoch + 1);
    producer.identity = before;
    assert_eq!(producer.produce_at(12, &["late"]).await, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(cluster.records("t", 0).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_successor_waits_until_its_predecessor_is_aborted_and_fences_it() {
    for version in [TransactionVersion::V1, TransactionVersion::V2] {
        let cluster = TestCluster::builder()
            .transaction_version(version)
            .marker_delay(Duration::from_secs(2))
            .topic("t", 1)
            .build();
        let mut zombie = Transactional::start(&cluster).await;
        zombie.add("t", 0).await;
        zombie.produce(&["a"]).await;
        let mut successor = Transactional::connect(&cluster);
        assert_eq!(successor.init().await, ErrorCode::CONCURRENT_TRANSACTIONS);
        assert_eq!(successor.init().await, ErrorCode::CONCURRENT_TRANSACTIONS);
        assert_eq!(cluster.transaction(ID), Some(TransactionPhase::PrepareAbort));
        assert_eq!(cluster.partition("t", 0).expect("it").last_stable_offset, 0);
        tokio::time::sleep(Duration::from_millis(2_001)).await;
        assert_eq!(cluster.transaction(ID), Some(TransactionPhase::CompleteAbort));
        assert_eq!(successor.init().await, ErrorCode::NONE);
        assert_eq!(successor.identity.producer_id, zombie.identity.producer_id);
        assert!(successor.identity.epoch > zombie.identity.epoch + 1, "the abort took one");
        assert!(!zombie.end(true).await.is_ok());
        assert_eq!(zombie.produce(&["b"]).await, ErrorCode::INVALID_PRODUCER_EPOCH);
        let mut reader = Peer::connect(&cluster, 0);
        assert_eq!(read_committed(&mut reader).await, []);
        assert_eq!(fetch_committed(&mut reader, 0).await.last_stable_offset, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_takes_too_long_is_aborted() {
    let cluster = cluster(TransactionVersion::V2);
    let mut producer = Transactional::connect(&cluster);
    producer.timeout = Duration::from_secs(5);
    assert_eq!(producer.init().await, ErrorCode::NONE);
    producer.produce(&["a"]).await;
    tokio::time::sleep(Duration::from_millis(4_999)).await;
    assert_eq!(cluster.transaction(ID), Some(TransactionPhase::Ongoing));
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(cluster.transaction(ID), Some(TransactionPhase::CompleteAbort));
    assert_eq!(producer.produce(&["b"]).await, ErrorCode::INVALID_PRODUCER_EPOCH);
    let mut reader = Peer::connect(&cluster, 0);
    assert_eq!(read_committed(&mut reader).await, []);
}

#[tokio::test(start_paused = true)]
async fn offsets_count_with_the_commit_and_not_before() {
    for version in [TransactionVersion::V1, TransactionVersion::V2] {
        let cluster = cluster(version);
        let mut producer = Transactional::start(&cluster).await;
        for (round, commit) in [(1, false), (2, true), (3, false)] {
            let before = cluster.committed(GROUP, "t", 0);
            producer.add_offsets().await;
            assert_eq!(producer.commit_offset(round).await, ErrorCode::NONE);
            assert_eq!(cluster.committed(GROUP, "t", 0), before);
            let unstable = ErrorCode::UNSTABLE_OFFSET_COMMIT;
            assert_eq!(producer.committed(true).await, (unstable, -1), "round {round}");
            assert_eq!(producer.committed(false).await, (ErrorCode::NONE, before.unwrap_or(-1)));
            assert_eq!(producer.end(commit).await, ErrorCode::NONE);
            let after = if commit { Some(round) } else { before };
            assert_eq!(producer.committed(true).await, (ErrorCode::NONE, after.unwrap_or(-1)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn markers_wait_for_a_leader() {
    let cluster = cluster(TransactionVersion::V1);
    let mut producer = Transactional::start(&cluster).await;
    producer.add("t", 0).await;
    producer.produce(&["a"]).await;
    cluster.remove_leader("t", 0);
    assert_eq!(producer.end(true).await, ErrorCode::NONE);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(cluster.transaction(ID), Some(TransactionPhase::PrepareCommit));
    assert_eq!(producer.add("t", 0).await, ErrorCode::CONCURRENT_TRANSACTIONS);
    cluster.move_leader("t", 0, 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(cluster.transaction(ID), Some(TransactionPhase::CompleteCommit));
    assert_eq!(read_committed(&mut Peer::connect(&cluster, 0)).await, at(0, &["a"]));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_goes_on_at_its_new_coordinator() {
    let cluster = TestCluster::builder().brokers(2).topic("t", 1).build();
    let here = cluster.transaction_coordinator(ID).expect("a coordinator");
    let mut producer = Transactional::connect_to(&cluster, here);
    producer.init().await;
    producer.add("t", 0).await;
    assert!(cluster.move_transaction_coordinator(ID, 1 - here));
    assert_eq!(producer.end(true).await, ErrorCode::NOT_COORDINATOR);
    let mut moved = Transactional::connect_to(&cluster, 1 - here);
    moved.identity = producer.identity;
    assert_eq!(moved.end(true).await, ErrorCode::NONE);
    assert_eq!(cluster.transaction(ID), Some(TransactionPhase::CompleteCommit));
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_past_a_high_watermark_that_is_held() {
    let cluster = cluster(TransactionVersion::V1);
    let mut peer = Peer::connect(&cluster, 0);
    let mut producer = Transactional::start(&cluster).await;
    producer.add("t", 0).await;
    producer.produce(&["a"]).await;
    cluster.hold_high_watermark("t", 0, 1);
    producer.end(false).await;
    let held = fetch_committed(&mut peer, 0).await;
    assert_eq!(
        (held.high_watermark, held.last_stable_offset),
        (1, 0),
        "its marker is not replicated"
    );
    let late = peer.produce("t", 0, crate::support::batch(&["b"])).await;
    assert_eq!(late.error_code, ErrorCode::REQUEST_TIMED_OUT);
    assert_eq!(cluster.log_end("t", 0), 3, "appended all the same");
    assert_eq!(values(&peer.fetch("t", 0, 0).await), at(0, &["a"]));
    cluster.release_high_watermark("t", 0);
    assert_eq!(read_committed(&mut peer).await, at(2, &["b"]));
}

#[tokio::test(start_paused = true)]
async fn a_write_is_acknowledged_when_the_high_watermark_has_passed_it() {
    let cluster = cluster(TransactionVersion::V1);
    cluster.hold_high_watermark("t", 0, 0);
    let mut peer = Peer::connect(&cluster, 0);
    let began = tokio::time::Instant::now();
    let (answer, ()) = tokio::join!(peer.produce("t", 0, crate::support::batch(&["a"])), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.release_high_watermark("t", 0);
    });
    assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(began.elapsed(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_identities() {
    let identity = |seed| async move {
        let cluster = TestCluster::builder().seed(seed).topic("t", 1).build();
        let producer: Identity = Transactional::start(&cluster).await.identity;
        (producer.producer_id, producer.epoch)
    };
    assert_eq!(identity(3).await, identity(3).await);
}
