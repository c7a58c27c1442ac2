//! Connections to a Kafka cluster, its metadata, routing and retries.
//!
//! ```text
//!   Client ──► Metadata ──► Cluster (immutable snapshot)        which broker?
//!     │            ▲ one task, fed by merging
//!     ├──► Coordinators                                         which coordinator?
//!     └──► Pool ──► Connection (broker × lane × owner) ──► Task ──► Transport
//!             single-flight, backoff      pipelined, in order        TCP, in-memory
//! ```
//!
//! | task | owns | fed by | ends |
//! |---|---|---|---|
//! | metadata | the snapshot | merge channel, answers, its schedule | when the client closes |
//! | opening | one attempt to connect | nobody | when it is done |
//! | connection | socket, order of responses, bytes to write | bounded queue of requests | when idle, broken, released, or with the client |
//!
//! Nothing here retries on its own what may have had an effect: requests say by
//! [`RequestError::outcome`] whether any byte of them was written, and who sent them decides.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ottla_client::Client;
//!
//! let client = Client::builder().bootstrap(["localhost:9092"]).build()?;
//! let topic = client.topic("in");
//! let known = client.topic_metadata(&topic, client.deadline()).await?;
//! for partition in &known.partitions {
//!     println!("{topic}-{}: leader {:?}", partition.partition, partition.leader);
//! }
//! # Ok(())
//! # }
//! ```

mod broker;
mod client;
mod cluster;
mod config;
mod connection;
pub mod connector;
mod coordinator;
mod error;
mod features;
mod group;
mod lane;
mod metadata;
mod random;
mod retry;
mod tasks;
mod topic;

pub use broker::BrokerId;
pub use client::Client;
pub use cluster::{Broker, Cluster, LeaderHint, ListedTopic, PartitionMetadata, TopicMetadata};
pub use config::{ClientBuilder, ClientConfig, ConfigError, ConfigErrors, ConfigFault, Dialect};
pub use connection::{ApiVersions, Connection, Pending, RequestOptions};
pub use coordinator::CoordinatorKind;
pub use error::{
    AddressFailure, ConnectError, ConnectFailure, CoordinatorError, Disconnect, HandshakeError,
    MalformedResponse, MetadataError, Outcome, RequestError, UnsupportedApi,
};
pub use group::{GroupMetadata, GroupOffset};
pub use lane::{Lane, LaneKind, OwnerId};
pub use metadata::{Changes, Metadata, RefreshReason};
pub use retry::{Backoff, Retry, RetryPolicy};
pub use topic::{Topic, TopicPartition};
