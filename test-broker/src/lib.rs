//! An in-process Kafka broker with real groups and fault injection, for tests and demonstrations.

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

pub use cluster::{
    GroupMember, GroupView, PartitionView, StoredHeader, StoredRecord, TestCluster,
    TestClusterBuilder, TopicConfig,
};
pub use counters::Counters;
pub use faults::{ArmedFault, Fault, Faults};
pub use group::GroupPhase;
