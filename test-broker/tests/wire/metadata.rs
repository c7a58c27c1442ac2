use ottla_protocol::api::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, DeleteTopicState,
    DeleteTopicsRequest, MetadataRequest, MetadataRequestTopic,
};
use ottla_protocol::{ErrorCode, Uuid};
use ottla_test_broker::TestCluster;

use crate::support::Peer;

fn named(names: &[&str]) -> MetadataRequest {
    let topics = names
        .iter()
        .map(|name| MetadataRequestTopic { name: Some((*name).to_owned()), ..Default::default() });
    MetadataRequest { topics: Some(topics.collect()), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn every_version_describes_the_cluster() {
    let cluster = TestCluster::builder().brokers(3).first_id(1).topic("a", 2).topic("b", 1).build();
    let mut peer = Peer::connect(&cluster, 1);
    for version in 0..=13 {
        let response = peer.ask(&named(&["b", "a"]), version).await;
        assert_eq!(
            response.brokers.iter().map(|broker| broker.node_id).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(response.brokers[2].host, "broker-3");
        let names: Vec<_> = response.topics.iter().filter_map(|topic| topic.name.clone()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(response.topics[1].partitions.len(), 2);
        if version >= 2 {
            assert_eq!(response.cluster_id, Some(cluster.cluster_id()));
        }
        if version >= 1 {
            assert_eq!(response.controller_id, 1);
        }
        if version >= 10 {
            assert_eq!(Some(response.topics[0].topic_id), cluster.topic_id("b"));
        }
        if version >= 7 {
            assert_eq!(response.topics[0].partitions[0].leader_epoch, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_and_no_topics_can_be_asked() {
    let cluster = TestCluster::builder().topic("a", 1).topic("b", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    let none = named(&[]);
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(peer.ask(&none, 0).await.topics.len(), 2);
    assert_eq!(peer.ask(&none, 1).await.topics.len(), 0);
    assert_eq!(peer.ask(&all, 1).await.topics.len(), 2);
    assert_eq!(peer.ask(&all, 12).await.topics.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn topics_are_found_by_id() {
    let cluster = TestCluster::builder().topic("a", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    let by_id = |topic_id| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { topic_id, name: None }]),
        ..Default::default()
    };
    let id = cluster.topic_id("a").expect("there is a");
    let found = peer.ask(&by_id(id), 12).await;
    assert_eq!(found.topics[0].name.as_deref(), Some("a"));
    let unknown = peer.ask(&by_id(Uuid([7; 16])), 12).await;
    assert_eq!(unknown.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(unknown.topics[0].name, None);
}

#[tokio::test(start_paused = true)]
async fn topics_are_created_only_if_that_is_on() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(peer.ask(&named(&["new"]), 9).await.topics[0].error_code, unknown);
    assert_eq!(cluster.topics(), Vec::<String>::new());

    let cluster = TestCluster::builder().auto_create_topics(true).default_partitions(3).build();
    let mut peer = Peer::connect(&cluster, 0);
    let quiet = MetadataRequest { allow_auto_topic_creation: false, ..named(&["new"]) };
    assert_eq!(peer.ask(&quiet, 9).await.topics[0].error_code, unknown);
    assert_eq!(peer.ask(&quiet, 9).await.topics[0].error_code, unknown);
    peer.ask(&named(&["new"]), 9).await;
    let second = peer.ask(&named(&["new"]), 9).await;
    assert_eq!(second.topics[0].error_code, ErrorCode::NONE);
    assert_eq!(second.topics[0].partitions.len(), 3);
    let bad = peer.ask(&named(&["not a name"]), 9).await;
    assert_eq!(bad.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
}

#[tokio::test(start_paused = true)]
async fn topics_are_created_and_deleted_on_request() {
    let cluster = TestCluster::builder().brokers(2).build();
    let mut peer = Peer::connect(&cluster, 1);
    let topic = |name: &str, num_partitions, replication_factor| CreatableTopic {
        name: name.to_owned(),
        num_partitions,
        replication_factor,
        ..Default::default()
    };
    for version in 2..=7 {
        let name = format!("v{version}");
        let topics = vec![topic(&name, 2, 2)];
        let request = CreateTopicsRequest { topics, ..Default::default() };
        let response = peer.ask(&request, version).await;
        assert_eq!(response.topics[0].error_code, ErrorCode::NONE, "{version}");
        let again = peer.ask(&request, version).await;
        assert_eq!(again.topics[0].error_code, ErrorCode::TOPIC_ALREADY_EXISTS);
    }
    let request = CreateTopicsRequest {
        topics: vec![
            topic("defaults", -1, -1),
            topic("none", 0, 1),
            topic("many", 1, 3),
            topic("bad name", 1, 1),
            CreatableTopic {
                configs: vec![CreatableTopicConfig { name: "x".to_owned(), value: None }],
                ..topic("config", 1, 1)
            },
        ],
        ..Default::default()
    };
    let response = peer.ask(&request, 7).await;
    let errors: Vec<_> = response.topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(
        errors,
        [
            ErrorCode::NONE,
            ErrorCode::INVALID_PARTITIONS,
            ErrorCode::INVALID_REPLICATION_FACTOR,
            ErrorCode::INVALID_TOPIC_EXCEPTION,
            ErrorCode::INVALID_CONFIG,
        ]
    );
    assert_eq!(Some(response.topics[0].topic_id), cluster.topic_id("defaults"));

    let by_name = DeleteTopicsRequest { topic_names: vec!["v2".to_owned()], ..Default::default() };
    assert_eq!(peer.ask(&by_name, 1).await.responses[0].error_code, ErrorCode::NONE);
    let gone = peer.ask(&by_name, 5).await.responses[0].error_code;
    assert_eq!(gone, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let topic_id = cluster.topic_id("v3").expect("it was created");
    let by_id = DeleteTopicsRequest {
        topics: vec![DeleteTopicState { name: None, topic_id }],
        ..Default::default()
    };
    assert_eq!(peer.ask(&by_id, 6).await.responses[0].name.as_deref(), Some("v3"));
    assert_eq!(cluster.topic_id("v3"), None);
}
