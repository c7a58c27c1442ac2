//! Runs a cluster of three brokers for clients of any kind until its standard input ends.
//!
//! ```text
//! cargo run -p ottla-test-broker --example serve [-- transactions=1]
//! ```
//!
//! `transactions=1` makes clients run transactions as with Kafka 3 (`transaction.version` 1).

#![expect(clippy::print_stdout, reason = "the address is what it is for")]

use ottla_test_broker::{TestCluster, TransactionVersion};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let transactions = match std::env::args().nth(1).as_deref() {
        None => TransactionVersion::V2,
        Some("transactions=1") => TransactionVersion::V1,
        Some(other) => return Err(std::io::Error::other(format!("unknown argument {other}"))),
    };
    let cluster = TestCluster::builder()
        .transaction_version(transactions)
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
