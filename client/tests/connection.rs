//! One connection against a broker that follows a script.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]

mod peer;

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use ottla_client::{
    Disconnect, Lane, LaneKind, MalformedResponse, Outcome, Pending, RequestError, RequestOptions,
};
use ottla_protocol::ApiKey;
use ottla_protocol::api::{
    HeartbeatRequest, HeartbeatResponse, ListOffsetsRequest, MetadataRequest, ProduceRequest,
};
use peer::{LONG, Network, SEED, metadata};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

fn heartbeat(generation_id: i32) -> HeartbeatRequest {
    HeartbeatRequest { group_id: "g".into(), generation_id, ..Default::default() }
}

fn beat(throttle_time_ms: i32) -> HeartbeatResponse {
    HeartbeatResponse { throttle_time_ms, ..Default::default() }
}

const OPTIONS: fn() -> RequestOptions = RequestOptions::default;

async fn pipeline(
    connection: &ottla_client::Connection,
    count: i32,
) -> Vec<Pending<HeartbeatResponse>> {
    let mut pending = Vec::new();
    for number in 0..count {
        pending.push(connection.enqueue(&heartbeat(number), OPTIONS()).await.unwrap());
    }
    pending
}

#[tokio::test(start_paused = true)]
async fn requests_pipeline_and_responses_come_back_in_order() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b.client_id("me")).await;
    let pending = pipeline(&connection, 20).await;
    let mut asked = Vec::new();
    for number in 0..20 {
        let next = peer.expect::<HeartbeatRequest>().await;
        assert_eq!(next.request.generation_id, number);
        assert_eq!(next.client_id.as_deref(), Some("me"));
        asked.push(next);
    }
    for (number, asked) in (0..).zip(&asked) {
        peer.answer(asked, &beat(number)).await;
    }
    for (number, pending) in (0..).zip(pending) {
        assert_eq!(pending.await.unwrap().throttle_time_ms, number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_leaves_its_place_and_closes_nothing() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let mut pending = pipeline(&connection, 3).await;
    let first = peer.expect::<HeartbeatRequest>().await;
    let second = peer.expect::<HeartbeatRequest>().await;
    let third = peer.expect::<HeartbeatRequest>().await;
    drop(pending.remove(1));
    peer.answer(&first, &beat(1)).await;
    peer.answer(&second, &beat(2)).await;
    peer.answer(&third, &beat(3)).await;
    assert_eq!(pending.remove(0).await.unwrap().throttle_time_ms, 1);
    assert_eq!(pending.remove(0).await.unwrap().throttle_time_ms, 3);
    assert!(!connection.is_closed());
}

/// Everybody who waited was told once, the front that the response is garbage.
async fn expect_garbage(pending: Vec<Pending<HeartbeatResponse>>, why: &MalformedResponse) {
    for (index, pending) in pending.into_iter().enumerate() {
        let error = pending.await.unwrap_err();
        match (index, &error) {
            (0, RequestError::Malformed { api: ApiKey::HEARTBEAT, broker: SEED, source }) => {
                assert_eq!(source, why);
                assert!(!error.is_retriable());
            }
            (
                1..,
                RequestError::Disconnected {
                    api: ApiKey::HEARTBEAT,
                    sent: true,
                    cause: Disconnect::Garbage(source),
                    ..
                },
            ) => assert_eq!(source, why),
            _ => panic!("{index}: {error:?}"),
        }
        assert_eq!(error.outcome(), Outcome::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_correlation_id_ends_the_connection() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let pending = pipeline(&connection, 3).await;
    let _first = peer.expect::<HeartbeatRequest>().await;
    let second = peer.expect::<HeartbeatRequest>().await;
    let _third = peer.expect::<HeartbeatRequest>().await;
    peer.answer(&second, &beat(0)).await;
    expect_garbage(pending, &MalformedResponse::Correlation { expected: 0, actual: 1 }).await;
    peer.expect_close().await;
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn impossible_lengths_end_the_connection() {
    for length in [-1, i32::MIN, 0, 3, 5000, i32::MAX] {
        let (_network, _client, connection, mut peer) =
            Network::connected(|b| b.max_response_size(4096)).await;
        let pending = pipeline(&connection, 2).await;
        for _ in 0..2 {
            peer.expect::<HeartbeatRequest>().await;
        }
        peer.send(&length.to_be_bytes()).await;
        expect_garbage(pending, &MalformedResponse::FrameLength { length, max: 4096 }).await;
        peer.expect_close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_does_not_decode_ends_the_connection() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let pending = pipeline(&connection, 2).await;
    let first = peer.expect::<HeartbeatRequest>().await;
    peer.expect::<HeartbeatRequest>().await;
    let garbage = [&first.correlation.to_be_bytes()[..], &[0xff; 40]].concat();
    peer.send(&u32::try_from(garbage.len()).unwrap().to_be_bytes()).await;
    peer.send(&garbage).await;
    let [first, second] = <[_; 2]>::try_from(pending).unwrap();
    let error = first.await.unwrap_err();
    assert!(
        matches!(&error, RequestError::Malformed { source: MalformedResponse::Decode(_), .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("Heartbeat was answered with garbage"), "{error}");
    let error = second.await.unwrap_err();
    assert!(
        matches!(&error, RequestError::Disconnected { cause: Disconnect::Garbage(_), .. }),
        "{error:?}"
    );
    peer.expect_close().await;
}

#[tokio::test(start_paused = true)]
async fn a_response_nobody_asked_for_ends_the_connection() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    peer.send(&[0, 0, 0, 4, 0, 0, 0, 0]).await;
    peer.expect_close().await;
    let error = connection.request(&heartbeat(0)).await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::Disconnected {
                sent: false,
                cause: Disconnect::Garbage(MalformedResponse::Unasked { actual: 0 }),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.outcome(), Outcome::NotWritten);
}

#[tokio::test(start_paused = true)]
async fn a_response_before_its_request_ends_the_connection() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    // Nothing goes out for a while, but the place in the order is taken.
    connection.throttle(Duration::from_secs(5));
    let pending = pipeline(&connection, 1).await;
    tokio::task::yield_now().await;
    peer.send(&[0, 0, 0, 4, 0, 0, 0, 0]).await;
    for pending in pending {
        let error = pending.await.unwrap_err();
        assert!(
            matches!(
                error,
                RequestError::Disconnected {
                    sent: false,
                    cause: Disconnect::Garbage(MalformedResponse::Unasked { actual: 0 }),
                    ..
                }
            ),
            "{error:?}"
        );
    }
    peer.expect_close().await;
}

#[tokio::test(start_paused = true)]
async fn a_response_cut_short_ends_the_connection() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let pending = pipeline(&connection, 2).await;
    peer.expect::<HeartbeatRequest>().await;
    peer.expect::<HeartbeatRequest>().await;
    peer.send(&[0, 0, 0, 100, 0, 0]).await;
    drop(peer);
    for pending in pending {
        let error = pending.await.unwrap_err();
        assert!(
            matches!(
                error,
                RequestError::Disconnected { sent: true, cause: Disconnect::MidFrame, .. }
            ),
            "{error:?}"
        );
        assert!(error.is_retriable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_trickles_in_ends_the_connection() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let began = Instant::now();
    // The request itself would have waited for five minutes.
    let patient = RequestOptions::timeout(Duration::from_secs(300));
    let pending = connection.enqueue(&heartbeat(0), patient).await.unwrap();
    let asked = peer.expect::<HeartbeatRequest>().await;
    let trickle = tokio::spawn(async move {
        peer.send(&1000u32.to_be_bytes()).await;
        peer.send(&asked.correlation.to_be_bytes()).await;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &[0]).await.is_err() {
                return;
            }
        }
    });
    let error = timeout(LONG, pending).await.unwrap().unwrap_err();
    assert!(
        matches!(error, RequestError::Disconnected { cause: Disconnect::Stalled { .. }, .. }),
        "{error:?}"
    );
    assert_eq!(began.elapsed().as_secs(), 30);
    trickle.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn when_the_front_is_late_everybody_is_told_and_the_connection_ends() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let began = Instant::now();
    let mut pending = pipeline(&connection, 1).await;
    let later = RequestOptions::timeout(Duration::from_secs(60));
    pending.push(connection.enqueue(&heartbeat(1), later).await.unwrap());
    peer.expect::<HeartbeatRequest>().await;
    peer.expect::<HeartbeatRequest>().await;
    let [first, second] = <[_; 2]>::try_from(pending).unwrap();
    let error = first.await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::TimedOut { api: ApiKey::HEARTBEAT, broker: SEED, after, sent: true }
                if after == Duration::from_secs(30)
        ),
        "{error:?}"
    );
    let error = second.await.unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::Disconnected {
                cause: Disconnect::TimedOut { api: ApiKey::HEARTBEAT },
                sent: true,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    peer.expect_close().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_request_behind_a_patient_one_is_told_alone() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let began = Instant::now();
    let patient = RequestOptions::timeout(Duration::from_secs(300));
    let first = connection.enqueue(&heartbeat(0), patient).await.unwrap();
    let hasty = RequestOptions::timeout(Duration::from_secs(2));
    let second = connection.enqueue(&heartbeat(1), hasty).await.unwrap();
    let third = connection.enqueue(&heartbeat(2), patient).await.unwrap();
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(peer.expect::<HeartbeatRequest>().await);
    }
    let error = second.await.unwrap_err();
    assert!(matches!(error, RequestError::TimedOut { sent: true, .. }), "{error:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    for asked in &asked {
        peer.answer(asked, &beat(asked.correlation)).await;
    }
    assert_eq!(first.await.unwrap().throttle_time_ms, 0);
    assert_eq!(third.await.unwrap().throttle_time_ms, 2, "its place stayed taken");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_written_says_so() {
    let (mut network, client) = Network::new(256, |b| b);
    let (connection, mut peer) = tokio::join!(client.connection(SEED, Lane::GENERAL), async {
        let mut peer = network.accept().await;
        let asked = peer.expect::<ottla_protocol::api::ApiVersionsRequest>().await;
        peer.answer(&asked, &peer::all_versions()).await;
        peer
    });
    let connection = connection.unwrap();
    // The first request does not fit into the pipe; the others wait behind it.
    let large = HeartbeatRequest { member_id: "m".repeat(1000), ..heartbeat(0) };
    let first = connection.enqueue(&large, OPTIONS()).await.unwrap();
    let rest = pipeline(&connection, 2).await;
    tokio::task::yield_now().await;
    let mut some = [0; 100];
    peer.stream.read_exact(&mut some).await.unwrap();
    drop(peer);
    assert_eq!(first.await.unwrap_err().outcome(), Outcome::Unknown);
    for pending in rest {
        let error = pending.await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotWritten, "{error:?}");
        assert!(matches!(error, RequestError::Disconnected { sent: false, .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_takes_nothing_is_given_up() {
    let (mut network, client) = Network::new(128, |b| b);
    let (connection, mut peer) =
        tokio::join!(client.connection(SEED, Lane::GENERAL), network.accept_broker());
    let connection = connection.unwrap();
    let began = Instant::now();
    let large = ProduceRequest { transactional_id: Some("t".repeat(5000)), ..Default::default() };
    let error = timeout(LONG, connection.send_no_reply(&large)).await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            RequestError::Disconnected { sent: true, cause: Disconnect::Blocked { .. }, .. }
        ),
        "{error:?}"
    );
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    let mut rest = Vec::new();
    peer.stream.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_response_takes_no_place() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let silent = ProduceRequest { acks: 0, timeout_ms: 1, ..Default::default() };
    connection.send_no_reply(&silent).await.unwrap();
    let pending = pipeline(&connection, 1).await;
    assert_eq!(peer.expect::<ProduceRequest>().await.request, silent);
    let asked = peer.expect::<HeartbeatRequest>().await;
    peer.answer(&asked, &beat(1)).await;
    for pending in pending {
        assert_eq!(pending.await.unwrap().throttle_time_ms, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_the_broker_lacks_disturbs_nobody() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (connection, mut peer) = tokio::join!(client.connection(SEED, Lane::GENERAL), async {
        let mut peer = network.accept().await;
        let asked = peer.expect::<ottla_protocol::api::ApiVersionsRequest>().await;
        let mut versions = peer::all_versions();
        versions.api_keys.retain(|api| api.api_key != ApiKey::LIST_OFFSETS.0);
        peer.answer(&asked, &versions).await;
        peer
    });
    let connection = connection.unwrap();
    let pending = pipeline(&connection, 1).await;
    let error = connection.request(&ListOffsetsRequest::default()).await.unwrap_err();
    assert!(matches!(error, RequestError::Unsupported(lacking) if lacking.theirs.is_none()));
    assert_eq!(error.outcome(), Outcome::NotWritten);
    let asked = peer.expect::<HeartbeatRequest>().await;
    peer.answer(&asked, &beat(1)).await;
    for pending in pending {
        pending.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_closes_quietly_and_the_next_request_opens_another() {
    let (mut network, client, connection, mut peer) = Network::connected(|b| b).await;
    let began = Instant::now();
    peer.expect_close().await;
    assert_eq!(began.elapsed(), Duration::from_secs(540));
    assert!(connection.is_closed());
    let error = connection.request(&heartbeat(0)).await.unwrap_err();
    assert!(
        matches!(error, RequestError::Disconnected { sent: false, cause: Disconnect::Idle, .. }),
        "{error:?}"
    );
    let request = heartbeat(0);
    let (answered, ()) = tokio::join!(client.request(SEED, Lane::GENERAL, &request), async {
        let mut peer = network.accept_broker().await;
        let asked = peer.expect::<HeartbeatRequest>().await;
        peer.answer(&asked, &beat(0)).await;
    });
    answered.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_use_is_not_idle() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(500)).await;
        let request = heartbeat(0);
        let (answered, ()) = tokio::join!(connection.request(&request), async {
            let asked = peer.expect::<HeartbeatRequest>().await;
            peer.answer(&asked, &beat(0)).await;
        });
        answered.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_connection_is_silent() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    connection.throttle(Duration::from_secs(5));
    let pending = pipeline(&connection, 1).await;
    peer.expect_silence(Duration::from_millis(4990)).await;
    let asked = timeout(Duration::from_millis(20), peer.expect::<HeartbeatRequest>()).await;
    peer.answer(&asked.unwrap(), &beat(0)).await;
    for pending in pending {
        pending.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_throttle_is_not_taken_for_a_broker_that_takes_nothing() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    connection.throttle(Duration::from_secs(100));
    let patient = RequestOptions::timeout(Duration::from_secs(200));
    let pending = connection.enqueue(&heartbeat(0), patient).await.unwrap();
    peer.expect_silence(Duration::from_secs(99)).await;
    let asked = peer.expect::<HeartbeatRequest>().await;
    peer.answer(&asked, &beat(0)).await;
    pending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn large_and_small_responses_mix() {
    let (_network, _client, connection, mut peer) = Network::connected(|b| b).await;
    let request = MetadataRequest::default();
    for size in [10, 2000, 20_000, 50] {
        let names: Vec<String> = (0..size).map(|number| format!("topic-{number}")).collect();
        let topics: Vec<_> = names.iter().map(|name| (name.as_str(), &[(1, 1)][..])).collect();
        let expected = metadata(&[1], &topics);
        let (answered, ()) = tokio::join!(connection.request(&request), async {
            let asked = peer.expect::<MetadataRequest>().await;
            peer.answer(&asked, &expected).await;
        });
        assert_eq!(answered.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_cancelled_while_the_queue_is_full_has_asked_nothing() {
    let (mut network, client) = Network::new(128, |b| b);
    let (connection, mut peer) =
        tokio::join!(client.connection(SEED, Lane::GENERAL), network.accept_broker());
    let connection = connection.unwrap();
    let mut pending = Vec::new();
    let mut number = 0;
    // Until the pipe, the task and the queue are full.
    loop {
        let request = heartbeat(number);
        let mut asking = Box::pin(connection.enqueue(&request, OPTIONS()));
        let mut tries = 0;
        let asked = std::future::poll_fn(|cx| match asking.as_mut().poll(cx) {
            Poll::Ready(asked) => Poll::Ready(Some(asked)),
            Poll::Pending if tries > 100 => Poll::Ready(None),
            Poll::Pending => {
                tries += 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        match asked {
            Some(asked) => pending.push(asked.unwrap()),
            None => break,
        }
        number += 1;
    }
    assert!(number >= 64, "{number}");
    for expected in 0..number {
        let asked = peer.expect::<HeartbeatRequest>().await;
        assert_eq!(asked.request.generation_id, expected);
        peer.answer(&asked, &beat(expected)).await;
    }
    peer.expect_silence(Duration::from_secs(1)).await;
    for (number, pending) in (0..).zip(pending) {
        assert_eq!(pending.await.unwrap().throttle_time_ms, number);
    }
}

#[tokio::test(start_paused = true)]
async fn lanes_and_owners_have_connections_of_their_own() {
    let (mut network, client, connection, _peer) = Network::connected(|b| b).await;
    let again = client.connection(SEED, Lane::GENERAL).await.unwrap();
    assert_eq!(network.attempts().len(), 1);
    let (mine, yours) = (client.owner(), client.owner());
    let mut peers = Vec::new();
    for lane in [
        Lane::new(LaneKind::Fetch, mine),
        Lane::new(LaneKind::SpareFetch, mine),
        Lane::new(LaneKind::Fetch, yours),
    ] {
        let (opened, peer) = tokio::join!(client.connection(SEED, lane), network.accept_broker());
        peers.push(peer);
        opened.unwrap();
        client.connection(SEED, lane).await.unwrap();
    }
    assert_eq!(network.attempts().len(), 4);
    client.release(mine);
    for mut peer in peers.drain(..2) {
        peer.expect_close().await;
    }
    peers[0].expect_silence(Duration::from_secs(1)).await;
    assert!(!connection.is_closed() && !again.is_closed());
}

#[tokio::test(start_paused = true)]
async fn closing_finishes_what_was_asked() {
    let (_network, client, connection, mut peer) = Network::connected(|b| b).await;
    let pending = pipeline(&connection, 1).await;
    let asked = peer.expect::<HeartbeatRequest>().await;
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close(Duration::from_secs(10)).await }
    });
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    peer.answer(&asked, &beat(3)).await;
    for pending in pending {
        assert_eq!(pending.await.unwrap().throttle_time_ms, 3);
    }
    assert!(closing.await.unwrap(), "it ended in time");
    peer.expect_close().await;
    let error = client.request(SEED, Lane::GENERAL, &heartbeat(0)).await.unwrap_err();
    assert!(error.is_fatal(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let (_network, client, connection, mut peer) = Network::connected(|b| b).await;
    let began = Instant::now();
    let pending = pipeline(&connection, 1).await;
    assert!(!client.close(Duration::from_secs(10)).await);
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    for pending in pending {
        let error = pending.await.unwrap_err();
        assert!(
            matches!(error, RequestError::Disconnected { cause: Disconnect::ClientClosed, .. }),
            "{error:?}"
        );
    }
    peer.expect::<HeartbeatRequest>().await;
    peer.expect_close().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_client_ends_its_connections() {
    let (_network, client, connection, mut peer) = Network::connected(|b| b).await;
    let another = client.clone();
    drop(client);
    peer.expect_silence(Duration::from_secs(1)).await;
    drop(another);
    peer.expect_close().await;
    assert!(connection.is_closed());
    assert!(matches!(connection.request(&heartbeat(0)).await, Err(RequestError::Closed)));
}
