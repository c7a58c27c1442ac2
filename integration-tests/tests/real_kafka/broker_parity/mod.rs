//! The test broker against Kafka: the same requests, byte for byte but for names, must be answered
//! alike. A broker of our own making agrees with our own mistakes; this is where that shows.
//!
//! What a case compares is its trace: error codes, epochs, offsets, what readers are shown. Producer
//! ids stand in it as p0, p1 and so on, in the order in which they came up.

mod first_protocol;
mod groups;
mod partitions;
mod peer;
mod second_protocol;
mod subject;

use std::{future::Future, pin::Pin, time::Duration};

use ottla::protocol::api::{ApiVersionsRequest, FinalizedFeatureKey};
use ottla_integration_tests::Kafka;
use ottla_test_broker::{TestCluster, TransactionVersion};
use tokio::time::timeout;

use peer::Peer;
use subject::Subject;

type Case = for<'a> fn(&'a mut Subject) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

macro_rules! cases {
    ($($module:ident: $($case:ident)+;)+) => {
        &[$($((
            concat!(stringify!($module), "::", stringify!($case)),
            (|subject| Box::pin($module::$case(subject))) as Case,
        ),)+)+]
    };
}

const FIRST: &[(&str, Case)] = cases! {
    first_protocol: starts_fence commit abort ends what_was_not_added unknown_partitions sequences
        a_successor the_same_producer_again a_stranger_claims_a_fresh_id timeouts_that_cannot_be
        an_id_nobody_uses offsets offsets_of_strangers taking_too_long;
};
const SECOND: &[(&str, Case)] = cases! {
    second_protocol: commit ends_of_nothing a_successor an_end_after_a_successor sequences offsets
        both_protocols_mixed taking_too_long;
};
const GROUPS: &[(&str, Case)] = cases! {
    groups: nobody_there a_member a_static_member joins_that_cannot_be
        offsets_in_transactions_of_members;
};
const PARTITIONS: &[(&str, Case)] = cases! {
    partitions: idempotence positions deleted_records topics;
};

#[tokio::test]
async fn transactions_of_the_first_protocol_go_as_on_kafka() {
    compare(FIRST).await;
}

#[tokio::test]
async fn transactions_of_the_second_protocol_go_as_on_kafka() {
    compare(SECOND).await;
}

#[tokio::test]
async fn groups_go_as_on_kafka() {
    compare(GROUPS).await;
}

#[tokio::test]
async fn partitions_go_as_on_kafka() {
    compare(PARTITIONS).await;
}

/// What Kafka 3.9 does not have, or does otherwise: it lets batches of a wrong epoch into a
/// transaction that is open, and offsets of producers that nobody knows.
const NOT_BEFORE_KAFKA_4: &[&str] = &[
    "second_protocol",
    "groups",
    "first_protocol::what_was_not_added",
    "first_protocol::offsets_of_strangers",
];

/// What Kafka has turned on.
async fn version() -> TransactionVersion {
    let mut peer = Peer::connect(Kafka::shared().await.unwrap().bootstrap()).await;
    let request = ApiVersionsRequest {
        client_software_name: "parity".to_owned(),
        client_software_version: "1".to_owned(),
    };
    let features = peer.ask(3, &request).await.finalized_features;
    let second =
        |it: &FinalizedFeatureKey| it.name == "transaction.version" && it.max_version_level >= 2;
    if features.iter().any(second) { TransactionVersion::V2 } else { TransactionVersion::V1 }
}

/// A broker of Kafka asks the coordinator for several producers at once whether their partitions are
/// in their transactions, and tells a refusal to all of them in the words of one. If that one speaks
/// a newer version, as producers of other tests do that run at the same time, an old one is told of
/// an error that it does not know.
fn is_asked_with_others(name: &str, theirs: Option<&String>, ours: Option<&String>) -> bool {
    let (Some(theirs), Some(ours)) = (theirs, ours) else { return false };
    let in_old_words = theirs.replace("TRANSACTION_ABORTABLE (120)", "INVALID_TXN_STATE (48)");
    name.starts_with("first_protocol::") && in_old_words == *ours
}

/// Runs every case on both brokers at the same time, and reports all differences at once.
async fn compare(cases: &[(&str, Case)]) {
    let kafka = Kafka::shared().await.unwrap().bootstrap().to_owned();
    let version = version().await;
    let ours = TestCluster::builder().transaction_version(version).build();
    let ours_at = ours.listen().await.unwrap().remove(0);
    let mut differences = Vec::new();
    let old = |name: &str| NOT_BEFORE_KAFKA_4.iter().any(|it| name.starts_with(it));
    for (name, case) in cases {
        if version == TransactionVersion::V1 && old(name) {
            continue;
        }
        let (theirs, ours) = tokio::join!(trace(&kafka, name, *case), trace(&ours_at, name, *case));
        for at in 0..theirs.len().max(ours.len()) {
            let (theirs, ours) = (theirs.get(at), ours.get(at));
            if theirs != ours && !is_asked_with_others(name, theirs, ours) {
                differences.push(format!("{name} step {at}\n  Kafka {theirs:?}\n  ours  {ours:?}"));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

async fn trace(bootstrap: &str, name: &str, case: Case) -> Vec<String> {
    let run = async {
        let mut subject = Subject::new(bootstrap).await;
        case(&mut subject).await;
        subject.into_trace()
    };
    timeout(PATIENCE, run).await.unwrap_or_else(|_| panic!("{name} does not end at {bootstrap}"))
}

/// The longest case waits for Kafka to look for transactions that take too long.
const PATIENCE: Duration = Duration::from_secs(60);
