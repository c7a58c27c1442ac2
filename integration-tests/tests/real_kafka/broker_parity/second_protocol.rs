//! Transactions as of KIP-890.

use super::subject::{Subject, pause};

pub(super) async fn commit(s: &mut Subject) {
    let me = s.init().await;
    s.produce(12, me, 0).await;
    s.produce(12, me, 2).await;
    s.fetch(0).await;
    let next = s.end_txn(5, me, true).await;
    s.settle().await;
    s.fetch(0).await;
    s.produce(12, me, 4).await;
    s.produce(9, me, 4).await;
    s.end_txn(5, me, true).await;
    s.end_txn(5, me, false).await;
    s.produce(12, next, 4).await;
    s.produce(12, next, 0).await;
    let last = s.end_txn(5, next, false).await;
    s.settle().await;
    s.end_txn(5, next, false).await;
    s.end_txn(5, next, true).await;
    s.end_txn(5, me, true).await;
    s.end_txn(5, last, true).await;
    s.fetch(0).await;
}

pub(super) async fn ends_of_nothing(s: &mut Subject) {
    let me = s.init().await;
    s.end_txn(5, me, true).await;
    let me = s.end_txn(5, me, false).await;
    s.settle().await;
    let me = if me.id < 0 { s.init().await } else { me };
    s.produce(12, me, 0).await;
    let me = s.end_txn(5, me, true).await;
    s.settle().await;
    s.end_txn(5, me, true).await;
    let me = s.end_txn(5, me, false).await;
    s.settle().await;
    s.end_txn(5, me.epoch(3), false).await;
    s.end_txn(5, me.stranger(), false).await;
    s.fetch(0).await;
}

pub(super) async fn a_successor(s: &mut Subject) {
    let me = s.init().await;
    s.produce(12, me, 0).await;
    s.init().await;
    s.settle().await;
    s.produce(12, me, 2).await;
    let next = s.init().await;
    s.settle().await;
    s.end_txn(5, me, true).await;
    s.end_txn(5, me, false).await;
    s.produce(12, me, 2).await;
    s.produce(12, next, 0).await;
    s.fetch(0).await;
}

pub(super) async fn an_end_after_a_successor(s: &mut Subject) {
    let me = s.init().await;
    s.produce(12, me, 0).await;
    s.init().await;
    s.settle().await;
    s.end_txn(5, me, false).await;
    s.end_txn(5, me, true).await;
    s.fetch(0).await;
}

pub(super) async fn sequences(s: &mut Subject) {
    let me = s.init().await;
    s.produce(12, me, 3).await;
    s.produce(12, me, 0).await;
    s.produce(12, me, 0).await;
    s.produce(12, me, 4).await;
    s.produce(12, me, 2).await;
    s.produce_as(12, me, 0, 4, (true, false)).await;
    s.produce_as(12, me, 0, 4, (false, true)).await;
    s.produce(12, me.epoch(1), 0).await;
    s.produce(12, me.stranger(), 0).await;
    s.fetch(0).await;
}

pub(super) async fn offsets(s: &mut Subject) {
    let me = s.init().await;
    s.txn_commit(5, me, (0, 5), (-1, "")).await;
    s.committed().await;
    let next = s.end_txn(5, me, true).await;
    s.settle().await;
    s.committed().await;
    s.txn_commit(5, me, (0, 6), (-1, "")).await;
    s.txn_commit(5, next, (0, 7), (4, "nobody")).await;
    s.txn_commit(5, next.stranger(), (0, 7), (-1, "")).await;
    s.end_txn(5, next, false).await;
    s.settle().await;
    s.committed().await;
}

pub(super) async fn both_protocols_mixed(s: &mut Subject) {
    let me = s.init().await;
    s.add(3, me, 0).await;
    s.produce(9, me, 0).await;
    let next = s.end_txn(5, me, true).await;
    s.settle().await;
    s.produce(12, next, 0).await;
    s.end_txn(3, next, true).await;
    s.settle().await;
    s.produce(12, next, 2).await;
    s.end_txn(3, next, false).await;
    s.settle().await;
    let last = s.end_txn(5, next, false).await;
    s.settle().await;
    s.end_txn(5, last.epoch(-1), false).await;
    s.fetch(0).await;
}

/// Kafka looks for such transactions every ten seconds.
pub(super) async fn taking_too_long(s: &mut Subject) {
    let me = s.init_at(4, 1000, None).await;
    s.produce(12, me, 0).await;
    while s.describe_transaction().await.transaction_state != "CompleteAbort" {
        pause().await;
    }
    s.settle().await;
    s.produce(12, me, 2).await;
    s.end_txn(5, me, true).await;
    s.end_txn(5, me, false).await;
    s.fetch(0).await;
    s.init_at(4, 1000, Some(me)).await;
    s.init().await;
}
