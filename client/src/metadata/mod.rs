//! Keeping the snapshot of the cluster up to date.
//!
//! ```text
//!   follow, request_refresh ─┐                      ┌─► Asker ─► a broker
//!   topic, refresh ──────────┼─► merge channel ─► Task ◄─ answer ─┘
//!   apply_leader_hint ───────┘                      └─► ArcSwap<Cluster>, changed()
//! ```

mod ask;
mod changes;
mod merge_channel;
mod schedule;
mod task;
mod wanted;

use std::sync::Arc;

use arc_swap::ArcSwap;
use ottla_protocol::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use self::changes::changes;
use self::merge_channel::{Sender, merge_channel};
use self::schedule::Schedule;
use self::task::Task;
use self::wanted::{NobodyAnswered, Wanted};
use crate::cluster::{Broker, Cluster, LeaderHint, TopicMetadata};
use crate::connection::Pool;
use crate::error::MetadataError;
use crate::random::Seeds;
use crate::retry::RetryPolicy;
use crate::tasks::Tasks;
use crate::topic::{Topic, Topics};

pub(crate) use self::ask::{Asker, Attempts, Repeat};
pub use self::changes::Changes;
pub use self::wanted::RefreshReason;

/// What a client knows about its cluster, and the means to learn more.
pub struct Metadata {
    cluster: Arc<ArcSwap<Cluster>>,
    wanted: Sender<Wanted>,
    changes: Changes,
    attempts: Arc<Attempts>,
    tasks: Tasks,
    /// The task, until the first use within a runtime starts it.
    unstarted: Mutex<Option<Task>>,
}

/// What the metadata's upkeep is built from.
pub(crate) struct Upkeep {
    pub(crate) cluster: Arc<ArcSwap<Cluster>>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) asker: Arc<Asker>,
    pub(crate) seeds: Arc<Seeds>,
    pub(crate) tasks: Tasks,
    pub(crate) max_age: std::time::Duration,
    pub(crate) spacing: RetryPolicy,
    pub(crate) creation: bool,
}

impl Metadata {
    pub(crate) fn new(upkeep: Upkeep) -> Self {
        let (sender, receiver) = merge_channel();
        let (announcer, changes) = changes();
        let attempts = Arc::new(Attempts::default());
        let task = Task {
            cluster: Arc::clone(&upkeep.cluster),
            topics: upkeep.topics,
            pool: upkeep.pool,
            asker: upkeep.asker,
            attempts: Arc::clone(&attempts),
            wanted: receiver,
            announcer,
            schedule: Schedule::new(upkeep.max_age, upkeep.spacing, upkeep.seeds.next()),
            creation: upkeep.creation,
            followed: std::collections::BTreeSet::new(),
            waiting: Vec::new(),
        };
        Self {
            cluster: upkeep.cluster,
            wanted: sender,
            changes,
            attempts,
            tasks: upkeep.tasks,
            unstarted: Mutex::new(Some(task)),
        }
    }

    /// The present snapshot.
    #[must_use]
    pub fn cluster(&self) -> Arc<Cluster> {
        self.cluster.load_full()
    }

    /// Tells the version of every new snapshot, or of the newest one if several came at once. What
    /// there is now counts as news.
    #[must_use]
    pub fn changed(&self) -> Changes {
        self.changes.clone()
    }

    /// Keeps a topic up to date from now on. Topics that are not followed are never asked for.
    pub fn follow(&self, topic: &Topic) {
        self.want(|wanted| {
            wanted.topics.insert(topic.clone());
        });
    }

    /// Asks for a refresh of all followed topics. However often this is called, one refresh runs
    /// at a time, and they are spaced by a backoff.
    pub fn request_refresh(&self, reason: RefreshReason) {
        self.want(|wanted| wanted.refresh = Some(reason));
    }

    /// Takes in what a Produce or Fetch error said about present leaders (KIP-951), along with the
    /// brokers that the answer described. Only what is newer than what is known counts.
    pub fn apply_leader_hints(
        &self,
        hints: impl IntoIterator<Item = LeaderHint>,
        brokers: impl IntoIterator<Item = Broker>,
    ) {
        self.want(|wanted| {
            hints.into_iter().for_each(|hint| wanted.hint(hint));
            wanted.brokers.extend(brokers.into_iter().map(|broker| (broker.id, broker)));
        });
    }

    /// Refreshes all followed topics. Cancel safe: the refresh goes on.
    ///
    /// # Errors
    /// When no broker answered until `deadline`.
    pub async fn refresh(&self, deadline: Instant) -> Result<(), MetadataError> {
        let began = Instant::now();
        loop {
            let refreshed = self.await_refresh(None);
            match timeout_at(deadline, refreshed).await {
                Ok(Some(Ok(()))) => return Ok(()),
                Ok(Some(Err(NobodyAnswered))) => {}
                Ok(None) => return Err(MetadataError::Closed),
                Err(_) => return Err(self.unreachable(began)),
            }
        }
    }

    /// What is known of a topic, which is followed from now on. A topic that is unknown or without
    /// leaders is waited for: it may have been created a moment ago.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// At once when the cluster refuses the topic; at `deadline` when it was not available until
    /// then or no broker answered.
    pub async fn topic(
        &self,
        topic: &Topic,
        deadline: Instant,
    ) -> Result<Arc<TopicMetadata>, MetadataError> {
        let began = Instant::now();
        let mut answered = false;
        loop {
            let known = self.cluster.load().topic(topic).cloned();
            if let Some(available) = known.as_ref().filter(|known| known.is_available()) {
                return Ok(Arc::clone(available));
            }
            let code = known.map_or(ErrorCode::NONE, |known| known.error);
            // What was refused in an earlier answer may be allowed by now.
            if answered && !code.is_ok() && !code.is_retriable() {
                return Err(MetadataError::Topic { topic: topic.name().to_owned(), code });
            }
            match timeout_at(deadline, self.await_refresh(Some(topic))).await {
                Ok(Some(outcome)) => answered = outcome.is_ok(),
                Ok(None) => return Err(MetadataError::Closed),
                Err(_) if !answered => return Err(self.unreachable(began)),
                Err(_) => {
                    // A topic without partitions has no error of its own.
                    let code = if code.is_ok() { ErrorCode::LEADER_NOT_AVAILABLE } else { code };
                    let (topic, after) = (topic.name().to_owned(), began.elapsed());
                    return Err(MetadataError::Unavailable { topic, code, after });
                }
            }
        }
    }

    /// Makes brokers known that were described outside of a metadata answer, and waits until they
    /// are. Those the cluster describes itself are replaced with its next answer.
    pub(crate) async fn learn(&self, broker: Broker) {
        let (taken_in, done) = oneshot::channel();
        self.want(|wanted| {
            wanted.brokers.insert(broker.id, broker);
            wanted.taken_in.push(taken_in);
        });
        // A client that closes does not take it in; its requests fail then anyway.
        let _closed = done.await;
    }

    /// Waits for a refresh that begins after this call. `None`: the client was closed.
    async fn await_refresh(&self, topic: Option<&Topic>) -> Option<wanted::Refreshed> {
        let (refreshed, done) = oneshot::channel();
        self.want(|wanted| {
            wanted.topics.extend(topic.cloned());
            wanted.refresh = Some(RefreshReason::Asked);
            wanted.refreshed.push(refreshed);
        });
        done.await.ok()
    }

    fn unreachable(&self, began: Instant) -> MetadataError {
        let attempts = self.attempts.lock().as_slice().into();
        MetadataError::Unreachable { after: began.elapsed(), attempts }
    }

    fn want(&self, change: impl FnOnce(&mut Wanted)) {
        self.start();
        if !self.tasks.closing().is_cancelled() {
            self.wanted.merge(change);
        }
    }

    /// Starts the task on first use. Outside a runtime nothing can start; what is wanted is kept
    /// until the first use inside one.
    fn start(&self) {
        let mut unstarted = self.unstarted.lock();
        if unstarted.is_some() && tokio::runtime::Handle::try_current().is_ok() {
            if let Some(task) = unstarted.take() {
                self.tasks.spawn(task.run(self.tasks.closing().clone()));
            }
        }
    }
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metadata").field("cluster", &self.cluster.load()).finish_non_exhaustive()
    }
}
