//! What administrators ask for, and what it does to those who read and write.

use ottla_protocol::api::{
    CreatePartitionsRequest, CreatePartitionsTopic, DeleteGroupsRequest, DeleteRecordsPartition,
    DeleteRecordsRequest, DeleteRecordsTopic, DescribeClusterRequest, DescribeConfigsRequest,
    DescribeConfigsResource, DescribeGroupsRequest, JoinGroupRequest, JoinGroupRequestProtocol,
    ListGroupsRequest, OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use ottla_protocol::consumer_protocol::{self, ConsumerProtocolSubscription};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::{TestCluster, TopicConfig};

use crate::support::{Peer, at, batch, produce, values};

const GROUP: &str = "g";

fn cluster() -> TestCluster {
    TestCluster::builder().topic("t", 1).topic("u", 1).build()
}

/// Commits offset 5 of both topics from outside of the group.
async fn commit(peer: &mut Peer) {
    let topic = |name: &str| OffsetCommitRequestTopic {
        name: name.to_owned(),
        partitions: vec![OffsetCommitRequestPartition {
            committed_offset: 5,
            ..Default::default()
        }],
        ..Default::default()
    };
    let request = OffsetCommitRequest {
        group_id: GROUP.to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic("t"), topic("u")],
        ..Default::default()
    };
    let answer = peer.ask(&request, 7).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::NONE);
}

/// Joins as the only member, subscribed to `t`.
async fn join(peer: &mut Peer) -> String {
    let subscription =
        ConsumerProtocolSubscription { topics: vec!["t".to_owned()], ..Default::default() };
    let metadata = consumer_protocol::encode(&subscription, 0).expect("encodes");
    let request = JoinGroupRequest {
        group_id: GROUP.to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".to_owned(), metadata }],
        ..Default::default()
    };
    let answer = peer.ask(&request, 3).await;
    assert_eq!(answer.error_code, ErrorCode::NONE);
    answer.member_id
}

#[tokio::test(start_paused = true)]
async fn a_group_is_described_listed_and_deleted_once_it_is_empty() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    commit(&mut peer).await;
    let mut member = Peer::connect(&cluster, 0);
    let id = join(&mut member).await;
    let describe = DescribeGroupsRequest { groups: vec![GROUP.to_owned()], ..Default::default() };
    let described = peer.ask(&describe, 5).await.groups.remove(0);
    assert_eq!(described.group_state, "CompletingRebalance");
    assert_eq!(described.members[0].member_id, id);
    let listed = peer.ask(&ListGroupsRequest::default(), 5).await.groups.remove(0);
    assert_eq!((listed.group_id.as_str(), listed.group_type.as_str()), (GROUP, "classic"));
    let delete = DeleteGroupsRequest { groups_names: vec![GROUP.to_owned()] };
    assert_eq!(peer.ask(&delete, 2).await.results[0].error_code, ErrorCode::NON_EMPTY_GROUP);
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    let described = peer.ask(&describe, 6).await.groups.remove(0);
    assert_eq!(described.group_state, "Empty", "its session is over");
    assert_eq!(peer.ask(&delete, 2).await.results[0].error_code, ErrorCode::NONE);
    assert_eq!(peer.ask(&delete, 2).await.results[0].error_code, ErrorCode::GROUP_ID_NOT_FOUND);
    assert_eq!(cluster.committed(GROUP, "t", 0), None);
    let described = peer.ask(&describe, 6).await.groups.remove(0);
    assert_eq!(described.error_code, ErrorCode::GROUP_ID_NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn offsets_of_topics_that_are_being_read_are_not_deleted() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    commit(&mut peer).await;
    let mut member = Peer::connect(&cluster, 0);
    join(&mut member).await;
    let topic = |name: &str| OffsetDeleteRequestTopic {
        name: name.to_owned(),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
    };
    let request = OffsetDeleteRequest {
        group_id: GROUP.to_owned(),
        topics: vec![topic("t"), topic("u"), topic("v")],
    };
    let answer = peer.ask(&request, 0).await;
    let errors: Vec<_> = answer.topics.iter().map(|it| it.partitions[0].error_code).collect();
    assert_eq!(
        errors,
        [
            ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC,
            ErrorCode::NONE,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        ]
    );
    assert_eq!(cluster.committed(GROUP, "t", 0), Some(5));
    assert_eq!(cluster.committed(GROUP, "u", 0), None);
}

#[tokio::test(start_paused = true)]
async fn records_are_deleted_up_to_the_high_watermark() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    for value in ["a", "b", "c"] {
        peer.produce("t", 0, batch(&[value])).await;
    }
    cluster.hold_high_watermark("t", 0, 2);
    let mut delete = async |offset| {
        let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset }];
        let topics = vec![DeleteRecordsTopic { name: "t".to_owned(), partitions }];
        let request = DeleteRecordsRequest { topics, timeout_ms: 1000 };
        let answer = peer.ask(&request, 2).await.topics.remove(0).partitions.remove(0);
        (answer.error_code, answer.low_watermark)
    };
    assert_eq!(delete(3).await, (ErrorCode::OFFSET_OUT_OF_RANGE, -1));
    assert_eq!(delete(1).await, (ErrorCode::NONE, 1));
    assert_eq!(delete(-1).await, (ErrorCode::NONE, 2));
    cluster.release_high_watermark("t", 0);
    let before = peer.fetch("t", 0, 1).await;
    assert_eq!(before.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    assert_eq!(values(&peer.fetch("t", 0, 2).await), at(2, &["c"]));
}

#[tokio::test(start_paused = true)]
async fn topics_grow_and_tell_their_settings() {
    let mut config = TopicConfig::default();
    config.min_insync_replicas = 2;
    let cluster = TestCluster::builder().brokers(2).topic_with("t", 1, config).build();
    let mut peer = Peer::connect(&cluster, 0);
    let mut grow = async |count| {
        let topic = CreatePartitionsTopic { name: "t".to_owned(), count, assignments: None };
        let request = CreatePartitionsRequest { topics: vec![topic], ..Default::default() };
        peer.ask(&request, 3).await.results[0].error_code
    };
    assert_eq!(grow(1).await, ErrorCode::INVALID_PARTITIONS);
    assert_eq!(grow(3).await, ErrorCode::NONE);
    assert_eq!(cluster.partitions("t"), 3);
    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: "t".to_owned(),
        configuration_keys: Some(vec!["min.insync.replicas".to_owned()]),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let described = peer.ask(&request, 4).await.results.remove(0).configs.remove(0);
    assert_eq!((described.value.as_deref(), described.config_source), (Some("2"), 1));
    let request = DescribeClusterRequest { endpoint_type: 1, ..Default::default() };
    assert_eq!(peer.ask(&request, 1).await.brokers.len(), 2);

    // With too few replicas in sync only acks=all is refused, and nothing is appended.
    let leader = cluster.partition("t", 0).and_then(|it| it.leader).expect("a leader");
    let mut peer = Peer::connect(&cluster, leader);
    cluster.set_isr("t", 0, &[leader]);
    let mut write = async |acks| {
        let answer = peer.ask(&produce("t", 0, batch(&["a"]), acks), 9).await;
        answer.responses[0].partition_responses[0].error_code
    };
    assert_eq!(write(-1).await, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(cluster.log_end("t", 0), 0);
    assert_eq!(write(1).await, ErrorCode::NONE);
    cluster.set_isr("t", 0, &[0, 1]);
    assert_eq!(write(-1).await, ErrorCode::NONE);
    let too_late = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    cluster.faults().fail_after(ApiKey::PRODUCE, too_late).times(1).arm();
    assert_eq!(write(-1).await, too_late);
    assert_eq!(cluster.log_end("t", 0), 3);
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_leader_epochs_are_told() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    peer.produce("t", 0, batch(&["a", "b"])).await;
    cluster.move_leader("t", 0, 0);
    peer.produce("t", 0, batch(&["c"])).await;
    let mut end = async |current, wanted| {
        let partition = OffsetForLeaderPartition {
            partition: 0,
            current_leader_epoch: current,
            leader_epoch: wanted,
        };
        let topic = OffsetForLeaderTopic { topic: "t".to_owned(), partitions: vec![partition] };
        let request = OffsetForLeaderEpochRequest { topics: vec![topic], ..Default::default() };
        let found = peer.ask(&request, 4).await.topics.remove(0).partitions.remove(0);
        (found.error_code, found.leader_epoch, found.end_offset)
    };
    assert_eq!(end(-1, 0).await, (ErrorCode::NONE, 0, 2));
    assert_eq!(end(1, 1).await, (ErrorCode::NONE, 1, 3));
    assert_eq!(end(-1, 2).await, (ErrorCode::NONE, -1, -1));
    assert_eq!(end(0, 0).await, (ErrorCode::FENCED_LEADER_EPOCH, -1, -1));
    assert_eq!(end(2, 0).await, (ErrorCode::UNKNOWN_LEADER_EPOCH, -1, -1));
}
