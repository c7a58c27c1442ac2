use ottla_protocol::api::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use ottla_protocol::{ErrorCode, Uuid};
use ottla_test_broker::TestCluster;

use crate::groups::{join, sync};
use crate::support::{Peer, batch};

fn commit(offset: i64, metadata: &str) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: "g".to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: "t".to_owned(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: 0,
                committed_offset: offset,
                committed_metadata: Some(metadata.to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

async fn committed(peer: &mut Peer, request: &OffsetCommitRequest, version: i16) -> ErrorCode {
    peer.ask(request, version).await.topics[0].partitions[0].error_code
}

fn fetch_offsets(version: i16, topic_id: Uuid, all: bool) -> OffsetFetchRequest {
    let topics = vec![OffsetFetchRequestTopics {
        name: "t".to_owned(),
        topic_id,
        partition_indexes: vec![0, 1],
    }];
    if version >= 8 {
        let group = OffsetFetchRequestGroup {
            group_id: "g".to_owned(),
            topics: (!all).then_some(topics),
            ..Default::default()
        };
        return OffsetFetchRequest { groups: vec![group], ..Default::default() };
    }
    let topics =
        vec![OffsetFetchRequestTopic { name: "t".to_owned(), partition_indexes: vec![0, 1] }];
    OffsetFetchRequest {
        group_id: "g".to_owned(),
        topics: (!all).then_some(topics),
        ..Default::default()
    }
}

#[tokio::test(start_paused = true)]
async fn every_version_commits_and_fetches() {
    let cluster = TestCluster::builder().topic("t", 2).build();
    let id = cluster.topic_id("t").expect("there is t");
    let mut peer = Peer::connect(&cluster, 0);
    for (version, offset) in (2..=10).zip(100..) {
        let mut request = commit(offset, "note");
        request.topics[0].topic_id = id;
        assert_eq!(committed(&mut peer, &request, version).await, ErrorCode::NONE);
        assert_eq!(cluster.committed("g", "t", 0), Some(offset));
    }
    for version in 1..=10 {
        for all in [false, true].into_iter().filter(|all| version >= 2 || !all) {
            let response = peer.ask(&fetch_offsets(version, id, all), version).await;
            let found: Vec<(i32, i64, Option<String>)> = if version >= 8 {
                let topic = &response.groups[0].topics[0];
                assert!(if version >= 10 { topic.topic_id == id } else { topic.name == "t" });
                let partitions = topic.partitions.iter();
                partitions
                    .map(|p| (p.partition_index, p.committed_offset, p.metadata.clone()))
                    .collect()
            } else {
                let partitions = response.topics[0].partitions.iter();
                partitions
                    .map(|p| (p.partition_index, p.committed_offset, p.metadata.clone()))
                    .collect()
            };
            let note = |text: &str| Some(text.to_owned());
            let mut expected = vec![(0, 108, note("note")), (1, -1, note(""))];
            expected.truncate(if all { 1 } else { 2 });
            assert_eq!(found, expected, "version {version}, all {all}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_not_there_has_no_offsets() {
    let cluster = TestCluster::builder().topic("t", 2).build();
    let mut peer = Peer::connect(&cluster, 0);
    let response = peer.ask(&fetch_offsets(7, Uuid::ZERO, false), 7).await;
    assert_eq!(response.error_code, ErrorCode::NONE);
    assert_eq!(response.topics[0].partitions[0].committed_offset, -1);
    let response = peer.ask(&fetch_offsets(10, Uuid([1; 16]), false), 10).await;
    let error = response.groups[0].topics[0].partitions[0].error_code;
    assert_eq!(error, ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(cluster.groups(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn only_who_may_commits() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    let mut early = commit(1, "");
    early.generation_id_or_member_epoch = 3;
    early.member_id = "m".to_owned();
    assert_eq!(committed(&mut peer, &early, 8).await, ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(committed(&mut peer, &early, 9).await, ErrorCode::GROUP_ID_NOT_FOUND);
    let id = peer.ask(&join(""), 9).await.member_id;
    peer.ask(&join(&id), 9).await;
    let mut mine = commit(5, "");
    mine.generation_id_or_member_epoch = 1;
    mine.member_id = id.clone();
    assert_eq!(committed(&mut peer, &mine, 9).await, ErrorCode::REBALANCE_IN_PROGRESS);
    peer.ask(&sync(1, &id, &[]), 5).await;
    assert_eq!(committed(&mut peer, &mine, 9).await, ErrorCode::NONE);
    mine.generation_id_or_member_epoch = 2;
    assert_eq!(committed(&mut peer, &mine, 9).await, ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(committed(&mut peer, &commit(7, ""), 9).await, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(cluster.committed("g", "t", 0), Some(5));
}

#[tokio::test(start_paused = true)]
async fn commits_are_checked_by_partition() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    let large = "x".repeat(4097);
    let error = committed(&mut peer, &commit(1, &large), 9).await;
    assert_eq!(error, ErrorCode::OFFSET_METADATA_TOO_LARGE);
    let mut unknown = commit(1, "");
    unknown.topics[0].partitions[0].partition_index = 1;
    let error = committed(&mut peer, &unknown, 9).await;
    assert_eq!(error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let error = committed(&mut peer, &commit(1, ""), 10).await;
    assert_eq!(error, ErrorCode::UNKNOWN_TOPIC_ID);
    committed(&mut peer, &commit(1, ""), 9).await;
    cluster.delete_topic("t");
    assert_eq!(cluster.committed("g", "t", 0), None);
}

async fn list(
    peer: &mut Peer,
    version: i16,
    timestamp: i64,
    epoch: i32,
) -> ListOffsetsPartitionResponse {
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: "t".to_owned(),
            partitions: vec![ListOffsetsPartition {
                partition_index: 0,
                current_leader_epoch: epoch,
                timestamp,
            }],
        }],
        ..Default::default()
    };
    peer.ask(&request, version).await.topics.remove(0).partitions.remove(0)
}

#[tokio::test(start_paused = true)]
async fn offsets_are_listed_by_place_and_time() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    // Records at 1000, 1001, 1002 and again at 1000, 1001.
    peer.produce("t", 0, batch(&["a", "b", "c"])).await;
    peer.produce("t", 0, batch(&["d", "e"])).await;
    for version in 1..=11 {
        let mut at = async |timestamp| {
            let found = list(&mut peer, version, timestamp, -1).await;
            assert_eq!(found.error_code, ErrorCode::NONE);
            (found.offset, found.timestamp)
        };
        assert_eq!(at(-1).await, (5, -1));
        assert_eq!(at(-2).await, (0, -1));
        assert_eq!(at(0).await, (0, 1000));
        assert_eq!(at(1001).await, (1, 1001));
        assert_eq!(at(1003).await, (-1, -1));
    }
    // Later versions have more names for places.
    for (name, since, found) in [(-3, 7, (2, 1002)), (-4, 8, (0, -1)), (-5, 9, (-1, -1))] {
        let at = list(&mut peer, since, name, -1).await;
        assert_eq!((at.error_code, at.offset, at.timestamp), (ErrorCode::NONE, found.0, found.1));
        let before = list(&mut peer, since - 1, name, -1).await;
        assert_eq!(before.error_code, ErrorCode::UNSUPPORTED_VERSION);
    }
    assert_eq!(list(&mut peer, 4, -2, -1).await.leader_epoch, 0);
    cluster.move_leader("t", 0, 0);
    assert_eq!(list(&mut peer, 4, -1, 1).await.leader_epoch, 1);
    assert_eq!(list(&mut peer, 4, -1, 0).await.error_code, ErrorCode::FENCED_LEADER_EPOCH);
    assert_eq!(list(&mut peer, 4, -1, 2).await.error_code, ErrorCode::UNKNOWN_LEADER_EPOCH);
    cluster.delete_records("t", 0, 2);
    assert_eq!(list(&mut peer, 4, -2, -1).await.offset, 2);
    assert_eq!(list(&mut peer, 4, 0, -1).await.offset, 2);
}
