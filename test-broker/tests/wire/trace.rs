use bytes::Bytes;
use ottla_protocol::api::MetadataRequest;
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::TestCluster;

use crate::groups::join;
use crate::support::{Peer, batch, fetch, produce};

/// Everything a client hears from a cluster of this seed.
async fn trace(seed: u64) -> Vec<Option<Bytes>> {
    let cluster = TestCluster::builder().brokers(3).seed(seed).topic("t", 3).build();
    cluster.faults().fail(ApiKey::PRODUCE, ErrorCode::REQUEST_TIMED_OUT).probability(0.5).arm();
    cluster.faults().garbage(ApiKey::FETCH).probability(0.3).arm();
    let mut heard = Vec::new();
    for broker in 0..3 {
        let mut peer = Peer::connect(&cluster, broker);
        peer.send(&MetadataRequest { topics: None, ..Default::default() }, 12).await;
        heard.push(peer.receive_frame().await);
        for partition in 0..3 {
            for _ in 0..4 {
                peer.send(&produce("t", partition, batch(&["a"]), -1), 9).await;
                heard.push(peer.receive_frame().await);
                let mut request = fetch("t", &[(partition, 0)]);
                request.session_epoch = 0;
                peer.send(&request, 11).await;
                heard.push(peer.receive_frame().await);
            }
        }
        peer.send(&join(""), 4).await;
        heard.push(peer.receive_frame().await);
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_bytes() {
    let first = trace(1).await;
    assert_eq!(first, trace(1).await);
    assert_ne!(first, trace(2).await);
}
