use ottla_protocol::ErrorCode;
use ottla_protocol::api::{FetchRequest, FetchResponse, ForgottenTopic};
use ottla_test_broker::TestCluster;

use crate::support::{Peer, batch, fetch, values};

/// A fetch in a session, of what changed.
fn incremental(id: i32, epoch: i32, partitions: &[(i32, i64)]) -> FetchRequest {
    let mut request = fetch("t", partitions);
    if partitions.is_empty() {
        request.topics.clear();
    }
    FetchRequest { session_id: id, session_epoch: epoch, ..request }
}

fn told(response: &FetchResponse) -> Vec<(i32, usize)> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|data| (data.partition_index, values(data).len())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_session_carries_only_what_changes() {
    let cluster = TestCluster::builder().topic("t", 3).build();
    let mut peer = Peer::connect(&cluster, 0);
    let opened = peer.ask(&incremental(0, 0, &[(0, 0), (1, 0), (2, 0)]), 11).await;
    assert_eq!(told(&opened), [(0, 0), (1, 0), (2, 0)]);
    let id = opened.session_id;
    assert_ne!(id, 0);
    assert_eq!(told(&peer.ask(&incremental(id, 1, &[]), 11).await), []);
    peer.produce("t", 1, batch(&["a"])).await;
    let news = peer.ask(&incremental(id, 2, &[]), 11).await;
    assert_eq!((news.session_id, told(&news)), (id, vec![(1, 1)]));
    // The session remembers the offset it was told, until it is told another.
    assert_eq!(told(&peer.ask(&incremental(id, 3, &[]), 11).await), [(1, 1)]);
    assert_eq!(told(&peer.ask(&incremental(id, 4, &[(1, 1)]), 11).await), []);
    let mut forget = incremental(id, 5, &[]);
    forget.forgotten_topics_data = vec![ForgottenTopic {
        topic: "t".to_owned(),
        partitions: vec![0, 2],
        ..Default::default()
    }];
    peer.produce("t", 0, batch(&["b"])).await;
    assert_eq!(told(&peer.ask(&forget, 11).await), []);
    assert_eq!(cluster.fetch_sessions(0), 1);
}

#[tokio::test(start_paused = true)]
async fn a_parked_session_wakes_for_any_of_its_partitions() {
    let cluster = TestCluster::builder().topic("t", 3).build();
    let (mut reader, mut writer) = (Peer::connect(&cluster, 0), Peer::connect(&cluster, 0));
    let opened = reader.ask(&incremental(0, 0, &[(0, 0), (1, 0), (2, 0)]), 11).await;
    let mut parked = incremental(opened.session_id, 1, &[]);
    parked.max_wait_ms = 60_000;
    reader.send(&parked, 11).await;
    assert!(!reader.hears_within(1_000).await);
    writer.produce("t", 2, batch(&["a"])).await;
    assert!(reader.hears_within(1).await);
}

#[tokio::test(start_paused = true)]
async fn sessions_are_by_topic_id_or_by_name() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    let mut request = incremental(0, 0, &[(0, 0)]);
    request.topics[0].topic_id = cluster.topic_id("t").expect("there is t");
    let opened = peer.ask(&request, 13).await;
    let id = opened.session_id;
    peer.produce("t", 0, batch(&["a"])).await;
    let news = peer.ask(&incremental(id, 1, &[]), 17).await;
    assert_eq!(news.responses[0].topic_id, request.topics[0].topic_id);
    let mixed = peer.ask(&incremental(id, 2, &[]), 12).await;
    assert_eq!(mixed.error_code, ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
}

#[tokio::test(start_paused = true)]
async fn lost_and_confused_sessions_are_named() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    let id = peer.ask(&incremental(0, 0, &[(0, 0)]), 11).await.session_id;
    let confused = peer.ask(&incremental(id, 2, &[]), 11).await;
    assert_eq!(confused.error_code, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
    cluster.forget_fetch_sessions(0);
    let lost = peer.ask(&incremental(id, 1, &[]), 11).await;
    assert_eq!(lost.error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
    assert_eq!((lost.session_id, lost.responses.len()), (0, 0));
    // Before version 7 there are none.
    assert_eq!(peer.ask(&fetch("t", &[(0, 0)]), 6).await.session_id, 0);
    assert_eq!(cluster.fetch_sessions(0), 0);
}
