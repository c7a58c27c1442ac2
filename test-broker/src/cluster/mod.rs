//! The cluster as a whole: what its nodes share, and the handle that tests hold.

mod broker;
mod builder;
mod clock;
mod control;
mod coordination;
mod inspect;
mod liveness;
mod partition;
mod state;
mod topic;
mod transactions;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use builder::TestClusterBuilder;
pub use inspect::{GroupMember, GroupView, PartitionView, StoredHeader, StoredRecord};
pub use topic::TopicConfig;

pub(crate) use broker::Broker;
pub(crate) use builder::Settings;
pub(crate) use clock::{Clock, millis};
pub(crate) use coordination::{Coordination, JoinWait, SyncWait};
pub(crate) use partition::{NotReadable, Partition};
pub(crate) use state::State;
pub(crate) use topic::{NewTopic, Topic};

use crate::counters::Counters;
use crate::faults::Faults;

/// A Kafka cluster in this process.
///
/// Cheap to clone; the cluster ends, and cuts its connections, when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct TestCluster {
    shared: Arc<Shared>,
    _life: Arc<Life>,
}

/// What every connection and task of a cluster has a hold of.
///
/// One lock guards the state: handlers hold it for the time of a copy, never across an await.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) state: Mutex<State>,
    pub(crate) coordination: Coordination,
    pub(crate) counters: Arc<Counters>,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
    /// A deadline of a transaction may have come nearer.
    pub(crate) transactions_changed: Notify,
    pub(crate) ended: CancellationToken,
}

/// Ends the cluster's tasks with the last handle.
#[derive(Debug)]
struct Life(CancellationToken);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl TestCluster {
    /// Starts describing a cluster.
    pub fn builder() -> TestClusterBuilder {
        TestClusterBuilder::default()
    }

    fn start(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        tokio::spawn(coordination::run_timers(Arc::clone(&shared)));
        tokio::spawn(transactions::run_timers(Arc::clone(&shared)));
        let life = Life(shared.ended.clone());
        Self { shared, _life: Arc::new(life) }
    }
}
