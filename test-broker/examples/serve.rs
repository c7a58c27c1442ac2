//! Runs a cluster of three brokers for clients of any kind until its standard input ends.
//!
//! ```text
//! cargo run -p ottla-test-broker --example serve
//! ```

#![expect(clippy::print_stdout, reason = "the address is what it is for")]

use ottla_test_broker::TestCluster;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let cluster = TestCluster::builder()
        .brokers(3)
        .first_id(1)
        .auto_create_topics(true)
        .default_partitions(6)
        .build();
    println!("{}", cluster.listen().await?.join(","));
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    Ok(())
}
