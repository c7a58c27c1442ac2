//! The launcher starts, disturbs and removes real nodes.

use std::{collections::HashSet, path::PathBuf};

use ottla_integration_tests::{
    Cluster, Compression, Kafka, LaunchError, NodeState, Settings, sample_records, unique_name,
};

#[tokio::test]
async fn one_node_serves_and_leaves_nothing() {
    let kafka = Kafka::start(1).await.unwrap();
    let topic = unique_name("launcher");
    kafka.create_topic(&topic, 2, &["cleanup.policy=compact"]).await.unwrap();
    assert!(kafka.topic_names().await.unwrap().contains(&topic));
    let twice = kafka.create_topic(&topic, 2, &[]).await.unwrap_err();
    assert!(twice.to_string().contains("already exists"), "{twice}");
    kafka.delete_topic(&topic).await.unwrap();

    let (folder, pids) = folder_and_processes(&kafka).await;
    assert!(folder.join("1/data").exists());
    assert_eq!(pids.len(), 1);
    drop(kafka);
    assert!(!folder.exists(), "{}", folder.display());
    assert_gone(&pids);
}

#[tokio::test]
async fn a_cluster_survives_the_loss_of_a_node() {
    let kafka = Kafka::start(3).await.unwrap();
    assert_eq!(kafka.bootstrap().split(',').collect::<HashSet<_>>().len(), 3);
    let (folder, before) = folder_and_processes(&kafka).await;
    assert_eq!(before.len(), 3);

    kafka.kill(2).await.unwrap();
    kafka.kill(2).await.unwrap();
    assert_eq!(states(&kafka).await, [NodeState::Running, NodeState::Down, NodeState::Running]);
    let down = kafka.pause(2).await.unwrap_err();
    assert!(matches!(down, LaunchError::NodeDown { node: 2 }), "{down}");
    let topic = unique_name("launcher");
    kafka.create_topic(&topic, 3, &[]).await.unwrap();
    let records: Vec<_> = (0..3).flat_map(sample_records).collect();
    let written = kafka.java_produce(&topic, Compression::None, &records).await.unwrap();
    assert_eq!(written.len(), records.len(), "two of three copies are enough");

    kafka.start_node(2).await.unwrap();
    let up = kafka.start_node(2).await.unwrap_err();
    assert!(matches!(up, LaunchError::NodeRuns { node: 2 }), "{up}");

    kafka.pause(3).await.unwrap();
    assert_eq!(states(&kafka).await, [NodeState::Running, NodeState::Running, NodeState::Paused]);
    kafka.resume(3).await.unwrap();
    let read = kafka.java_consume(&topic).await.unwrap();
    assert_eq!(read.len(), records.len());
    kafka.stop(3).await.unwrap();
    assert_eq!(states(&kafka).await, [NodeState::Running, NodeState::Running, NodeState::Down]);
    let absent = kafka.kill(4).await.unwrap_err();
    assert!(matches!(absent, LaunchError::NoSuchNode { node: 4, nodes: 3 }), "{absent}");

    let (_, after) = folder_and_processes(&kafka).await;
    kafka.pause(1).await.unwrap();
    drop(kafka);
    assert!(!folder.exists(), "{}", folder.display());
    assert_gone(&before);
    assert_gone(&after);
}

#[test]
fn a_detached_cluster_is_found_again() {
    let folder = std::env::temp_dir().join(unique_name("ottla-detached"));
    let settings = Settings::default();
    let cluster = Cluster::start_in(&folder, &settings, &|_| ()).unwrap();
    let bootstrap = cluster.bootstrap();
    cluster.detach();

    let second = Cluster::start_in(&folder, &settings, &|_| ()).unwrap_err();
    assert!(matches!(second, LaunchError::AlreadyUp { .. }), "{second}");

    let mut cluster = Cluster::open(&folder).unwrap();
    assert_eq!(cluster.bootstrap(), bootstrap);
    assert!(cluster.nodes()[0].answers());
    drop(cluster);
    let mut cluster = Cluster::open(&folder).unwrap();
    assert_eq!(cluster.nodes()[0].state(), NodeState::Running, "it was not ours to end");
    cluster.down().unwrap();
    assert!(!folder.exists());
    assert!(matches!(Cluster::open(&folder), Err(LaunchError::NotUp { .. })));
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_named() {
    let version = "9.9.9".parse().unwrap();
    let settings = Settings { version, ..Settings::default() };
    let error = Kafka::start_with(settings).await.unwrap_err();
    assert!(matches!(error, LaunchError::UnknownVersion { .. }), "{error}");
    assert!(error.to_string().starts_with("there is no Kafka 9.9.9: "), "{error}");
}

#[tokio::test]
async fn a_node_that_refuses_its_settings_says_why() {
    let properties = vec![("log.retention.ms".to_owned(), "soon".to_owned())];
    let settings = Settings { properties, ..Settings::default() };
    let error = Kafka::start_with(settings).await.unwrap_err();
    assert!(matches!(error, LaunchError::NodeEnded { node: 1, .. }), "{error}");
    assert!(error.to_string().contains("log.retention.ms"), "{error}");
}

async fn folder_and_processes(kafka: &Kafka) -> (PathBuf, Vec<u32>) {
    let look = |cluster: &mut Cluster| {
        let pids = cluster.nodes().iter_mut().filter_map(|node| node.pid()).collect();
        Ok((cluster.folder().to_owned(), pids))
    };
    kafka.control(look).await.unwrap()
}

async fn states(kafka: &Kafka) -> Vec<NodeState> {
    let look =
        |cluster: &mut Cluster| Ok(cluster.nodes().iter_mut().map(|node| node.state()).collect());
    kafka.control(look).await.unwrap()
}

fn assert_gone(pids: &[u32]) {
    for pid in pids {
        let found = std::process::Command::new("ps").args(["-p", &pid.to_string()]).output();
        assert!(!found.unwrap().status.success(), "process {pid} still exists");
    }
}
