//! A broker that has kept a log since before Kafka 0.11 serves it as it is: the formats of then.

use std::fs;
use std::path::{Path, PathBuf};

use ottla_integration_tests::{Kafka, unique_name};

use crate::clients::{client, read_all};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_every_format_is_read_as_java_reads_it() {
    let kafka = Kafka::start(1).await.unwrap();
    let (old, back) = (unique_name("old"), unique_name("back"));
    for topic in [&old, &back] {
        kafka.create_topic(topic, 1, &["retention.ms=-1"]).await.unwrap();
    }
    kafka.stop(1).await.unwrap();
    let folder = kafka.control(|cluster| Ok(cluster.folder().to_owned())).await.unwrap();
    put_segment(&folder, &old, "mixed-v0-v1-v2");
    put_segment(&folder, &back, "mixed-v2-v1");
    kafka.start_node(1).await.unwrap();

    for (topic, count) in [(&old, 69), (&back, 23)] {
        let java = kafka.java_consume(topic).await.unwrap();
        assert_eq!(java.len(), count, "Java reads {topic}");
        let end = i64::try_from(count).unwrap();
        let ours = read_all(&client(&kafka), topic, &[end]).await;
        assert!(ours == java, "of {topic}: ours {ours:?}\n Java's {java:?}");
    }
}

/// Puts a file of the corpus in place of what a stopped node has of a partition.
fn put_segment(cluster: &Path, topic: &str, name: &str) {
    let partition = find(cluster, &format!("{topic}-0")).expect("the partition's folder");
    for entry in fs::read_dir(&partition).unwrap() {
        let path = entry.unwrap().path();
        // Indexes, checkpoints and snapshots are made again from the log.
        if path.file_name().is_some_and(|name| name != "partition.metadata") {
            fs::remove_file(path).unwrap();
        }
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/records");
    let segment = partition.join("00000000000000000000.log");
    fs::copy(corpus.join(format!("{name}.bin")), segment).unwrap();
    // Without it the node looks at its logs when it starts, instead of believing its checkpoints.
    let data = partition.parent().unwrap();
    let _ = fs::remove_file(data.join(".kafka_cleanshutdown"));
    for checkpoint in ["recovery-point-offset-checkpoint", "replication-offset-checkpoint"] {
        let _ = fs::remove_file(data.join(checkpoint));
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|own| own == name) {
                return Some(path);
            }
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        }
    }
    None
}
