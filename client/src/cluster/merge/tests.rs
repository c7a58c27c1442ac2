use std::collections::BTreeMap;

use ottla_protocol::api::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_protocol::{ErrorCode, Uuid};

use crate::broker::BrokerId;
use crate::cluster::{Broker, Cluster, LeaderHint};
use crate::connector::Address;
use crate::topic::{Topic, TopicPartition, Topics};

const OLD: Uuid = Uuid([1; 16]);
const NEW: Uuid = Uuid([2; 16]);

struct Bench {
    topics: Topics,
    topic: Topic,
    cluster: Cluster,
}

impl Bench {
    fn new() -> Self {
        let topics = Topics::new();
        let topic = topics.intern("t");
        Self { topics, topic, cluster: Cluster::default() }
    }

    fn take(&mut self, answer: &MetadataResponse) -> bool {
        let merged = self.cluster.merged(answer, |name| self.topics.known(name));
        let changed = merged.is_some();
        if let Some(merged) = merged {
            assert_eq!(merged.version(), self.cluster.version() + 1);
            self.cluster = merged;
        }
        changed
    }

    fn hint(&mut self, leader: i32, leader_epoch: i32, brokers: Vec<Broker>) -> bool {
        let at = TopicPartition::new(self.topic.clone(), 0);
        let hint = LeaderHint { at, leader: BrokerId(leader), leader_epoch };
        let hinted = self.cluster.hinted([&hint], brokers);
        let changed = hinted.is_some();
        self.cluster = hinted.unwrap_or_else(|| self.cluster.clone());
        changed
    }

    fn leader(&self) -> (Option<i32>, i32) {
        let partition = self.cluster.partition(&self.topic, 0).unwrap();
        (partition.leader.map(|leader| leader.0), partition.leader_epoch)
    }
}

fn answer(id: Uuid, leader: i32, epoch: i32) -> MetadataResponse {
    let brokers = (1..=3)
        .map(|node_id| MetadataResponseBroker {
            node_id,
            host: format!("broker-{node_id}"),
            port: 9092,
            rack: None,
        })
        .collect();
    let partition = MetadataResponsePartition {
        partition_index: 0,
        leader_id: leader,
        leader_epoch: epoch,
        ..Default::default()
    };
    let topic = MetadataResponseTopic {
        name: Some("t".into()),
        topic_id: id,
        partitions: vec![partition],
        ..Default::default()
    };
    MetadataResponse { brokers, controller_id: 1, topics: vec![topic], ..Default::default() }
}

fn refusal(code: ErrorCode) -> MetadataResponse {
    let mut refusal = answer(Uuid::ZERO, 0, 0);
    refusal.topics[0].error_code = code;
    refusal.topics[0].partitions.clear();
    refusal
}

#[test]
fn an_older_epoch_never_replaces_a_newer_one() {
    let mut bench = Bench::new();
    assert!(bench.take(&answer(OLD, 1, 5)));
    assert!(!bench.take(&answer(OLD, 2, 4)), "nothing new in it");
    assert_eq!(bench.leader(), (Some(1), 5));
    assert!(bench.take(&answer(OLD, 2, 6)));
    assert_eq!(bench.leader(), (Some(2), 6));
    // A broker from before epochs may name a leader, but does not lower the epoch.
    assert!(bench.take(&answer(Uuid::ZERO, 3, -1)));
    assert_eq!(bench.leader(), (Some(3), 6));
    assert!(!bench.take(&answer(OLD, 1, 5)));
    assert_eq!(bench.cluster.topic(&bench.topic).unwrap().id, OLD);
}

#[test]
fn the_same_answer_again_changes_nothing() {
    let mut bench = Bench::new();
    assert!(bench.take(&answer(OLD, 1, 5)));
    assert!(!bench.take(&answer(OLD, 1, 5)));
    assert_eq!(bench.cluster.version(), 1);
}

#[test]
fn a_topic_made_anew_starts_over_and_the_old_one_stays_away() {
    let mut bench = Bench::new();
    bench.take(&answer(OLD, 1, 50));
    assert!(bench.take(&answer(NEW, 2, 0)));
    assert_eq!(bench.leader(), (Some(2), 0));
    assert!(!bench.take(&answer(OLD, 1, 51)), "a stale broker still tells of the old one");
    assert_eq!(bench.leader(), (Some(2), 0));
    assert!(bench.cluster.topic_by_id(OLD).is_none());
    assert_eq!(bench.cluster.topic_by_id(NEW).unwrap().topic, bench.topic);
}

#[test]
fn a_topic_that_is_unknown_for_a_moment_keeps_what_was_known() {
    let mut bench = Bench::new();
    bench.take(&answer(OLD, 1, 5));
    assert!(bench.take(&refusal(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)));
    let topic = bench.cluster.topic(&bench.topic).unwrap();
    assert_eq!((topic.id, topic.error), (OLD, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert!(!topic.is_available());
    assert_eq!(bench.leader(), (Some(1), 5));
    assert!(!bench.take(&{
        let mut stale = answer(OLD, 3, 1);
        stale.topics[0].error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        stale
    }));
    assert!(bench.take(&answer(OLD, 1, 5)));
    assert!(bench.cluster.topic(&bench.topic).unwrap().is_available());
}

#[test]
fn topics_nobody_asked_for_are_left_out() {
    let mut bench = Bench::new();
    let mut more = answer(OLD, 1, 5);
    more.topics.push(MetadataResponseTopic { name: Some("other".into()), ..Default::default() });
    more.topics.push(MetadataResponseTopic { name: None, ..Default::default() });
    bench.take(&more);
    assert_eq!(bench.cluster.topics().count(), 1);
    assert!(bench.topics.known("other").is_none());
}

#[test]
fn what_no_cluster_says_does_no_harm() {
    let mut bench = Bench::new();
    let mut odd = answer(OLD, -7, -9);
    for (node_id, port) in [(-1, 9092), (4, 0), (5, 70_000), (6, -1)] {
        let host = "x".to_owned();
        odd.brokers.push(MetadataResponseBroker { node_id, host, port, rack: None });
    }
    odd.controller_id = 99;
    let mut partitions = odd.topics[0].partitions.clone();
    for index in [i32::MAX, 7, 7, -1, i32::MIN, 3] {
        partitions[0].partition_index = index;
        odd.topics[0].partitions.push(partitions[0].clone());
    }
    bench.take(&odd);
    assert_eq!(bench.cluster.brokers().count(), 3);
    assert_eq!(bench.cluster.controller(), None);
    assert_eq!(bench.leader(), (None, -1));
    let topic = bench.cluster.topic(&bench.topic).unwrap();
    let numbers: Vec<_> = topic.partitions.iter().map(|partition| partition.partition).collect();
    assert_eq!(numbers, [0, 3, 7, i32::MAX]);
    for number in numbers {
        assert_eq!(topic.partition(number).unwrap().partition, number);
    }
    assert!(topic.partition(1).is_none() && topic.partition(-1).is_none());
}

#[test]
fn hints_count_when_they_are_newer_and_lead_somewhere() {
    let mut bench = Bench::new();
    assert!(!bench.hint(2, 6, vec![]), "nothing is known yet");
    bench.take(&answer(OLD, 1, 5));
    assert!(!bench.hint(2, 5, vec![]), "the same epoch");
    assert!(!bench.hint(2, 4, vec![]), "an older epoch");
    assert!(!bench.hint(2, -1, vec![]), "no epoch");
    assert!(!bench.hint(9, 6, vec![]), "a broker nobody described");
    assert_eq!(bench.leader(), (Some(1), 5));
    assert!(bench.hint(2, 6, vec![]));
    assert_eq!(bench.leader(), (Some(2), 6));
    let described = Broker { id: BrokerId(9), address: Address::new("broker-9", 9092), rack: None };
    assert!(bench.hint(9, 7, vec![described.clone()]));
    assert_eq!(bench.leader(), (Some(9), 7));
    assert_eq!(bench.cluster.broker(BrokerId(9)), Some(&described));
}

#[test]
fn whatever_the_order_of_answers_epochs_only_rise() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::new();
        let mut highest: BTreeMap<Uuid, i32> = BTreeMap::new();
        for _ in 0..50 {
            let (leader, epoch) = (random.i32(1..=3), random.i32(-1..20));
            if random.bool() {
                let id = if random.u8(..) < 200 { OLD } else { NEW };
                bench.take(&answer(id, leader, epoch));
            } else {
                bench.hint(leader, epoch, vec![]);
            }
            let Some(topic) = bench.cluster.topic(&bench.topic) else { continue };
            let seen = highest.entry(topic.id).or_insert(-1);
            assert!(topic.partitions[0].leader_epoch >= *seen, "seed {seed}");
            *seen = topic.partitions[0].leader_epoch;
        }
    }
}
