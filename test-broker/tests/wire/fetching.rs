use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::api::{FetchRequest, MetadataRequest};
use ottla_test_broker::TestCluster;

use crate::support::{Peer, at, batch, fetch, only_partition, values};

fn cluster() -> TestCluster {
    TestCluster::builder().topic("t", 2).build()
}

#[tokio::test(start_paused = true)]
async fn every_version_reads() {
    let cluster = cluster();
    let id = cluster.topic_id("t").expect("there is t");
    let mut peer = Peer::connect(&cluster, 0);
    peer.produce("t", 0, batch(&["a"])).await;
    for version in 4..=18 {
        let mut request = fetch("t", &[(0, 0)]);
        if version >= 13 {
            request.topics[0].topic_id = id;
        }
        let response = peer.ask(&request, version).await;
        let topic = &response.responses[0];
        assert!(if version >= 13 { topic.topic_id == id } else { topic.topic == "t" });
        let data = only_partition(response);
        assert_eq!(values(&data), at(0, &["a"]), "version {version}");
        assert_eq!((data.high_watermark, data.last_stable_offset), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn whole_batches_come_from_the_one_that_holds_the_offset() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    peer.produce("t", 0, batch(&["a", "b", "c"])).await;
    peer.produce("t", 0, batch(&["d"])).await;
    assert_eq!(values(&peer.fetch("t", 0, 2).await), at(0, &["a", "b", "c", "d"]));
    assert_eq!(values(&peer.fetch("t", 0, 3).await), at(3, &["d"]));
    assert_eq!(values(&peer.fetch("t", 0, 4).await), []);
    let beyond = peer.fetch("t", 0, 5).await;
    assert_eq!(beyond.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    cluster.delete_records("t", 0, 3);
    let before = peer.fetch("t", 0, 2).await;
    assert_eq!(before.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    assert_eq!(peer.fetch("t", 0, 3).await.log_start_offset, 3);
}

#[tokio::test(start_paused = true)]
async fn limits_hold_but_for_the_first_batch() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let size = batch(&["a"]).len();
    for value in ["a", "b", "c"] {
        peer.produce("t", 0, batch(&[value])).await;
        peer.produce("t", 1, batch(&[value])).await;
    }
    let limit = |bytes: usize| i32::try_from(bytes).expect("small");
    let mut request = fetch("t", &[(0, 0), (1, 0)]);
    let counts = async |peer: &mut Peer, request: &FetchRequest| {
        let response = peer.ask(request, 11).await;
        let partitions = &response.responses[0].partitions;
        partitions.iter().map(|data| values(data).len()).collect::<Vec<_>>()
    };
    for partition in &mut request.topics[0].partitions {
        partition.partition_max_bytes = limit(2 * size + 1);
    }
    assert_eq!(counts(&mut peer, &request).await, [2, 2]);
    request.max_bytes = limit(3 * size);
    assert_eq!(counts(&mut peer, &request).await, [2, 1]);
    request.max_bytes = 1;
    assert_eq!(counts(&mut peer, &request).await, [1, 0]);
    request.topics[0].partitions[0].fetch_offset = 3;
    assert_eq!(counts(&mut peer, &request).await, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_last_batch_can_be_cut_as_kafka_cuts_it() {
    let cluster = TestCluster::builder().topic("t", 1).cut_last_batch(true).build();
    let mut peer = Peer::connect(&cluster, 0);
    let size = batch(&["a"]).len();
    peer.produce("t", 0, batch(&["a"])).await;
    peer.produce("t", 0, batch(&["b"])).await;
    let mut request = fetch("t", &[(0, 0)]);
    request.topics[0].partitions[0].partition_max_bytes = i32::try_from(size + 9).expect("small");
    let data = only_partition(peer.ask(&request, 11).await);
    assert_eq!(data.records.as_ref().map(|records| records.len()), Some(size + 9));
    assert_eq!(values(&data), at(0, &["a"]));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_for_its_time() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let mut request = fetch("t", &[(0, 0), (1, 0)]);
    request.max_wait_ms = 500;
    let asked = tokio::time::Instant::now();
    let response = peer.ask(&request, 11).await;
    assert_eq!(asked.elapsed(), Duration::from_millis(500));
    assert!(response.responses[0].partitions.iter().all(|data| values(data).is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_for_its_bytes() {
    let cluster = cluster();
    let (mut reader, mut writer) = (Peer::connect(&cluster, 0), Peer::connect(&cluster, 0));
    let size = batch(&["a"]).len();
    let mut request = fetch("t", &[(0, 0), (1, 0)]);
    request.max_wait_ms = 10_000;
    request.min_bytes = i32::try_from(2 * size).expect("small");
    reader.send(&request, 11).await;
    let asked = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    writer.produce("t", 0, batch(&["a"])).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    writer.produce("t", 1, batch(&["b"])).await;
    let response = reader.receive::<FetchRequest>(11).await.expect("an answer");
    assert_eq!(asked.elapsed(), Duration::from_millis(200));
    let all: Vec<_> = response.responses[0].partitions.iter().flat_map(values).collect();
    assert_eq!(all, [(0, "a".to_owned()), (0, "b".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_fetch_holds_up_what_follows_on_its_connection() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let mut request = fetch("t", &[(0, 0)]);
    request.max_wait_ms = 1000;
    peer.send(&request, 11).await;
    let asked = tokio::time::Instant::now();
    peer.send(&MetadataRequest::default(), 4).await;
    let first = peer.receive_frame().await.expect("the fetch's answer");
    assert_eq!(&first[..4], [0, 0, 0, 1]);
    assert_eq!(asked.elapsed(), Duration::from_millis(1000));
    assert!(peer.receive::<MetadataRequest>(4).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn errors_end_the_wait() {
    let cluster = TestCluster::builder().brokers(2).replication_factor(1).topic("t", 1).build();
    let leader = cluster.partition("t", 0).and_then(|view| view.leader).expect("a leader");
    let mut peer = Peer::connect(&cluster, leader);
    let mut request = fetch("t", &[(0, 0)]);
    request.max_wait_ms = 60_000;
    request.topics[0].partitions[0].current_leader_epoch = 0;
    peer.send(&request, 12).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    cluster.move_leader("t", 0, 1 - leader);
    let asked = tokio::time::Instant::now();
    let data = only_partition(peer.receive::<FetchRequest>(12).await.expect("an answer"));
    assert_eq!(data.error_code, ErrorCode::FENCED_LEADER_EPOCH);
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn leader_epochs_are_checked() {
    let cluster = cluster();
    cluster.move_leader("t", 0, 0);
    let mut peer = Peer::connect(&cluster, 0);
    for (epoch, error) in [
        (0, ErrorCode::FENCED_LEADER_EPOCH),
        (1, ErrorCode::NONE),
        (2, ErrorCode::UNKNOWN_LEADER_EPOCH),
        (-1, ErrorCode::NONE),
    ] {
        let mut request = fetch("t", &[(0, 0)]);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        assert_eq!(only_partition(peer.ask(&request, 9).await).error_code, error, "{epoch}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_truncated_log_diverges() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    peer.produce("t", 0, batch(&["a"])).await;
    peer.produce("t", 0, batch(&["b"])).await;
    cluster.truncate("t", 0, 1);
    peer.produce("t", 0, batch(&["c"])).await;
    let mut request = fetch("t", &[(0, 2)]);
    request.topics[0].partitions[0].last_fetched_epoch = 0;
    let data = only_partition(peer.ask(&request, 12).await);
    assert_eq!((data.diverging_epoch.epoch, data.diverging_epoch.end_offset), (0, 1));
    assert_eq!(values(&data), []);
    assert_eq!(cluster.records("t", 0)[1].leader_epoch, 1);
}

#[tokio::test(start_paused = true)]
async fn unknown_topics_have_their_errors() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let data = peer.fetch("nowhere", 0, 0).await;
    assert_eq!(data.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let data = peer.fetch("t", 9, 0).await;
    assert_eq!(data.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let data = only_partition(peer.ask(&fetch("t", &[(0, 0)]), 13).await);
    assert_eq!(data.error_code, ErrorCode::UNKNOWN_TOPIC_ID);
}
