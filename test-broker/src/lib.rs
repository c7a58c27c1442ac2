//! An in-process Kafka broker with real groups and fault injection, for tests and demonstrations.
//!
//! Kafka's clients cannot tell it from a small cluster: several brokers, over TCP or in-memory
//! pipes, at any API version that the protocol crate has; batches checked and sequenced as Kafka
//! does; fetch sessions; groups of several members. Logs are kept in memory, and replicas exist in
//! name only: every broker that leads a partition has all of its log.
//!
//! ```text
//!  pipe / socket ─► connection ─► api/<one file per API> ─► State (one lock): brokers, topics
//!   one request at    │   ▲           │        │             └ partition: log, producers, epochs
//!   a time, in order  │   │           │        └────────► Coordination: groups, their deadlines
//!                     │   │           └ parked: fetch (Notify), join and sync (oneshot)
//!                     ▼   │
//!                  faults: error, delay, cut, lost, late, damaged, throttled
//! ```
//!
//! | task | state it owns | wakes for | does |
//! |---|---|---|---|
//! | connection | its stream | a request, its broker's end | one request at a time, as Kafka mutes a channel |
//! | listener | a socket | a connection | spawns its connection |
//! | group timers | none | the next deadline of any group | lets sessions and rebalances time out |
//!
//! What decides is free of I/O and clock: `group` (the classic group), `producer_state` (epochs
//! and sequences), `fetch_session`, `log`, `faults`. Time is tokio's and randomness comes from a
//! seed, so under paused time the same seed gives the same bytes.
//!
//! # Example
//! ```
//! use ottla_protocol::{ApiKey, ErrorCode};
//! use ottla_test_broker::TestCluster;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let cluster = TestCluster::builder().brokers(3).seed(7).topic("in", 12).build();
//!
//! // In memory: give this to a client's connector. Over TCP: see `listen`.
//! let stream = cluster.connect("broker-0", 9092)?;
//!
//! // Things go wrong on demand, and only once armed.
//! let fault = cluster
//!     .faults()
//!     .fail(ApiKey::PRODUCE, ErrorCode::NOT_LEADER_OR_FOLLOWER)
//!     .topic("in")
//!     .times(2)
//!     .arm();
//! cluster.move_leader("in", 3, 1);
//! cluster.stop_broker(2);
//!
//! // Whatever happened can be looked at.
//! assert_eq!(fault.hits(), 0);
//! assert_eq!(cluster.log_end("in", 0), 0);
//! assert!(cluster.records("in", 0).is_empty());
//! assert_eq!(cluster.committed("group", "in", 0), None);
//! assert_eq!(cluster.counters().requests(ApiKey::PRODUCE), 0);
//! # drop(stream);
//! # Ok(())
//! # }
//! ```
//!
//! # What it does as Kafka does
//! - Sequences: the last five batches of a producer are recognised when repeated and answered with
//!   the offset they got; a gap is `OUT_OF_ORDER_SEQUENCE_NUMBER`; an older epoch is
//!   `INVALID_PRODUCER_EPOCH`; a new one starts at 0; a producer the partition does not know may
//!   start anywhere.
//! - Leaders: epochs are checked; errors point to the new leader (KIP-951).
//! - Fetch: long polls, limits by partition and response with the first batch always whole,
//!   incremental sessions (KIP-227), divergence after truncation (KIP-595).
//! - Groups: classic ones with dynamic and static members, sessions, rebalance timeouts, and a
//!   coordinator that can move.
//! - Versions: an ApiVersions request from the future is answered at version 0; other versions
//!   that are not served end the connection.
//!
//! # What it does not
//! Transactions, KIP-848 and share groups, TLS and SASL, quotas, compaction and retention; batches
//! of magic 0 and 1. A fetch answers with whole batches unless
//! [`TestClusterBuilder::cut_last_batch`] asks for Kafka's way.

mod api;
mod cluster;
mod connection;
mod counters;
mod faults;
mod fetch_session;
mod group;
mod listener;
mod log;
mod producer_state;
mod transaction;
mod verification;

pub use cluster::{
    GroupMember, GroupView, PartitionView, StoredHeader, StoredRecord, TestCluster,
    TestClusterBuilder, TopicConfig,
};
pub use counters::Counters;
pub use faults::{ArmedFault, Fault, Faults};
pub use group::GroupPhase;
pub use transaction::{TransactionPhase, TransactionVersion};
