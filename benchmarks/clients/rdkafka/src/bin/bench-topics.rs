//! Makes and deletes topics of a real broker: `bench-topics BOOTSTRAP create NAME PARTITIONS | delete NAME`.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let bootstrap = words.first().context("no bootstrap address")?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", *bootstrap);
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let results = match words[1..] {
        ["create", name, partitions] => {
            let partitions: i32 = partitions.parse()?;
            let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
            let results = admin.create_topics([&topic], &options).await?;
            wait_for_leaders(&admin, name, partitions as usize).await?;
            results
        }
        ["delete", name] => admin.delete_topics(&[name], &options).await?,
        _ => bail!("`create NAME PARTITIONS` or `delete NAME`?"),
    };
    for result in results {
        if let Err((name, code)) = result {
            bail!("{name}: {code}");
        }
    }
    Ok(())
}

/// Nobody should be measured while a topic comes to be.
async fn wait_for_leaders(
    admin: &AdminClient<DefaultClientContext>,
    name: &str,
    partitions: usize,
) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let metadata = admin.inner().fetch_metadata(Some(name), PATIENCE)?;
        let led = metadata.topics().iter().flat_map(|topic| topic.partitions());
        if led.filter(|partition| partition.leader() >= 0).count() == partitions {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "{name} has no leaders after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
