//! Getting to know brokers of all kinds, and those that are none.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]

mod peer;

use std::io;
use std::time::Duration;

use ottla_client::{BrokerId, ConnectError, ConnectFailure, HandshakeError, Lane};
use ottla_protocol::ApiKey;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, ProduceRequest,
};
use peer::{Network, Peer, SEED, all_versions};
use tokio::time::Instant;

async fn failure(script: impl AsyncFnOnce(&mut Network)) -> ConnectFailure {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (opened, ()) = tokio::join!(client.connection(SEED, Lane::GENERAL), script(&mut network));
    match opened.unwrap_err() {
        ConnectError::Unreachable { broker: SEED, failures, .. } => {
            assert_eq!(failures.len(), 1);
            failures[0].failure.clone()
        }
        error => panic!("{error:?}"),
    }
}

fn handshake_error(failure: ConnectFailure) -> HandshakeError {
    match failure {
        ConnectFailure::Handshake(error) => error,
        failure => panic!("{failure:?}"),
    }
}

/// An answer to ApiVersions in the form of version 0, whatever was asked.
fn version_zero(correlation: i32, code: ErrorCode, apis: &[(ApiKey, i16, i16)]) -> Vec<u8> {
    let mut body = correlation.to_be_bytes().to_vec();
    body.extend(code.0.to_be_bytes());
    body.extend(u32::try_from(apis.len()).unwrap().to_be_bytes());
    for (key, min, max) in apis {
        body.extend([key.0, *min, *max].iter().flat_map(|number| number.to_be_bytes()));
    }
    framed(&body)
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

#[tokio::test(start_paused = true)]
async fn the_client_introduces_itself_with_the_newest_version() {
    let (mut network, client) = Network::new(1 << 20, |b| b.client_id("me"));
    let (opened, asked) = tokio::join!(client.connection(SEED, Lane::GENERAL), async {
        network.accept().await.handshake().await
    });
    assert_eq!((asked.version, asked.client_id.as_deref()), (4, Some("me")));
    assert_eq!(asked.request.client_software_name, "ottla");
    assert_eq!(asked.request.client_software_version, env!("CARGO_PKG_VERSION"));
    assert!(opened.unwrap().versions().negotiate::<MetadataRequest>().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_names_an_older_version_is_asked_for_that() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (opened, ()) = tokio::join!(client.connection(SEED, Lane::GENERAL), async {
        let mut peer = network.accept().await;
        let asked = peer.expect::<ApiVersionsRequest>().await;
        let apis = [(ApiKey::API_VERSIONS, 0, 3)];
        let refusal = version_zero(asked.correlation, ErrorCode::UNSUPPORTED_VERSION, &apis);
        peer.send(&refusal).await;
        assert_eq!(peer.handshake().await.version, 3);
    });
    opened.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_no_known_form_falls_back_to_version_zero() {
    // As librdkafka's mock broker does it; and one byte short of everything.
    for rest in [&[0, 0, 0, 0, 0][..], &[1, 0, 18], &[], &[0xff; 30]] {
        let (mut network, client) = Network::new(1 << 20, |b| b);
        let (opened, ()) = tokio::join!(client.connection(SEED, Lane::GENERAL), async {
            let mut peer = network.accept().await;
            let asked = peer.expect::<ApiVersionsRequest>().await;
            let code = ErrorCode::UNSUPPORTED_VERSION.0.to_be_bytes();
            let body = [&asked.correlation.to_be_bytes()[..], &code, rest].concat();
            peer.send(&framed(&body)).await;
            let again = peer.expect::<ApiVersionsRequest>().await;
            assert_eq!(again.version, 0);
            let apis = [(ApiKey::PRODUCE, 0, 7), (ApiKey::METADATA, 0, 4)];
            peer.send(&version_zero(again.correlation, ErrorCode::NONE, &apis)).await;
        });
        let versions = opened.unwrap().versions().clone();
        assert_eq!(versions.negotiate::<ProduceRequest>().unwrap(), 7);
        assert_eq!(versions.negotiate::<MetadataRequest>().unwrap(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_up_is_asked_once_more_with_version_zero() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (opened, ()) = tokio::join!(client.connection(SEED, Lane::GENERAL), async {
        let mut peer = network.accept().await;
        peer.expect::<ApiVersionsRequest>().await;
        drop(peer);
        let mut peer = network.accept().await;
        assert_eq!(peer.handshake().await.version, 0);
    });
    opened.unwrap();
    let error = handshake_error(
        failure(async |network| {
            for version in [4, 0] {
                let mut peer = network.accept().await;
                assert_eq!(peer.expect::<ApiVersionsRequest>().await.version, version);
            }
        })
        .await,
    );
    assert!(matches!(error, HandshakeError::Closed), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_refuses_every_version_is_not_asked_for_ever() {
    let error = handshake_error(
        failure(async |network| {
            let mut peer = network.accept().await;
            for expected in [4, 3, 2, 1, 0] {
                let asked = peer.expect::<ApiVersionsRequest>().await;
                assert_eq!(asked.version, expected);
                let apis = [(ApiKey::API_VERSIONS, 0, i16::MAX)];
                let refusal =
                    version_zero(asked.correlation, ErrorCode::UNSUPPORTED_VERSION, &apis);
                peer.send(&refusal).await;
            }
            peer.expect_close().await;
        })
        .await,
    );
    assert!(matches!(error, HandshakeError::Refused(ErrorCode::UNSUPPORTED_VERSION)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn peers_that_are_no_brokers_are_told_apart() {
    type Script = fn(i32) -> Vec<u8>;
    let cases: [(&str, Script); 6] = [
        ("HTTP", |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("TLS alert", |_| vec![0x15, 3, 3, 0, 2, 2, 70]),
        ("negative", |_| (-1i32).to_be_bytes().to_vec()),
        ("another request", |id| framed(&[&(id + 1).to_be_bytes()[..], &[0; 6]].concat())),
        ("garbage", |id| framed(&[&id.to_be_bytes()[..], &[0, 0, 0xff, 0xff, 0xff]].concat())),
        ("too much", |id| [version_zero(id, ErrorCode::NONE, &[]), vec![0; 3]].concat()),
    ];
    for (name, script) in cases {
        let error = handshake_error(
            failure(async |network| {
                let mut peer = network.accept().await;
                let asked = peer.expect::<ApiVersionsRequest>().await;
                peer.send(&script(asked.correlation)).await;
                peer.expect_close().await;
            })
            .await,
        );
        let as_expected = match name {
            "HTTP" | "TLS alert" | "negative" => {
                matches!(error, HandshakeError::FrameLength { .. })
            }
            "another request" => matches!(error, HandshakeError::Correlation { .. }),
            "garbage" => matches!(error, HandshakeError::Malformed(_)),
            _ => matches!(error, HandshakeError::Surplus),
        };
        assert!(as_expected, "{name}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_given_up_in_time() {
    let began = Instant::now();
    let failed = failure(async |network| {
        let mut peer = network.accept().await;
        peer.expect::<ApiVersionsRequest>().await;
        peer.expect_close().await;
    })
    .await;
    assert!(
        matches!(failed, ConnectFailure::TimedOut(after) if after == Duration::from_secs(10)),
        "{failed:?}"
    );
    assert_eq!(began.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn many_callers_make_one_attempt() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.connection(SEED, Lane::GENERAL).await })
        })
        .collect();
    tokio::task::yield_now().await;
    // Callers that go away do not take the attempt with them.
    callers[0].abort();
    let _peer: Peer = network.accept_broker().await;
    for caller in callers.into_iter().skip(1) {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(network.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_spaced_more_and_more() {
    let (network, client) = Network::new(1 << 20, |b| b);
    network.refuse("seed:9092", io::ErrorKind::ConnectionRefused);
    let owner = client.owner();
    for _ in 0..12 {
        // Two lanes at once: what fails together counts once.
        let fetch = Lane::new(ottla_client::LaneKind::Fetch, owner);
        let (general, fetch) =
            tokio::join!(client.connection(SEED, Lane::GENERAL), client.connection(SEED, fetch));
        let error = general.unwrap_err().to_string();
        assert!(error.contains("seed:9092: connection refused"), "{error}");
        fetch.unwrap_err();
    }
    // The metadata's own attempts join those of the callers.
    let mut moments: Vec<_> = network.attempts().into_iter().map(|(_, at)| at).collect();
    assert!(moments.len() >= 24, "{}", moments.len());
    moments.dedup();
    assert!(moments.len() >= 12, "as many different moments as rounds: {}", moments.len());
    let pairs = moments.iter().zip(moments.iter().skip(1));
    let waits: Vec<f64> = pairs.map(|(earlier, later)| (*later - *earlier).as_secs_f64()).collect();
    for (wait, middle) in waits.iter().zip([0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]) {
        assert!((middle * 0.79..=middle * 1.21).contains(wait), "{waits:?}");
    }
    assert!(waits.iter().all(|wait| *wait <= 1.002), "{waits:?}");
    // Once it works, the next failure begins small again.
    network.admit("seed:9092");
    let mut network = network;
    let (opened, peer) =
        tokio::join!(client.connection(SEED, Lane::GENERAL), network.accept_broker());
    opened.unwrap();
    drop(peer);
    network.refuse("seed:9092", io::ErrorKind::ConnectionRefused);
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.connection(SEED, Lane::GENERAL).await.unwrap_err();
    let began = Instant::now();
    client.connection(SEED, Lane::GENERAL).await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_millis(61), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_broker_nobody_named_is_an_error_of_its_own() {
    let (_network, client) = Network::new(1 << 20, |b| b);
    let error = client.connection(BrokerId(42), Lane::GENERAL).await.unwrap_err();
    assert!(matches!(error, ConnectError::UnknownBroker { broker: BrokerId(42) }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_lists_is_taken_with_care() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (opened, ()) = tokio::join!(client.connection(SEED, Lane::GENERAL), async {
        let mut peer = network.accept().await;
        let asked = peer.expect::<ApiVersionsRequest>().await;
        let odd =
            |api_key, min_version, max_version| ApiVersion { api_key, min_version, max_version };
        let api_keys = vec![odd(0, 0, 2), odd(3, 5, 1), odd(-9, 0, 1), odd(i16::MAX, 0, 1)];
        let listed = ApiVersionsResponse { api_keys, ..all_versions() };
        peer.answer(&asked, &listed).await;
    });
    let versions = opened.unwrap().versions().clone();
    assert!(versions.negotiate::<ProduceRequest>().is_err(), "never below 3");
    assert!(versions.negotiate::<MetadataRequest>().is_err());
}
