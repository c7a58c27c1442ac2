//! Tests against real Kafka, and the launcher that gets it.
//!
//! ```text
//! Maven Central ── jars ──► cache folder         one fetch per version, safe when two run at once
//!                             │
//! free ports ─► properties ─► nodes (JVMs) ◄── probe: ready when every node names every node
//!                             │
//!                          cluster ◄── keeper: a shell that ends the nodes when this process dies
//!                          │     │
//!              binary `kafka`   [`Kafka`], the handle of tests ─► topics, groups, console, Java client
//! ```
//!
//! For a person: `cargo run -p ottla-integration-tests -- up --nodes 3`; `-- help` lists the rest.
//!
//! For a test: [`Kafka::shared`] or [`Kafka::start`], in a module under `tests/real_kafka/`. Those
//! tests are built only with the feature `real-kafka`, so that a test that did not run is never
//! counted as passed; with the feature a missing Java is a failure:
//!
//! ```text
//! cargo test --workspace --features ottla-integration-tests/real-kafka
//! ```
//!
//! One of them needs the jars and no cluster: `tests/parity/` compares our messages with Kafka's
//! definitions and, byte for byte, with its classes.
//!
//! With the same feature `--bin faults` runs a workload of ottla on three nodes that are killed and
//! paused while connections are cut and replies swallowed, writes a [`history`] of it, and
//! compares that with what Java and the nodes' folders say is in the logs:
//!
//! ```text
//! cargo run -p ottla-integration-tests --features real-kafka --bin faults -- --seconds 60 --seed 7
//! cargo run -p ottla-integration-tests --features real-kafka --bin faults -- --seconds 600 --report reports/
//! ```
//!
//! | variable | meaning |
//! |---|---|
//! | `BOOTSTRAP_SERVERS` | [`Kafka::shared`] is this cluster instead of one of our own |
//! | `OTTLA_KAFKA_VERSION` | the version to start, and of the Java tools; 4.3.1 if not set |
//!
//! # What is left behind
//!
//! Dropping a cluster ends its nodes and removes their folder. If the process is killed, the
//! keeper does the same as soon as the kernel closes its pipe. Nodes remain only if the keeper is
//! killed too, or if the process is killed within the microseconds between starting a node and
//! writing down its process id. The jars stay in the cache folder on purpose.

mod cluster;
mod console;
mod error;
mod groups;
pub mod history;
mod jars;
mod java;
mod java_admin;
mod java_client;
mod java_member;
mod kafka;
mod keeper;
mod node;
mod ports;
mod probe;
mod process;
mod properties;
mod records;
mod tool;
mod topics;
mod version;

pub use cluster::{Cluster, Settings};
pub use console::ConsoleRecord;
pub use error::LaunchError;
pub use groups::GroupOffset;
pub use jars::Jars;
pub use java::Java;
pub use java_admin::JavaAdmin;
pub use java_client::Compression;
pub use java_member::{JavaMember, MemberEvent};
pub use kafka::{Kafka, unique_name};
pub use node::{Node, NodeState};
pub use records::{JavaRecord, ReadRecord, sample_records};
pub use version::Version;
