//! Idempotent producing through errors, lost connections and leaders that move: what each delivery
//! says is what the foreign client finds.

use std::{collections::VecDeque, time::Duration};

use ottla::{Delivery, Producer, Record};
use tokio::time::timeout;

use crate::{
    broker::{
        Broker, DISCONNECT, FIND_COORDINATOR, INIT_PRODUCER_ID, Kind, METADATA, PATIENCE, PRODUCE,
    },
    judge::{Told, Verdict, judge},
};

#[tokio::test]
async fn deliveries_are_true_on_the_mock_cluster() {
    let mut broker = Broker::mock_cluster().await;
    let verdict = produce(&mut broker, "tried", RECORDS_OF_A_ROUND, mock_cluster_fault).await;
    assert_eq!((verdict.written, verdict.unknown, verdict.not_written), (ALL, 0, 0), "{verdict:?}");
    // Nothing that is carried out is answered with an error there: nothing is sent twice. (What
    // comes behind a refused batch is taken, though, which a broker that knows sequence numbers refuses.)
    assert_eq!(verdict.repeated, 0);
}

/// A broker that goes down has carried out what it has not yet answered: this mock, which knows no
/// sequence numbers, gets those records twice.
#[tokio::test]
async fn deliveries_are_true_while_brokers_of_the_mock_cluster_come_and_go() {
    let mut broker = Broker::mock_cluster().await;
    let verdict = produce(&mut broker, "going", RECORDS_OF_A_ROUND, mock_cluster_outage).await;
    assert_eq!((verdict.written, verdict.unknown, verdict.not_written), (ALL, 0, 0), "{verdict:?}");
}

#[tokio::test]
async fn deliveries_are_true_on_kfake() {
    for version in ["newest", "3.5", "2.8", "1.0", "0.11.0"] {
        let mut broker = Broker::kfake(version).await;
        let verdict = produce(&mut broker, "tried", RECORDS_OF_A_ROUND, kfake_fault).await;
        let expected = Verdict { written: ALL, ..Verdict::default() };
        assert_eq!(verdict, expected, "{version}");
    }
}

/// One fault a round.
fn mock_cluster_fault(round: usize) -> Vec<String> {
    let (moved, to) = (round % 6, round % 3 + 1);
    match round % 8 {
        0 => vec![format!("fail {PRODUCE} {} 1", 6)],
        1 => vec![format!("move tried {moved} {to}")],
        2 => vec![format!("fail {PRODUCE} {DISCONNECT} 1")],
        3 => vec![format!("rtt {}", round % 3 * 10)],
        4 => vec![format!("fail {PRODUCE} 19 2"), format!("fail {METADATA} {DISCONNECT} 1")],
        5 => vec![format!("fail {PRODUCE} 56 1"), format!("move tried {moved} {to}")],
        6 => vec![format!("fail {PRODUCE} 7 1")],
        _ => vec![format!("fail {PRODUCE} 3 1"), format!("fail {METADATA} 5 1")],
    }
}

fn mock_cluster_outage(round: usize) -> Vec<String> {
    let broker = round / 2 % 3 + 1;
    match (round, round % 2) {
        (0, _) => vec!["rtt 10".to_owned(), format!("down {broker}")],
        (_, 0) => vec![format!("down {broker}")],
        _ => vec![format!("up {broker}")],
    }
}

fn kfake_fault(round: usize) -> Vec<String> {
    let (moved, to) = (round % 6, round % 3);
    match round % 9 {
        0 => vec![format!("fail {PRODUCE} 6 2")],
        1 => vec![format!("move tried {moved} {to}")],
        2 => vec![format!("lose {PRODUCE} 1")],
        // Carried out, and answered with an error.
        3 => vec![format!("fail {PRODUCE} 7 2")],
        4 => vec![format!("fail {PRODUCE} 20 1"), format!("lose {METADATA} 1")],
        5 => vec![format!("lose {PRODUCE} 2"), format!("move tried {moved} {to}")],
        6 => vec![format!("fail {PRODUCE} 19 3")],
        7 => vec![format!("fail {PRODUCE} 56 1"), format!("fail {METADATA} 5 1")],
        _ => vec![format!("lose {PRODUCE} 1"), format!("fail {PRODUCE} 6 1")],
    }
}

/// Sends `ROUNDS` rounds of records, with the faults of each, and compares.
async fn produce(
    broker: &mut Broker,
    topic: &str,
    each: u32,
    faults: fn(usize) -> Vec<String>,
) -> Verdict {
    broker.order(format!("topic {topic} {PARTITIONS}")).await;
    if broker.kind == Kind::MockCluster {
        broker.order(format!("fail {INIT_PRODUCER_ID} 14 1")).await;
    }
    // Nobody needs a coordinator for this.
    broker.order(format!("fail {FIND_COORDINATOR} 15 1")).await;
    let client = broker.client();
    let producer = Producer::builder(&client)
        .request_timeout(Duration::from_secs(5))
        .delivery_timeout(PATIENCE)
        .build()
        .unwrap();
    let to = client.topic(topic);
    let mut told = Vec::new();
    let mut waiting = VecDeque::new();
    let mut number = 0;
    for round in 0..ROUNDS {
        for fault in faults(round) {
            broker.order(fault).await;
        }
        let mut sent = Vec::new();
        for _ in 0..each {
            let partition = i32::try_from(number % PARTITIONS).unwrap();
            let value = format!("{number}: {:x<1$}", "", (number % 200) as usize);
            let record = Record::value(value.as_bytes()).partition(partition);
            sent.push((number, partition, producer.send(&to, record).await.unwrap()));
            number += 1;
        }
        waiting.push_back(sent);
        // What the faults of a round befall is in flight when those of the next one come.
        if waiting.len() > 1 {
            settle(waiting.pop_front().unwrap(), &mut told).await;
        }
    }
    for sent in waiting {
        settle(sent, &mut told).await;
    }
    assert!(timeout(PATIENCE, producer.close(PATIENCE)).await.unwrap().is_clean());
    // All must be up to be read from.
    if broker.kind == Kind::MockCluster {
        for order in ["up 1", "up 2", "up 3", "rtt 0"] {
            broker.order(order).await;
        }
    }
    let left = broker.left(PRODUCE).await;
    assert_eq!(left, 0, "faults that never came: the test does not test what it says");
    if broker.kind == Kind::Kfake {
        broker.order("clear").await;
    }
    let found = broker.read(topic, i32::try_from(PARTITIONS).unwrap()).await;
    let verdict = judge(&told, &found).unwrap_or_else(|lie| panic!("{lie}"));
    client.close(PATIENCE).await;
    verdict
}

async fn settle(sent: Vec<(u32, i32, Delivery)>, told: &mut Vec<Told>) {
    for (number, partition, delivery) in sent {
        let outcome = timeout(2 * PATIENCE, delivery).await.expect("an outcome in time");
        told.push(Told::new(number, partition, outcome));
    }
}

const PARTITIONS: u32 = 6;
const ROUNDS: usize = 36;
const RECORDS_OF_A_ROUND: u32 = 300;
const ALL: usize = 36 * 300;
