use ottla_protocol::api::{APIS, ApiVersionsRequest, MetadataRequest};
use ottla_protocol::{ApiKey, ErrorCode, encode_request};
use ottla_test_broker::TestCluster;

use crate::support::Peer;

fn hello() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "ottla".to_owned(),
        client_software_version: "1.0-test".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn every_version_lists_what_there_is() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    for version in 0..=4 {
        let response = peer.ask(&hello(), version).await;
        assert_eq!(response.error_code, ErrorCode::NONE);
        let known = |key| APIS.iter().any(|api| api.key.0 == key);
        assert!(response.api_keys.len() >= 15, "{:?}", response.api_keys);
        assert!(response.api_keys.iter().all(|api| known(api.api_key)));
        let metadata = response.api_keys.iter().find(|api| api.api_key == 3).expect("metadata");
        assert_eq!((metadata.min_version, metadata.max_version), (0, 13));
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_from_the_future_is_answered_at_version_0() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    let mut request =
        encode_request(&hello(), 4, 1, Some("test")).expect("encodes").to_bytes().to_vec();
    request[7] = 99;
    peer.write(&request).await;
    let frame = peer.receive_frame().await.expect("an answer");
    // Correlation id, error 35, one entry: ApiVersions 0 to 4.
    assert_eq!(&frame[..], [0, 0, 0, 1, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
    assert_eq!(peer.ask(&hello(), 0).await.error_code, ErrorCode::NONE);
}

#[tokio::test(start_paused = true)]
async fn an_old_broker_offers_and_serves_less() {
    let cluster = TestCluster::builder()
        .max_version(ApiKey::METADATA, 4)
        .max_version(ApiKey::API_VERSIONS, 2)
        .without(ApiKey::INIT_PRODUCER_ID)
        .build();
    let mut peer = Peer::connect(&cluster, 0);
    let response = peer.ask(&hello(), 2).await;
    let find = |key: ApiKey| response.api_keys.iter().find(|api| api.api_key == key.0);
    assert_eq!(find(ApiKey::METADATA).map(|api| api.max_version), Some(4));
    assert_eq!(find(ApiKey::INIT_PRODUCER_ID), None);
    peer.send(&hello(), 3).await;
    let frame = peer.receive_frame().await.expect("an answer");
    assert_eq!(frame[4..6], [0, 35]);
    peer.send(&MetadataRequest::default(), 5).await;
    assert!(peer.is_cut().await);
}

#[tokio::test(start_paused = true)]
async fn nonsense_cuts_the_connection() {
    let cluster = TestCluster::builder().max_request_bytes(1000).build();
    let unknown_api = [0, 0, 0, 10, 0, 99, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let cases: [&[u8]; 4] =
        [&[0xff, 0xff, 0xff, 0xff], &[0, 0, 4, 0], &[0, 0, 0, 1, 7], &unknown_api];
    for nonsense in cases {
        let mut peer = Peer::connect(&cluster, 0);
        peer.write(nonsense).await;
        assert!(peer.is_cut().await, "{nonsense:?}");
    }
    assert_eq!(cluster.counters().connections(), 0);
    assert_eq!(cluster.counters().connections_accepted(), 4);
}

#[tokio::test(start_paused = true)]
async fn bytes_after_a_request_are_ignored_and_counted() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    let mut request = encode_request(&hello(), 4, 1, None).expect("encodes").to_bytes().to_vec();
    request[3] += 2;
    request.extend([0, 0]);
    peer.write(&request).await;
    assert!(peer.receive_frame().await.is_some());
    assert_eq!(cluster.counters().surplus_bytes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_must_name_itself_sensibly() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    let nameless = ApiVersionsRequest { client_software_name: "-".to_owned(), ..hello() };
    assert_eq!(peer.ask(&nameless, 3).await.error_code, ErrorCode::INVALID_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_counted() {
    let cluster = TestCluster::builder().build();
    let mut peer = Peer::connect(&cluster, 0);
    let sent = encode_request(&hello(), 4, 1, Some("test")).expect("encodes").len() as u64;
    peer.ask(&hello(), 4).await;
    peer.ask(&hello(), 4).await;
    let counters = cluster.counters();
    assert_eq!(counters.requests(ApiKey::API_VERSIONS), 2);
    assert_eq!(counters.bytes_in(ApiKey::API_VERSIONS), 2 * sent);
    assert!(counters.bytes_out(ApiKey::API_VERSIONS) > 100);
    assert_eq!(counters.connections(), 1);
}

#[tokio::test]
async fn brokers_listen_on_sockets() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let cluster = TestCluster::builder().brokers(2).build();
    let addresses = cluster.listen().await.expect("ports");
    assert_eq!(addresses, cluster.bootstrap());
    assert_eq!(addresses.len(), 2);
    let mut socket = tokio::net::TcpStream::connect(&addresses[1]).await.expect("it listens");
    let request = encode_request(&hello(), 0, 5, None).expect("encodes");
    socket.write_all(&request.to_bytes()).await.expect("it reads");
    let mut head = [0; 10];
    socket.read_exact(&mut head).await.expect("it answers");
    assert_eq!(head[4..], [0, 0, 0, 5, 0, 0]);
    drop(cluster);
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.expect("it closes when the cluster ends");
}
