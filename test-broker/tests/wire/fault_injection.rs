use std::time::Duration;

use ottla_protocol::api::{
    FetchRequest, InitProducerIdRequest, MetadataRequest, MetadataRequestTopic, ProduceRequest,
};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::TestCluster;

use crate::support::{Peer, batch, fetch, idempotent, only_partition, produce};

fn cluster() -> TestCluster {
    TestCluster::builder().topic("t", 2).build()
}

fn write() -> ProduceRequest {
    produce("t", 0, batch(&["a"]), -1)
}

#[tokio::test(start_paused = true)]
async fn errors_hit_the_partition_they_are_meant_for() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let error = ErrorCode::NOT_ENOUGH_REPLICAS;
    let fault =
        cluster.faults().fail(ApiKey::PRODUCE, error).topic("t").partition(0).times(1).arm();
    assert_eq!(peer.produce("t", 1, batch(&["a"])).await.error_code, ErrorCode::NONE);
    assert_eq!(peer.produce("t", 0, batch(&["a"])).await.error_code, error);
    assert_eq!(cluster.log_end("t", 0), 0);
    assert_eq!(peer.produce("t", 0, batch(&["a"])).await.error_code, ErrorCode::NONE);
    assert_eq!(fault.hits(), 1);
    cluster.faults().fail(ApiKey::FETCH, ErrorCode::KAFKA_STORAGE_ERROR).times(1).arm();
    let mut request = fetch("t", &[(1, 1)]);
    request.max_wait_ms = 60_000;
    let failed = only_partition(peer.ask(&request, 11).await);
    assert_eq!(failed.error_code, ErrorCode::KAFKA_STORAGE_ERROR);
}

#[tokio::test(start_paused = true)]
async fn a_write_can_be_applied_and_reported_as_failed() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let error = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    cluster.faults().fail_after(ApiKey::PRODUCE, error).times(1).arm();
    let first = idempotent(9, 0, 0, &["a"]);
    assert_eq!(peer.produce("t", 0, first.clone()).await.error_code, error);
    assert_eq!(cluster.log_end("t", 0), 1);
    let again = peer.produce("t", 0, first).await;
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(cluster.log_end("t", 0), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_without_partitions_fail_too() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    cluster.faults().fail(ApiKey::INIT_PRODUCER_ID, error).times(1).arm();
    let init = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    assert_eq!(peer.ask(&init, 4).await.error_code, error);
    assert_eq!(peer.ask(&init, 4).await.error_code, ErrorCode::NONE);
    cluster
        .faults()
        .fail(ApiKey::METADATA, ErrorCode::LEADER_NOT_AVAILABLE)
        .topic("t")
        .times(1)
        .arm();
    let topic = MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    let missing = peer.ask(&request, 9).await;
    assert_eq!(missing.topics[0].error_code, ErrorCode::LEADER_NOT_AVAILABLE);
    assert_eq!(peer.ask(&request, 9).await.topics[0].error_code, ErrorCode::NONE);
}

#[tokio::test(start_paused = true)]
async fn replies_get_lost_after_the_write() {
    let cluster = cluster();
    cluster.faults().drop_reply(ApiKey::PRODUCE).times(1).arm();
    let mut peer = Peer::connect(&cluster, 0);
    peer.send(&write(), 9).await;
    assert!(peer.is_cut().await);
    assert_eq!(cluster.log_end("t", 0), 1);

    cluster.faults().swallow_reply(ApiKey::PRODUCE).times(1).arm();
    let mut peer = Peer::connect(&cluster, 0);
    peer.send(&write(), 9).await;
    assert!(!peer.hears_within(3_600_000).await);
    assert_eq!(cluster.log_end("t", 0), 2);
    cluster.cut_connections(0);
    assert!(peer.is_cut().await);
    assert_eq!(cluster.counters().connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn replies_about_one_partition_get_lost() {
    let cluster = cluster();
    let fault = cluster.faults().drop_reply(ApiKey::PRODUCE).topic("t").partition(1).times(1).arm();
    let mut peer = Peer::connect(&cluster, 0);
    assert_eq!(peer.produce("t", 0, batch(&["a"])).await.error_code, ErrorCode::NONE);
    assert_eq!(fault.hits(), 0);
    peer.send(&produce("t", 1, batch(&["a"]), -1), 9).await;
    assert!(peer.is_cut().await);
    assert_eq!((fault.hits(), cluster.log_end("t", 1)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn connections_are_cut_before_the_write() {
    let cluster = cluster();
    cluster.faults().cut(ApiKey::PRODUCE).times(1).arm();
    let mut peer = Peer::connect(&cluster, 0);
    peer.send(&write(), 9).await;
    assert!(peer.is_cut().await);
    assert_eq!(cluster.log_end("t", 0), 0);
}

#[tokio::test(start_paused = true)]
async fn replies_are_late() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let late = Duration::from_secs(5);
    cluster.faults().delay(ApiKey::PRODUCE, late).times(1).arm();
    peer.send(&write(), 9).await;
    assert!(!peer.hears_within(4_999).await);
    assert_eq!(cluster.log_end("t", 0), 0);
    assert!(peer.receive::<ProduceRequest>(9).await.is_some());

    cluster.faults().delay_reply(ApiKey::PRODUCE, late).times(1).arm();
    peer.send(&write(), 9).await;
    assert!(!peer.hears_within(4_999).await);
    assert_eq!(cluster.log_end("t", 0), 2);
    assert!(peer.receive::<ProduceRequest>(9).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn frames_are_damaged() {
    let cluster = cluster();
    let whole = {
        let mut peer = Peer::connect(&cluster, 0);
        peer.send(&write(), 9).await;
        peer.receive_frame().await.expect("a frame")
    };
    cluster.faults().truncate(ApiKey::PRODUCE, 7).times(1).arm();
    let mut peer = Peer::connect(&cluster, 0);
    peer.send(&write(), 9).await;
    assert_eq!(peer.receive_rest().await.len(), 7);

    cluster.faults().garbage(ApiKey::PRODUCE).times(1).arm();
    let mut peer = Peer::connect(&cluster, 0);
    peer.send(&write(), 9).await;
    let garbage = peer.receive_frame().await.expect("a frame");
    assert_eq!((garbage.len(), &garbage[..4]), (whole.len(), &whole[..4]));
    assert_ne!(garbage, whole);

    cluster.faults().wrong_correlation(ApiKey::PRODUCE).times(1).arm();
    peer.send(&write(), 9).await;
    let stray = peer.receive_frame().await.expect("a frame");
    assert_eq!(&stray[..4], (!2_i32).to_be_bytes());

    cluster.faults().frame_length(ApiKey::PRODUCE, i32::MAX).times(1).arm();
    peer.send(&write(), 9).await;
    assert_eq!(peer.receive_length().await, i32::MAX);
}

#[tokio::test(start_paused = true)]
async fn clients_are_asked_to_be_silent() {
    let cluster = cluster();
    cluster.faults().throttle(ApiKey::FETCH, Duration::from_millis(250)).times(1).arm();
    let mut peer = Peer::connect(&cluster, 0);
    let request: FetchRequest = fetch("t", &[(0, 0)]);
    assert_eq!(peer.ask(&request, 11).await.throttle_time_ms, 250);
    assert_eq!(peer.ask(&request, 11).await.throttle_time_ms, 0);
}

#[tokio::test(start_paused = true)]
async fn one_broker_can_be_meant() {
    let cluster = TestCluster::builder().brokers(2).topic("t", 2).build();
    cluster
        .faults()
        .fail(ApiKey::INIT_PRODUCER_ID, ErrorCode::UNKNOWN_SERVER_ERROR)
        .broker(1)
        .arm();
    let init = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let (mut one, mut other) = (Peer::connect(&cluster, 0), Peer::connect(&cluster, 1));
    assert_eq!(one.ask(&init, 4).await.error_code, ErrorCode::NONE);
    assert_eq!(other.ask(&init, 4).await.error_code, ErrorCode::UNKNOWN_SERVER_ERROR);
    cluster.faults().clear();
    assert_eq!(other.ask(&init, 4).await.error_code, ErrorCode::NONE);
}
