//! The client as a whole against the test broker: in-memory pipes under paused time, and TCP.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]

use std::time::Duration;

use ottla_client::{
    BrokerId, Client, ClientBuilder, CoordinatorKind, Lane, MalformedResponse, Outcome,
    RequestError, connector,
};
use ottla_protocol::api::{
    CreatableTopic, CreateTopicsRequest, FindCoordinatorRequest, HeartbeatRequest, MetadataRequest,
};
use ottla_protocol::{ApiKey, ErrorCode};
use ottla_test_broker::TestCluster;
use tokio::time::Instant;

fn on(cluster: &TestCluster) -> ClientBuilder {
    let pipes = cluster.clone();
    let connector = connector::from_fn(move |host: String, port| {
        let connected = pipes.connect(&host, port);
        async move { connected }
    });
    Client::builder().bootstrap(cluster.bootstrap()).seed(1).connector(connector)
}

fn leader(client: &Client, topic: &str, partition: i32) -> (Option<i32>, i32) {
    let cluster = client.cluster();
    let partition = cluster.partition(&client.topic(topic), partition).unwrap();
    (partition.leader.map(|leader| leader.0), partition.leader_epoch)
}

#[tokio::test(start_paused = true)]
async fn topics_are_created_found_and_made_anew() {
    let cluster = TestCluster::builder().brokers(3).build();
    let client = on(&cluster).build().unwrap();
    let topics = vec![CreatableTopic {
        name: "made".into(),
        num_partitions: 5,
        replication_factor: 3,
        ..Default::default()
    }];
    let request = CreateTopicsRequest { topics, ..Default::default() };
    let created = client.controller(&request).await.unwrap();
    assert_eq!(created.topics[0].error_code, ErrorCode::NONE);
    let topic = client.topic("made");
    let known = client.topic_metadata(&topic, client.deadline()).await.unwrap();
    assert_eq!(known.partitions.len(), 5);
    assert_eq!(Some(known.id), cluster.topic_id("made"));

    cluster.move_leader("made", 0, 2);
    cluster.delete_topic("made");
    cluster.create_topic("made", 2).unwrap();
    client.metadata().refresh(client.deadline()).await.unwrap();
    let anew = client.topic_metadata(&topic, client.deadline()).await.unwrap();
    assert_ne!(anew.id, known.id);
    assert_eq!(anew.partitions.len(), 2);
    assert_eq!(anew.partitions[0].leader_epoch, 0, "epochs start over with the topic");
}

#[tokio::test(start_paused = true)]
async fn leaders_that_move_are_found_again() {
    let cluster = TestCluster::builder().brokers(3).topic("t", 1).build();
    let client = on(&cluster).build().unwrap();
    client.topic_metadata(&client.topic("t"), client.deadline()).await.unwrap();
    for _ in 0..6 {
        let (old, epoch) = leader(&client, "t", 0);
        cluster.move_leader("t", 0, (old.unwrap() + 1) % 3);
        client.metadata().refresh(client.deadline()).await.unwrap();
        assert_eq!(leader(&client, "t", 0), (Some((old.unwrap() + 1) % 3), epoch + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_goes_away_and_comes_back_is_found_again() {
    let cluster = TestCluster::builder().brokers(3).topic("t", 3).build();
    let client = on(&cluster).build().unwrap();
    client.topic_metadata(&client.topic("t"), client.deadline()).await.unwrap();
    let connection = client.connection(BrokerId(1), Lane::GENERAL).await.unwrap();
    for id in 0..3 {
        cluster.stop_broker(id);
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = client.metadata().refresh(deadline).await.unwrap_err().to_string();
    for broker in ["broker-0", "broker-1", "broker-2"] {
        assert!(error.contains(broker), "{broker} in {error}");
    }
    assert!(connection.is_closed());
    for id in 0..3 {
        cluster.start_broker(id);
    }
    let began = Instant::now();
    client.metadata().refresh(began + Duration::from_secs(30)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    client.request(BrokerId(1), Lane::GENERAL, &MetadataRequest::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn brokers_of_every_age_are_understood() {
    for api_versions in 0..=4 {
        for (metadata, find) in [(1, 0), (4, 1), (8, 2), (9, 3), (12, 4), (13, 6)] {
            let cluster = TestCluster::builder()
                .brokers(2)
                .topic("t", 2)
                .max_version(ApiKey::API_VERSIONS, api_versions)
                .max_version(ApiKey::METADATA, metadata)
                .max_version(ApiKey::FIND_COORDINATOR, find)
                .build();
            let client = on(&cluster).build().unwrap();
            let topic = client.topic("t");
            let known = client.topic_metadata(&topic, client.deadline()).await.unwrap();
            assert_eq!(known.partitions.len(), 2);
            assert_eq!(known.id.is_zero(), metadata < 10);
            let found = client.coordinator(CoordinatorKind::Group, "g", client.deadline()).await;
            assert_eq!(Some(found.unwrap().0), cluster.coordinator("g"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_a_broker_does_not_have_is_a_typed_error() {
    let cluster = TestCluster::builder().without(ApiKey::CREATE_TOPICS).build();
    let client = on(&cluster).build().unwrap();
    let error = client.controller(&CreateTopicsRequest::default()).await.unwrap_err();
    assert!(matches!(error, RequestError::Unsupported(lacking) if lacking.theirs.is_none()));
    let find = FindCoordinatorRequest { coordinator_keys: vec!["g".into()], ..Default::default() };
    client.any_broker(&find).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_fault_on_the_wire_is_a_typed_error_and_the_next_request_works() {
    let cluster = TestCluster::builder().brokers(1).build();
    let client = on(&cluster).build().unwrap();
    client.metadata().refresh(client.deadline()).await.unwrap();
    let beat = HeartbeatRequest { group_id: "g".into(), ..Default::default() };
    let faults = cluster.faults();
    let api = ApiKey::HEARTBEAT;
    for number in 0..7 {
        let armed = match number {
            0 => faults.garbage(api).times(1).arm(),
            1 => faults.wrong_correlation(api).times(1).arm(),
            2 => faults.frame_length(api, -5).times(1).arm(),
            3 => faults.frame_length(api, i32::MAX).times(1).arm(),
            4 => faults.truncate(api, 6).times(1).arm(),
            5 => faults.cut(api).times(1).arm(),
            _ => faults.drop_reply(api).times(1).arm(),
        };
        let began = Instant::now();
        let error = client.request(BrokerId(0), Lane::GENERAL, &beat).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{number}: {error:?}");
        assert!(error.to_string().contains("Heartbeat"), "{number}: {error}");
        assert!(error.to_string().contains("broker 0"), "{number}: {error}");
        assert!(began.elapsed() <= Duration::from_secs(31), "{number}: {:?}", began.elapsed());
        if let RequestError::Malformed { source, .. } = &error {
            let expected = match number {
                0 => matches!(
                    source,
                    MalformedResponse::Decode(_) | MalformedResponse::Correlation { .. }
                ),
                1 => matches!(source, MalformedResponse::Correlation { .. }),
                _ => matches!(source, MalformedResponse::FrameLength { .. }),
            };
            assert!(expected, "{number}: {error:?}");
        } else {
            assert!(number >= 4, "{number}: {error:?}");
        }
        drop(armed);
        client.request(BrokerId(0), Lane::GENERAL, &beat).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_asks_the_same_brokers_in_the_same_order() {
    async fn trace() -> Vec<(Duration, String)> {
        let cluster = TestCluster::builder().brokers(5).topic("t", 5).build();
        let (pipes, began) = (cluster.clone(), Instant::now());
        let (tracing, mut traced) = tokio::sync::mpsc::unbounded_channel();
        let connector = connector::from_fn(move |host: String, port| {
            tracing.send((began.elapsed(), host.clone())).unwrap();
            let connected = pipes.connect(&host, port);
            async move { connected }
        });
        let age = Duration::from_secs(1);
        let client = on(&cluster).connector(connector).metadata_max_age(age).build().unwrap();
        let topic = client.topic("t");
        client.topic_metadata(&topic, client.deadline()).await.unwrap();
        for (id, other) in [(1, 2), (3, 4), (2, 0)] {
            cluster.stop_broker(id);
            cluster.cut_connections(other);
            tokio::time::sleep(Duration::from_secs(20)).await;
            cluster.start_broker(id);
        }
        assert!(client.close(Duration::from_secs(5)).await);
        drop(client);
        let mut trace = Vec::new();
        while let Ok(step) = traced.try_recv() {
            trace.push(step);
        }
        assert!(trace.len() > 3, "{trace:?}");
        trace
    }
    assert_eq!(trace().await, trace().await);
}

#[tokio::test]
async fn over_tcp_the_same_works() {
    let cluster = TestCluster::builder().brokers(3).topic("t", 3).build();
    let bootstrap = cluster.listen().await.unwrap();
    let client = Client::builder().bootstrap(&bootstrap).build().unwrap();
    let known = client.topic_metadata(&client.topic("t"), client.deadline()).await.unwrap();
    assert_eq!(known.partitions.len(), 3);
    let beat = HeartbeatRequest { group_id: "g".into(), ..Default::default() };
    for id in 0..3 {
        let connection = client.connection(BrokerId(id), Lane::GENERAL).await.unwrap();
        let mut pending = Vec::new();
        for _ in 0..200 {
            pending.push(
                connection.enqueue(&beat, ottla_client::RequestOptions::default()).await.unwrap(),
            );
        }
        for pending in pending {
            pending.await.unwrap();
        }
    }
    assert!(client.close(Duration::from_secs(5)).await);
}
