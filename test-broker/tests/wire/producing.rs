use bytes::{Bytes, BytesMut};
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    InitProducerIdRequest, PartitionProduceData, ProduceRequest, TopicProduceData,
};
use ottla_protocol::compression::{Codecs, Compression};
use ottla_protocol::records::{BatchKind, Records, SealedBatch, Sequence};
use ottla_test_broker::{TestCluster, TopicConfig};

use crate::support::{Peer, at, batch, idempotent, produce, sealed, values};

fn cluster() -> TestCluster {
    TestCluster::builder().topic("t", 2).build()
}

#[tokio::test(start_paused = true)]
async fn every_version_appends() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    for (version, offset) in (3..13).zip(0..) {
        let done = peer.produce_at(version, "t", 0, batch(&["x"])).await;
        assert_eq!((done.error_code, done.base_offset), (ErrorCode::NONE, offset));
    }
    let id = cluster.topic_id("t").expect("there is t");
    let mut request = produce("", 0, batch(&["y"]), -1);
    request.topic_data[0].topic_id = id;
    let response = peer.ask(&request, 13).await;
    assert_eq!(response.responses[0].topic_id, id);
    assert_eq!(response.responses[0].partition_responses[0].base_offset, 10);
    assert_eq!(cluster.log_end("t", 0), 11);
    assert_eq!(cluster.records("t", 0)[10].value, Some(Bytes::from("y")));
}

#[tokio::test(start_paused = true)]
async fn offsets_are_assigned_and_the_rest_is_kept() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    peer.produce("t", 0, batch(&["a", "b"])).await;
    let done = peer.produce("t", 0, batch(&["c"])).await;
    assert_eq!(done.base_offset, 2);
    assert_eq!(done.log_append_time_ms, -1);
    let fetched = peer.fetch("t", 0, 0).await;
    assert_eq!(values(&fetched), at(0, &["a", "b", "c"]));
    let times: Vec<i64> = cluster.records("t", 0).iter().map(|record| record.timestamp).collect();
    assert_eq!(times, [1000, 1001, 1000]);
}

#[tokio::test(start_paused = true)]
async fn a_topic_can_be_stamped_by_the_broker() {
    let mut config = TopicConfig::default();
    config.log_append_time = true;
    let cluster = TestCluster::builder().time_base(5_000).topic_with("t", 1, config).build();
    let mut peer = Peer::connect(&cluster, 0);
    tokio::time::advance(std::time::Duration::from_millis(7)).await;
    let done = peer.produce("t", 0, batch(&["a", "b"])).await;
    assert_eq!(done.log_append_time_ms, 5_007);
    let times: Vec<i64> = cluster.records("t", 0).iter().map(|record| record.timestamp).collect();
    assert_eq!(times, [5_007, 5_007]);
    // The checksum covers the time.
    assert_eq!(values(&peer.fetch("t", 0, 0).await), at(0, &["a", "b"]));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_batch_is_answered_with_its_first_offset() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let init = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let id = peer.ask(&init, 5).await.producer_id;
    assert!(id >= 0);
    peer.produce("t", 0, idempotent(id, 0, 0, &["a", "b"])).await;
    peer.produce("t", 0, idempotent(id, 0, 2, &["c"])).await;
    let again = peer.produce("t", 0, idempotent(id, 0, 0, &["a", "b"])).await;
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(cluster.log_end("t", 0), 3);
    let gap = peer.produce("t", 0, idempotent(id, 0, 4, &["e"])).await;
    assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(gap.base_offset, -1);
    // Other partitions count on their own.
    let other = peer.produce("t", 1, idempotent(id, 0, 0, &["z"])).await;
    assert_eq!(other.error_code, ErrorCode::NONE);
    assert_ne!(peer.ask(&init, 0).await.producer_id, id);
}

#[tokio::test(start_paused = true)]
async fn batches_that_kafka_refuses_are_refused() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let sound = batch(&["a"]).into_bytes();
    let changed = |at: usize, byte: u8| {
        let mut bytes = BytesMut::from(&sound[..]);
        bytes[at] ^= byte;
        bytes.freeze()
    };
    let cases: [(&str, Bytes, ErrorCode); 6] = [
        ("a flipped bit", changed(68, 1), ErrorCode::CORRUPT_MESSAGE),
        ("cut short", sound.slice(..sound.len() - 1), ErrorCode::CORRUPT_MESSAGE),
        ("two batches", [&sound[..], &sound[..]].concat().into(), ErrorCode::INVALID_RECORD),
        ("nothing", Bytes::new(), ErrorCode::INVALID_RECORD),
        ("an old magic", changed(16, 3), ErrorCode::INVALID_RECORD),
        ("a base offset", changed(7, 1), ErrorCode::INVALID_RECORD),
    ];
    for (what, bytes, error) in cases {
        let refused = peer.produce("t", 0, bytes).await;
        assert_eq!(refused.error_code, error, "{what}");
    }
    let marker = sealed(&["a"]).freeze(
        Sequence { producer_id: 1, producer_epoch: 0, base_sequence: 0 },
        BatchKind::TransactionMarker,
    );
    assert_eq!(peer.produce("t", 0, marker).await.error_code, ErrorCode::INVALID_RECORD);
    let unsequenced = idempotent(1, 0, -1, &["a"]);
    assert_eq!(peer.produce("t", 0, unsequenced).await.error_code, ErrorCode::INVALID_RECORD);
    assert_eq!(cluster.log_end("t", 0), 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_above_the_limit_is_too_large() {
    let mut config = TopicConfig::default();
    let one = batch(&["a"]).len();
    config.max_message_bytes = one;
    let cluster = TestCluster::builder().topic_with("t", 1, config).build();
    let mut peer = Peer::connect(&cluster, 0);
    assert_eq!(peer.produce("t", 0, batch(&["a"])).await.error_code, ErrorCode::NONE);
    let larger = peer.produce("t", 0, batch(&["ab"])).await;
    assert_eq!(larger.error_code, ErrorCode::MESSAGE_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn compressed_batches_pass_through() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let text = "kafka ".repeat(100);
    let codecs = Codecs::default();
    for (codec, offset) in Compression::ALL.into_iter().zip(0..) {
        let raw = sealed(&[&text]).to_raw(&codecs).expect("it is raw");
        let codec = codecs.get(codec).expect("all codecs are in");
        let packed = SealedBatch::compress(raw, codec, None).expect("it compresses");
        let done = peer.produce("t", 0, packed.freeze(Sequence::NONE, BatchKind::Plain)).await;
        assert_eq!((done.error_code, done.base_offset), (ErrorCode::NONE, offset));
    }
    assert!(
        cluster
            .records("t", 0)
            .iter()
            .all(|record| record.value == Some(Bytes::from(text.clone())))
    );
    let raw = sealed(&[&text]).to_raw(&codecs).expect("it is raw");
    let zstd = codecs.get(Compression::Zstd).expect("all codecs are in");
    let packed = SealedBatch::compress(raw, zstd, None).expect("it compresses");
    let early = peer.produce_at(6, "t", 0, packed.freeze(Sequence::NONE, BatchKind::Plain)).await;
    assert_eq!(early.error_code, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
}

#[tokio::test(start_paused = true)]
async fn without_acks_there_is_no_answer_but_a_cut() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    peer.send(&produce("t", 0, batch(&["a"]), 0), 9).await;
    // The next request gets the next response.
    let done = peer.produce("t", 0, batch(&["b"])).await;
    assert_eq!(done.base_offset, 1);
    peer.send(&produce("nowhere", 0, batch(&["a"]), 0), 9).await;
    assert!(peer.is_cut().await);
}

#[tokio::test(start_paused = true)]
async fn strange_acks_are_refused() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let response = peer.ask(&produce("t", 0, batch(&["a"]), 2), 9).await;
    let error = response.responses[0].partition_responses[0].error_code;
    assert_eq!(error, ErrorCode::INVALID_REQUIRED_ACKS);
}

#[tokio::test(start_paused = true)]
async fn a_moved_partition_says_where_it_went() {
    let cluster = TestCluster::builder().brokers(3).topic("t", 1).build();
    let old = cluster.partition("t", 0).and_then(|view| view.leader).expect("a leader");
    let new = (old + 1) % 3;
    assert!(cluster.move_leader("t", 0, new));
    let mut peer = Peer::connect(&cluster, old);
    let response = peer.ask(&produce("t", 0, batch(&["a"]), -1), 10).await;
    let partition = &response.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(partition.current_leader.leader_id, new);
    assert_eq!(partition.current_leader.leader_epoch, 1);
    assert_eq!(response.node_endpoints.len(), 1);
    assert_eq!(response.node_endpoints[0].node_id, new);
    assert_eq!(response.node_endpoints[0].host, format!("broker-{new}"));
    // Version 9 has no place for it.
    let partition = peer.produce_at(9, "t", 0, batch(&["a"])).await;
    assert_eq!(partition.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    let mut peer = Peer::connect(&cluster, new);
    assert_eq!(peer.produce("t", 0, batch(&["a"])).await.error_code, ErrorCode::NONE);
    assert_eq!(cluster.records("t", 0)[0].leader_epoch, 1);
}

#[tokio::test(start_paused = true)]
async fn one_request_may_have_many_partitions_and_fail_in_some() {
    let cluster = cluster();
    let mut peer = Peer::connect(&cluster, 0);
    let data = |index, records: Records| PartitionProduceData { index, records: Some(records) };
    let request = ProduceRequest {
        acks: 1,
        topic_data: vec![
            TopicProduceData {
                name: "t".to_owned(),
                partition_data: vec![
                    data(0, batch(&["a"])),
                    data(7, batch(&["b"])),
                    data(1, batch(&["c"])),
                ],
                ..Default::default()
            },
            TopicProduceData {
                name: "nowhere".to_owned(),
                partition_data: vec![data(0, batch(&["d"]))],
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    let response = peer.ask(&request, 12).await;
    let errors: Vec<ErrorCode> = response
        .responses
        .iter()
        .flat_map(|topic| topic.partition_responses.iter().map(|part| part.error_code))
        .collect();
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    assert_eq!(errors, [ErrorCode::NONE, unknown, ErrorCode::NONE, unknown]);
}
