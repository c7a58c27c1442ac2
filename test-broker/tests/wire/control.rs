use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{MetadataRequest, MetadataResponse};
use ottla_test_broker::TestCluster;

use crate::support::{Peer, batch, idempotent};

async fn metadata(cluster: &TestCluster, broker: i32) -> MetadataResponse {
    let mut peer = Peer::connect(cluster, broker);
    peer.ask(&MetadataRequest { topics: None, ..Default::default() }, 9).await
}

#[tokio::test(start_paused = true)]
async fn a_stopped_broker_hands_over_what_it_leads() {
    let cluster = TestCluster::builder().brokers(3).topic("t", 3).build();
    let mut peer = Peer::connect(&cluster, 0);
    assert!(cluster.stop_broker(0));
    assert!(!cluster.stop_broker(0));
    assert!(peer.is_cut().await);
    assert!(cluster.connect("broker-0", 9092).is_err());
    assert_eq!(cluster.bootstrap(), ["broker-1:9092", "broker-2:9092"]);
    let seen = metadata(&cluster, 1).await;
    assert_eq!(seen.brokers.len(), 2);
    for partition in &seen.topics[0].partitions {
        assert_ne!(partition.leader_id, 0);
        assert!(!partition.isr_nodes.contains(&0));
        assert_eq!(partition.offline_replicas, [0]);
    }
    let epochs: i32 =
        seen.topics[0].partitions.iter().map(|partition| partition.leader_epoch).sum();
    assert_eq!(epochs, 1, "only what it led has a new epoch");
    assert!(cluster.start_broker(0));
    let seen = metadata(&cluster, 0).await;
    assert!(seen.topics[0].partitions.iter().all(|partition| partition.isr_nodes.contains(&0)));
}

#[tokio::test(start_paused = true)]
async fn without_another_replica_nobody_leads() {
    let cluster = TestCluster::builder().brokers(2).replication_factor(1).topic("t", 2).build();
    let mut peer = Peer::connect(&cluster, 1);
    let led =
        (0..2).find(|index| cluster.partition("t", *index).and_then(|view| view.leader) == Some(1));
    let led = led.expect("each leads one");
    peer.produce("t", led, batch(&["a"])).await;
    cluster.stop_broker(1);
    let seen = metadata(&cluster, 0).await;
    let partition = &seen.topics[0].partitions[usize::try_from(led).expect("small")];
    assert_eq!(partition.error_code, ErrorCode::LEADER_NOT_AVAILABLE);
    assert_eq!(partition.leader_id, -1);
    cluster.start_broker(1);
    let view = cluster.partition("t", led).expect("it is there");
    assert_eq!((view.leader, view.leader_epoch, view.end_offset), (Some(1), 2, 1));
}

#[tokio::test(start_paused = true)]
async fn topics_grow_and_lose_leaders() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    assert!(cluster.grow_topic("t", 3));
    assert_eq!(cluster.partitions("t"), 3);
    assert!(!cluster.grow_topic("t", 2));
    assert!(!cluster.grow_topic("nowhere", 2));
    assert!(cluster.grow_topic("t", 3));
    assert!(cluster.remove_leader("t", 2));
    let seen = metadata(&cluster, 0).await;
    assert_eq!(seen.topics[0].partitions[2].error_code, ErrorCode::LEADER_NOT_AVAILABLE);
    assert!(cluster.move_leader("t", 2, 0));
    assert!(!cluster.move_leader("t", 2, 9));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_topic_comes_back_as_another() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    let mut peer = Peer::connect(&cluster, 0);
    peer.produce("t", 0, batch(&["a"])).await;
    let id = cluster.topic_id("t");
    assert!(cluster.delete_topic("t"));
    assert!(!cluster.delete_topic("t"));
    assert_eq!(cluster.create_topic("t", 1), Ok(()));
    assert_eq!(cluster.create_topic("t", 1), Err(ErrorCode::TOPIC_ALREADY_EXISTS));
    assert_ne!(cluster.topic_id("t"), id);
    assert_eq!(cluster.log_end("t", 0), 0);
}

#[tokio::test(start_paused = true)]
async fn data_can_be_put_in_and_producers_forgotten() {
    let cluster = TestCluster::builder().topic("t", 1).build();
    let bytes = batch(&["a", "b"]).into_bytes();
    assert_eq!(cluster.append("t", 0, &bytes), Ok(0));
    assert_eq!(cluster.append("t", 0, &bytes), Ok(2));
    assert_eq!(cluster.append("t", 0, &Bytes::new()), Err(ErrorCode::CORRUPT_MESSAGE));
    assert_eq!(cluster.batches("t", 0).len(), 2);
    let mut peer = Peer::connect(&cluster, 0);
    peer.produce("t", 0, idempotent(1, 0, 0, &["c"])).await;
    let gap = peer.produce("t", 0, idempotent(1, 0, 5, &["d"])).await;
    assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    cluster.forget_producers("t", 0);
    let later = peer.produce("t", 0, idempotent(1, 0, 5, &["d"])).await;
    assert_eq!((later.error_code, later.base_offset), (ErrorCode::NONE, 5));
}

#[tokio::test(start_paused = true)]
async fn the_cluster_ends_with_its_last_handle() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    let other = cluster.clone();
    drop(cluster);
    assert_eq!(peer.ask(&MetadataRequest::default(), 9).await.brokers.len(), 1);
    drop(other);
    assert!(peer.is_cut().await);
}
