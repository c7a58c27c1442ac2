//! An in-process Kafka broker with real groups and fault injection, for tests and demonstrations.
//!
//! Kafka's clients cannot tell it from a small cluster: several brokers, over TCP or in-memory
//! pipes, at any API version that the protocol crate has; batches checked and sequenced as Kafka
//! does; transactions; fetch sessions; groups of several members. Logs are kept in memory, and replicas exist in
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
//! | transaction timers | none | the next deadline of any transaction | aborts, writes late markers |
//!
//! What decides is free of I/O and clock: `group` (the classic group), `transaction`,
//! `producer_state` (epochs and sequences), `fetch_session`, `log`, `faults`. Time is tokio's and randomness comes from a
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
//! # What it does as Kafka 4 does
//! That the same requests get the same answers from it and from Kafka is tested: error codes,
//! epochs, offsets and what readers are shown, in some thirty cases of transactions, groups,
//! idempotence and positions (`integration-tests/tests/real_kafka/broker_parity`).
//! - Sequences: the last five batches of a producer are recognised when repeated and answered with
//!   the offset they got; a gap is `OUT_OF_ORDER_SEQUENCE_NUMBER`; an older epoch is
//!   `INVALID_PRODUCER_EPOCH`; a new one starts at 0; a producer the partition does not know may
//!   start anywhere.
//! - Transactions: epochs, fencing, time-outs, markers, the last stable offset, the aborted
//!   transactions told to readers, offsets that wait for the end; as of KIP-98 and as of KIP-890
//!   ([`TestClusterBuilder::transaction_version`]).
//! - Leaders: epochs are checked; errors point to the new leader (KIP-951).
//! - Fetch: long polls, limits by partition and response with the first batch always whole,
//!   incremental sessions (KIP-227), divergence after truncation (KIP-595), both isolation levels,
//!   never past the high watermark ([`TestCluster::hold_high_watermark`]).
//! - Groups: classic ones with dynamic and static members, sessions, rebalance timeouts, and a
//!   coordinator that can move.
//! - Versions: an ApiVersions request from the future is answered at version 0; other versions
//!   that are not served end the connection.
//!
//! | API | versions | not as Kafka |
//! |---|---|---|
//! | Produce | 3–13 | transactions: the coordinator is asked at once, its state never loads |
//! | Fetch | 4–18 | whole batches unless [`TestClusterBuilder::cut_last_batch`]; no reading from followers, so no end of a segment either |
//! | ListOffsets | 1–11 | nothing is ever in another tier |
//! | Metadata | 0–13 | |
//! | OffsetCommit | 2–10 | offsets do not expire |
//! | OffsetFetch | 1–10 | |
//! | FindCoordinator | 0–6 | |
//! | JoinGroup | 0–9 | the first rebalance does not wait ([`TestClusterBuilder::initial_rebalance_delay`]) |
//! | Heartbeat | 0–4 | |
//! | LeaveGroup | 0–5 | |
//! | SyncGroup | 0–5 | |
//! | ApiVersions | 0–4 | one feature, `transaction.version` |
//! | CreateTopics | 2–7 | settings that mean nothing to a log in memory are kept and told, and do nothing |
//! | DeleteTopics | 1–6 | |
//! | InitProducerId | 0–5 | ids do not expire |
//! | AddOffsetsToTxn | 0–4 | takes in a group, not its partition of the offsets topic |
//! | AddPartitionsToTxn | 0–5 | |
//! | EndTxn | 0–5 | markers are written before the answer, unless [`TestClusterBuilder::marker_delay`] |
//! | TxnOffsetCommit | 0–5 | |
//! | OffsetForLeaderEpoch | 2–4 | |
//! | DescribeGroups | 0–6 | every member is at 127.0.0.1 |
//! | ListGroups | 0–5 | |
//! | DeleteGroups | 0–2 | |
//! | OffsetDelete | 0–0 | |
//! | DescribeCluster | 0–2 | |
//! | DescribeConfigs | 1–4 | of topics: what means something here or was given; of brokers nothing |
//! | CreatePartitions | 0–3 | places them itself |
//! | DeleteRecords | 0–2 | |
//! | DescribeTransactions | 0–0 | |
//! | ListTransactions | 0–2 | not filtered by duration or pattern |
//!
//! # What it does not
//! KIP-848, share and streams groups, ACLs, TLS and SASL, quotas, telemetry, changes of settings,
//! compaction and retention; batches of magic 0 and 1. There is one log to a partition, whoever
//! leads it: replication cannot lag, but for [`TestCluster::hold_high_watermark`], and in-sync
//! replicas are what [`TestCluster::set_isr`] and stopped brokers make of them. There are no
//! topics `__consumer_offsets` and `__transaction_state`: coordinators remember, also across a
//! move. A transaction that takes too long is aborted at that moment, where Kafka looks every ten
//! seconds.

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
