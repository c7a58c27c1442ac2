//! What the client knows of its cluster, from brokers that follow a script.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]

mod peer;

use std::io;
use std::time::Duration;

use ottla_client::{
    Broker, BrokerId, CoordinatorError, CoordinatorKind, Lane, LeaderHint, MetadataError,
    RefreshReason, TopicPartition, connector::Address,
};
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest,
};
use peer::{Network, Peer, metadata, names};
use tokio::time::Instant;

/// Answers the next metadata request; the topics it asked for.
async fn tell(peer: &mut Peer, topics: &[(&str, &[(i32, i32)])]) -> Vec<String> {
    let asked = peer.expect::<MetadataRequest>().await;
    peer.answer(&asked, &metadata(&[1, 2], topics)).await;
    names(&asked.request)
}

async fn refuse(peer: &mut Peer, topic: &str, code: ErrorCode) {
    let asked = peer.expect::<MetadataRequest>().await;
    let mut refusal = metadata(&[1], &[(topic, &[])]);
    refusal.topics[0].error_code = code;
    peer.answer(&asked, &refusal).await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_asked_for_at_once_and_only_what_is_followed() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (a, b) = (client.topic("a"), client.topic("b"));
    let _never_asked_for = client.topic("c");
    let began = Instant::now();
    let (known, mut peer) = tokio::join!(client.topic_metadata(&a, client.deadline()), async {
        let mut peer = network.accept_broker().await;
        assert_eq!(tell(&mut peer, &[("a", &[(1, 5), (2, 6)])]).await, ["a"]);
        peer
    });
    let known = known.unwrap();
    assert_eq!(known.partition(1).unwrap().leader, Some(BrokerId(2)));
    assert_eq!(client.cluster().partition(&a, 0).unwrap().leader_epoch, 5);
    peer.expect_close().await;
    // Now a broker of the cluster is asked; the bootstrap connection has been given back.
    let (known, mut peer) = tokio::join!(client.topic_metadata(&b, client.deadline()), async {
        let mut peer = network.accept_broker().await;
        assert!(peer.host.starts_with("broker-"), "{}", peer.host);
        let asked = tell(&mut peer, &[("a", &[(1, 5), (2, 6)]), ("b", &[(1, 0)])]).await;
        assert_eq!(asked, ["a", "b"]);
        peer
    });
    known.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO, "a new topic waits for nothing");
    // Known topics cost nothing.
    client.topic_metadata(&a, client.deadline()).await.unwrap();
    peer.expect_silence(Duration::from_secs(299)).await;
    tell(&mut peer, &[]).await;
    assert_eq!(began.elapsed().as_secs(), 300, "after its highest age");
}

#[tokio::test(start_paused = true)]
async fn requests_for_a_refresh_merge_and_are_spaced() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let topics: Vec<_> = (0..10).map(|number| client.topic(&format!("t{number}"))).collect();
    let waiting: Vec<_> = (0..100)
        .map(|number| {
            let (client, topic) = (client.clone(), topics[number % 10].clone());
            tokio::spawn(async move { client.topic_metadata(&topic, client.deadline()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let answers: Vec<_> = topics.iter().map(|topic| (topic.name(), &[(1, 0)][..])).collect();
    let mut peer = network.accept_broker().await;
    let asked = tell(&mut peer, &answers).await;
    assert_eq!(asked.len(), 10, "one request for all");
    for waiter in waiting {
        waiter.await.unwrap().unwrap();
    }
    // A storm of stale answers makes few requests.
    let storm = tokio::spawn({
        let client = client.clone();
        async move {
            for _ in 0..10_000 {
                client.metadata().request_refresh(RefreshReason::Stale);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let mut refreshes = 0;
    let mut peer = network.accept_broker().await;
    while !storm.is_finished() {
        tokio::select! {
            _ = tell(&mut peer, &answers) => refreshes += 1,
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
    assert!((10..=20).contains(&refreshes), "{refreshes} refreshes in 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_does_not_exist_is_waited_for_until_the_deadline() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let topic = client.topic("later");
    let began = Instant::now();
    let deadline = began + Duration::from_secs(5);
    let broker = tokio::spawn(async move {
        let mut refused = 0;
        let mut peer = network.accept_broker().await;
        refuse(&mut peer, "later", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION).await;
        let mut peer = network.accept_broker().await;
        while began.elapsed() < Duration::from_secs(4) {
            refused += 1;
            refuse(&mut peer, "later", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION).await;
        }
        (refused, peer, network)
    });
    let error = client.topic_metadata(&topic, deadline).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert!(error.is_retriable());
    assert_eq!(
        error.to_string(),
        "topic \"later\" was still not available after 5s: UNKNOWN_TOPIC_OR_PARTITION (3)"
    );
    let (refused, mut peer, _network) = broker.await.unwrap();
    assert!((5..=15).contains(&refused), "{refused}");
    let deadline = Instant::now() + Duration::from_secs(5);
    let (known, ()) = tokio::join!(client.topic_metadata(&topic, deadline), async {
        refuse(&mut peer, "later", ErrorCode::LEADER_NOT_AVAILABLE).await;
        tell(&mut peer, &[("later", &[(1, 0)])]).await;
    });
    assert_eq!(known.unwrap().partitions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_refused_is_an_error_at_once_and_asked_for_again_next_time() {
    for code in [ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::INVALID_TOPIC_EXCEPTION] {
        let (mut network, client) = Network::new(1 << 20, |b| b);
        let topic = client.topic("t");
        let began = Instant::now();
        let (known, ()) = tokio::join!(client.topic_metadata(&topic, client.deadline()), async {
            refuse(&mut network.accept_broker().await, "t", code).await;
        });
        let error = known.unwrap_err();
        assert!(
            matches!(&error, MetadataError::Topic { code: said, .. } if *said == code),
            "{error:?}"
        );
        assert!(!error.is_retriable());
        assert_eq!(began.elapsed(), Duration::ZERO);
        let (known, ()) = tokio::join!(client.topic_metadata(&topic, client.deadline()), async {
            tell(&mut network.accept_broker().await, &[("t", &[(1, 0)])]).await;
        });
        known.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn brokers_that_are_not_there_are_named_with_the_reason() {
    let seeds = ["one:1", "two:2"];
    let (network, client) = Network::new(1 << 20, |b| b.bootstrap(seeds));
    network.refuse("one:1", io::ErrorKind::ConnectionRefused);
    network.refuse("two:2", io::ErrorKind::HostUnreachable);
    let began = Instant::now();
    let deadline = began + Duration::from_secs(10);
    let error = client.topic_metadata(&client.topic("t"), deadline).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    let text = error.to_string();
    for part in
        ["no broker answered within 10s", "one:1: connection refused", "two:2: host unreachable"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let attempts = network.attempts().len();
    assert!((20..=40).contains(&attempts), "{attempts} attempts at two brokers in 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_does_not_hold_the_caller_beyond_its_deadline() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let began = Instant::now();
    let deadline = began + Duration::from_secs(3);
    let topic = client.topic("t");
    let (known, _peer) = tokio::join!(client.topic_metadata(&topic, deadline), network.accept());
    let error = known.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert!(matches!(error, MetadataError::Unreachable { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn when_all_known_brokers_are_gone_the_bootstrap_addresses_are_asked_again() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let topic = client.topic("t");
    let (known, ()) = tokio::join!(client.topic_metadata(&topic, client.deadline()), async {
        tell(&mut network.accept_broker().await, &[("t", &[(1, 1)])]).await;
    });
    known.unwrap();
    for broker in ["broker-1:9092", "broker-2:9092"] {
        network.refuse(broker, io::ErrorKind::ConnectionRefused);
    }
    let (refreshed, ()) = tokio::join!(client.metadata().refresh(client.deadline()), async {
        let mut peer = network.accept_broker().await;
        assert_eq!(peer.host, "seed:9092");
        let asked = peer.expect::<MetadataRequest>().await;
        peer.answer(&asked, &metadata(&[3], &[("t", &[(3, 2)])])).await;
    });
    refreshed.unwrap();
    let cluster = client.cluster();
    assert_eq!(cluster.brokers().map(|broker| broker.id.0).collect::<Vec<_>>(), [3]);
    assert_eq!(cluster.partition(&topic, 0).unwrap().leader, Some(BrokerId(3)));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_disowns_the_client_sends_it_to_another() {
    let (mut network, client) = Network::new(1 << 20, |b| b.bootstrap(["one:1", "two:2"]));
    let (refreshed, ()) = tokio::join!(client.metadata().refresh(client.deadline()), async {
        let mut first = network.accept_broker().await;
        let asked = first.expect::<MetadataRequest>().await;
        assert_eq!(asked.version, 13);
        let mut disowned = metadata(&[1], &[]);
        disowned.error_code = ErrorCode::REBOOTSTRAP_REQUIRED;
        first.answer(&asked, &disowned).await;
        let mut second = network.accept_broker().await;
        assert_ne!(second.host, first.host);
        tell(&mut second, &[]).await;
    });
    refreshed.unwrap();
    assert_eq!(client.cluster().brokers().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn leader_hints_apply_at_once_even_during_a_refresh() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let topic = client.topic("t");
    let (known, ()) = tokio::join!(client.topic_metadata(&topic, client.deadline()), async {
        tell(&mut network.accept_broker().await, &[("t", &[(1, 5)])]).await;
    });
    known.unwrap();
    client.metadata().request_refresh(RefreshReason::Stale);
    let mut hanging = network.accept_broker().await;
    let asked = hanging.expect::<MetadataRequest>().await;
    let mut changed = client.metadata().changed();
    assert!(changed.next().await.is_some());
    let hint = |leader, leader_epoch| LeaderHint {
        at: TopicPartition::new(topic.clone(), 0),
        leader: BrokerId(leader),
        leader_epoch,
    };
    let nine = Broker { id: BrokerId(9), address: Address::new("nine", 9), rack: None };
    client.metadata().apply_leader_hints([hint(9, 7), hint(2, 6)], [nine]);
    tokio::time::timeout(Duration::from_millis(1), changed.next()).await.unwrap().unwrap();
    let leader = |client: &ottla_client::Client| {
        let cluster = client.cluster();
        let partition = cluster.partition(&topic, 0).unwrap();
        (partition.leader.unwrap().0, partition.leader_epoch)
    };
    assert_eq!(leader(&client), (9, 7));
    // The answer that was under way is older than the hint.
    hanging.answer(&asked, &metadata(&[1, 2, 9], &[("t", &[(1, 5)])])).await;
    changed.next().await.unwrap();
    assert_eq!(leader(&client), (9, 7));
    let (opened, peer) =
        tokio::join!(client.connection(BrokerId(9), Lane::GENERAL), network.accept_broker());
    opened.unwrap();
    assert_eq!(peer.host, "broker-9:9092", "the cluster's own word on addresses counts most");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_moved_is_connected_to_where_it_is_now() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (refreshed, ()) = tokio::join!(client.metadata().refresh(client.deadline()), async {
        tell(&mut network.accept_broker().await, &[]).await;
    });
    refreshed.unwrap();
    let (opened, mut old) =
        tokio::join!(client.connection(BrokerId(1), Lane::GENERAL), network.accept_broker());
    opened.unwrap();
    let (refreshed, ()) = tokio::join!(client.metadata().refresh(client.deadline()), async {
        let asked = old.expect::<MetadataRequest>().await;
        let mut moved = metadata(&[1, 2], &[]);
        moved.brokers[0].host = "elsewhere".into();
        old.answer(&asked, &moved).await;
    });
    refreshed.unwrap();
    let (opened, new) =
        tokio::join!(client.connection(BrokerId(1), Lane::GENERAL), network.accept_broker());
    opened.unwrap();
    assert_eq!(new.host, "elsewhere:9092");
    old.expect_close().await;
}

#[tokio::test(start_paused = true)]
async fn topics_are_not_created_by_asking_unless_that_is_wanted() {
    for wanted in [false, true] {
        let (mut network, client) = Network::new(1 << 20, |b| b.allow_auto_create_topics(wanted));
        client.metadata().follow(&client.topic("t"));
        let mut peer = network.accept_broker().await;
        let asked = peer.expect::<MetadataRequest>().await;
        assert_eq!(asked.request.allow_auto_topic_creation, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_tells_those_who_wait() {
    let (network, client) = Network::new(1 << 20, |b| b);
    network.refuse("seed:9092", io::ErrorKind::ConnectionRefused);
    let topic = client.topic("t");
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.topic_metadata(&topic, client.deadline()).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(client.close(Duration::from_secs(1)).await);
    let error = waiting.await.unwrap().unwrap_err();
    assert!(error.is_fatal(), "{error:?}");
    let error = client.metadata().refresh(client.deadline()).await.unwrap_err();
    assert!(error.is_fatal(), "{error:?}");
}

fn coordinator(node_id: i32, error_code: ErrorCode) -> FindCoordinatorResponse {
    let coordinators = vec![Coordinator {
        key: "g".into(),
        node_id,
        host: format!("broker-{node_id}"),
        port: 9092,
        error_code,
        ..Default::default()
    }];
    FindCoordinatorResponse { coordinators, ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_is_looked_up_once_and_again_when_it_is_no_longer() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let (kind, deadline) = (CoordinatorKind::Group, client.deadline());
    let (found, mut peer) = tokio::join!(client.coordinator(kind, "g", deadline), async {
        let mut peer = network.accept_broker().await;
        for (node, code) in [
            (-1, ErrorCode::COORDINATOR_NOT_AVAILABLE),
            (-1, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            (5, ErrorCode::NONE),
        ] {
            let asked = peer.expect::<FindCoordinatorRequest>().await;
            assert_eq!((asked.request.key_type, &*asked.request.coordinator_keys[0]), (0, "g"));
            peer.answer(&asked, &coordinator(node, code)).await;
        }
        peer
    });
    assert_eq!(found.unwrap(), BrokerId(5));
    assert!(client.cluster().broker(BrokerId(5)).is_some(), "its address came along");
    assert_eq!(client.coordinator(kind, "g", deadline).await.unwrap(), BrokerId(5));
    client.invalidate_coordinator(kind, "g");
    let (found, ()) = tokio::join!(client.coordinator(kind, "g", deadline), async {
        let asked = peer.expect::<FindCoordinatorRequest>().await;
        peer.answer(&asked, &coordinator(6, ErrorCode::NONE)).await;
    });
    assert_eq!(found.unwrap(), BrokerId(6));
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_is_refused_or_missing_is_an_error_that_says_so() {
    let (mut network, client) = Network::new(1 << 20, |b| b);
    let began = Instant::now();
    let deadline = began + Duration::from_secs(3);
    let kind = CoordinatorKind::Transaction;
    let mut peer = None;
    let (found, ()) = tokio::join!(client.coordinator(kind, "g", deadline), async {
        let arrived = peer.insert(network.accept_broker().await);
        let asked = arrived.expect::<FindCoordinatorRequest>().await;
        assert_eq!(asked.request.key_type, 1);
        let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
        arrived.answer(&asked, &coordinator(-1, code)).await;
    });
    let error = found.unwrap_err();
    assert!(matches!(error, CoordinatorError::Refused { .. }), "{error:?}");
    assert_eq!(began.elapsed(), Duration::ZERO);
    let mut peer = peer.unwrap();
    let broker = tokio::spawn(async move {
        loop {
            let asked = peer.expect::<FindCoordinatorRequest>().await;
            peer.answer(&asked, &coordinator(-1, ErrorCode::COORDINATOR_NOT_AVAILABLE)).await;
        }
    });
    let error = client.coordinator(kind, "g", deadline).await.unwrap_err();
    assert!(matches!(error, CoordinatorError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("COORDINATOR_NOT_AVAILABLE"), "{error}");
    broker.abort();
}

#[test]
fn a_client_is_built_and_used_for_names_without_a_runtime() {
    let (_network, client) = Network::new(1024, |b| b);
    let topic = client.topic("t");
    client.metadata().follow(&topic);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (mut network, client) = (_network, client);
        let (refreshed, ()) = tokio::join!(client.metadata().refresh(client.deadline()), async {
            let asked = tell(&mut network.accept_broker().await, &[("t", &[(1, 0)])]).await;
            assert_eq!(asked, ["t"], "what was wanted before is not forgotten");
        });
        refreshed.unwrap();
    });
}
