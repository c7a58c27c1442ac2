//! Transactions as of KIP-98, and what surrounds them.

use super::subject::{Subject, Who, pause};

pub(super) async fn starts_fence(s: &mut Subject) {
    let first = s.init().await;
    let second = s.init().await;
    s.add(3, first, 0).await;
    s.add(1, first, 0).await;
    s.end_txn(3, first, true).await;
    s.end_txn(1, first, true).await;
    s.add_offsets(first).await;
    s.add(3, second.stranger(), 0).await;
    s.add(3, second.epoch(1), 0).await;
    s.end_txn(3, second.stranger(), true).await;
    s.end_txn(3, second.epoch(1), true).await;
    s.add(3, second, 0).await;
    s.settle().await;
}

pub(super) async fn commit(s: &mut Subject) {
    let me = s.init().await;
    s.add(3, me, 0).await;
    s.fetch(0).await;
    s.produce(9, me, 0).await;
    s.produce(9, me, 2).await;
    s.fetch(0).await;
    s.fetch(2).await;
    s.list_offsets(-1, -1).await;
    s.list_offsets(-3, -1).await;
    s.list_offsets(0, -1).await;
    s.end_txn(3, me, true).await;
    s.settle().await;
    s.fetch(0).await;
    s.list_offsets(-1, -1).await;
    s.list_offsets(0, -1).await;
    // The next one goes on with the same sequence.
    s.add(3, me, 0).await;
    s.produce(9, me, 4).await;
    s.end_txn(3, me, true).await;
    s.settle().await;
    s.fetch(5).await;
}

pub(super) async fn abort(s: &mut Subject) {
    let me = s.init().await;
    for round in 0..3 {
        s.add(3, me, 0).await;
        s.produce(9, me, round * 2).await;
        s.end_txn(3, me, round == 1).await;
        s.settle().await;
    }
    for offset in 0..10 {
        s.fetch(offset).await;
    }
}

pub(super) async fn ends(s: &mut Subject) {
    let me = s.init().await;
    s.end_txn(3, me, true).await;
    s.end_txn(3, me, false).await;
    s.add(3, me, 0).await;
    s.add(3, me, 0).await;
    s.end_txn(3, me, true).await;
    s.settle().await;
    s.end_txn(3, me, true).await;
    s.end_txn(3, me, false).await;
    s.add(3, me, 0).await;
    s.end_txn(3, me, false).await;
    s.settle().await;
    s.end_txn(3, me, false).await;
    s.end_txn(3, me, true).await;
    // Markers of transactions without records are written, and change nothing.
    s.fetch(0).await;
}

pub(super) async fn what_was_not_added(s: &mut Subject) {
    let me = s.init().await;
    s.produce(9, me, 0).await;
    s.produce(11, me, 0).await;
    s.add(3, me, 1).await;
    s.produce(9, me, 0).await;
    s.produce(9, me.stranger(), 0).await;
    s.produce(9, me.epoch(1), 0).await;
    s.produce(11, me.epoch(1), 0).await;
    s.produce_as(9, me, 0, 0, (false, true)).await;
    s.add(3, me, 0).await;
    s.produce(9, me, 0).await;
    s.produce_as(9, me, 0, 2, (true, false)).await;
    s.produce_as(9, me, 0, 2, (false, false)).await;
    s.produce(9, me.epoch(1), 0).await;
    s.produce(9, me, 2).await;
    s.fetch(0).await;
}

pub(super) async fn unknown_partitions(s: &mut Subject) {
    let me = s.init().await;
    let topic = s.topic.clone();
    s.add_all(3, me, &[(&topic, 0), ("no-such-topic", 0)]).await;
    s.add_all(3, me, &[(&topic, 7)]).await;
    s.end_txn(3, me, true).await;
}

pub(super) async fn sequences(s: &mut Subject) {
    let me = s.init().await;
    s.add(3, me, 0).await;
    s.produce(9, me, 0).await;
    s.produce(9, me, 0).await;
    s.produce(9, me, 1).await;
    s.produce(9, me, 4).await;
    s.produce(9, me, 2).await;
    s.end_txn(3, me, true).await;
    s.settle().await;
    // Not in a transaction any more, repeated or not.
    s.produce(9, me, 2).await;
    s.produce(9, me, 4).await;
    s.add(3, me, 0).await;
    s.produce(9, me, 2).await;
    s.produce(9, me, 4).await;
    let next = s.init().await;
    s.settle().await;
    s.produce(9, me, 6).await;
    let next = if next.id < 0 { s.init().await } else { next };
    s.add(3, next, 0).await;
    s.produce(9, next, 6).await;
    s.produce(9, next, 0).await;
    s.fetch(0).await;
}

pub(super) async fn a_successor(s: &mut Subject) {
    let me = s.init().await;
    s.add(3, me, 0).await;
    s.produce(9, me, 0).await;
    s.init().await;
    s.settle().await;
    s.end_txn(3, me, true).await;
    s.end_txn(3, me, false).await;
    s.produce(9, me, 2).await;
    s.add(3, me, 0).await;
    s.init().await;
    s.settle().await;
    s.fetch(0).await;
}

pub(super) async fn the_same_producer_again(s: &mut Subject) {
    let me = s.init().await;
    let next = s.init_at(4, 60_000, Some(me)).await;
    s.init_at(4, 60_000, Some(me)).await;
    s.init_at(4, 60_000, Some(next)).await;
    s.init_at(4, 60_000, Some(me)).await;
    s.init_at(3, 60_000, Some(me)).await;
    s.init_at(4, 60_000, Some(me.stranger())).await;
    s.init_at(4, 60_000, Some(Who { id: -1, epoch: 3 })).await;
    s.init_at(4, 60_000, Some(Who { id: me.id, epoch: -1 })).await;
    s.init().await;
    s.init_at(4, 60_000, Some(next)).await;
}

pub(super) async fn a_stranger_claims_a_fresh_id(s: &mut Subject) {
    s.init_at(4, 60_000, Some(Who { id: 4_000_000, epoch: 5 })).await;
    s.init_at(4, 60_000, Some(Who { id: 4_000_000, epoch: 5 })).await;
}

pub(super) async fn timeouts_that_cannot_be(s: &mut Subject) {
    s.init_at(4, 0, None).await;
    s.init_at(4, -1, None).await;
    s.init_at(4, 900_001, None).await;
    s.init_at(4, 900_000, None).await;
    s.transaction = String::new();
    s.init().await;
    let who = Who { id: 1, epoch: 0 };
    s.add(3, who, 0).await;
    s.end_txn(3, who, true).await;
}

pub(super) async fn an_id_nobody_uses(s: &mut Subject) {
    let who = Who { id: 1, epoch: 0 };
    s.add(3, who, 0).await;
    s.add_offsets(who).await;
    s.end_txn(3, who, true).await;
    s.produce(9, who, 0).await;
    s.txn_commit(3, who, (0, 5), (-1, "")).await;
    let described = s.describe_transaction().await;
    s.note("describe", described.error_code);
}

pub(super) async fn offsets(s: &mut Subject) {
    let me = s.init().await;
    s.committed().await;
    s.txn_commit(3, me, (0, 5), (-1, "")).await;
    s.add_offsets(me).await;
    s.txn_commit(3, me, (0, 5), (-1, "")).await;
    s.committed().await;
    s.end_txn(3, me, false).await;
    s.settle().await;
    s.committed().await;
    s.add_offsets(me).await;
    s.txn_commit(3, me, (0, 6), (-1, "")).await;
    s.end_txn(3, me, true).await;
    s.settle().await;
    s.committed().await;
    // What is committed in between stands.
    s.add_offsets(me).await;
    s.txn_commit(3, me, (0, 7), (-1, "")).await;
    s.commit(7, 3, -1, "").await;
    s.committed().await;
    s.end_txn(3, me, true).await;
    s.settle().await;
    s.committed().await;
    s.txn_commit(3, me, (0, 8), (-1, "")).await;
    s.committed().await;
}

pub(super) async fn offsets_of_strangers(s: &mut Subject) {
    let me = s.init().await;
    s.add_offsets(me).await;
    s.txn_commit(3, me, (0, 5), (3, "nobody")).await;
    s.txn_commit(3, me, (0, 5), (-1, "nobody")).await;
    s.txn_commit(3, me, (0, 5), (-1, "")).await;
    s.txn_commit(3, me, (0, 5), (3, "nobody")).await;
    s.txn_commit(3, me, (7, 5), (-1, "")).await;
    s.txn_commit(3, me.epoch(-1), (0, 5), (-1, "")).await;
    s.txn_commit(3, me.epoch(1), (0, 5), (-1, "")).await;
    s.txn_commit(3, me.stranger(), (0, 5), (-1, "")).await;
    s.committed().await;
}

/// Kafka looks for such transactions every ten seconds.
pub(super) async fn taking_too_long(s: &mut Subject) {
    let me = s.init_at(4, 1000, None).await;
    s.add(3, me, 0).await;
    s.produce(9, me, 0).await;
    while s.describe_transaction().await.transaction_state != "CompleteAbort" {
        pause().await;
    }
    s.settle().await;
    s.end_txn(3, me, true).await;
    s.end_txn(3, me, false).await;
    s.produce(9, me, 2).await;
    s.fetch(0).await;
    s.init_at(4, 1000, Some(me)).await;
    s.init().await;
}
