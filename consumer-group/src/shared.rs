//! What the tasks of a consumer and the application have in common.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use ottla_client::{BrokerId, Client, OwnerId, TopicPartition};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{ConsumerConfig, Start};
use crate::driver::Command;
use crate::error::{AssignError, CloseError, ConsumerError, NotAssigned};
use crate::fetch::{BrokerLoop, Budget, Ended, Job};
use crate::fetched::Fetched;
use crate::group::{Liveness, Membership};
use crate::offsets::{Commits, Marks};
use crate::partitions::{PartitionTable, Slot, Stay, Taken};
use crate::watchdog;

/// See the module.
///
/// The locks are taken one at a time and never across an await; where two are needed, one is
/// released before the other is taken.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) owner: OwnerId,
    pub(crate) config: ConsumerConfig,
    /// Whether the group assigns the partitions.
    pub(crate) subscribed: bool,
    pub(crate) partitions: Mutex<PartitionTable>,
    pub(crate) marks: Mutex<Marks>,
    pub(crate) membership: Membership,
    pub(crate) liveness: Liveness,
    pub(crate) budget: Arc<Budget>,
    pub(crate) commits: Commits,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Cancelled when everything has to end.
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// There may be something to do for the driver.
    pub(crate) driver: Notify,
    /// The member has left because the application was silent.
    pub(crate) away: AtomicBool,
    /// There may be something for the application. It has one permit: nothing is missed between
    /// looking and waiting.
    application: Notify,
    /// Counts what makes records already taken stale: see `Inbox`.
    version: AtomicU64,
    news: Mutex<News>,
    fetchers: Mutex<BTreeMap<BrokerId, Arc<Notify>>>,
}

/// Ends the whole consumer when one of its tasks ends, also by a panic: nobody shall wait for what
/// it was to do.
struct Ends(Option<Arc<Shared>>);

impl Ends {
    /// The consumer goes on.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.abandon();
        }
    }
}

/// Errors for the application.
#[derive(Debug, Default)]
struct News {
    /// Told once each.
    passing: VecDeque<ConsumerError>,
    /// Told for ever.
    fatal: Option<ConsumerError>,
}

/// What a consumer is built from.
pub(crate) struct Parts {
    pub(crate) client: Client,
    pub(crate) config: ConsumerConfig,
    pub(crate) subscribed: bool,
    pub(crate) table: PartitionTable,
    pub(crate) commits: Commits,
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { client, config, subscribed, table, commits, commands } = parts;
        Arc::new(Self {
            owner: client.owner(),
            client,
            membership: Membership::new(config.group.as_deref(), config.group_instance.as_deref()),
            budget: Budget::new(config.buffer_memory),
            config,
            subscribed,
            partitions: Mutex::new(table),
            marks: Mutex::default(),
            liveness: Liveness::new(),
            commits,
            commands,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            driver: Notify::new(),
            away: AtomicBool::new(false),
            application: Notify::new(),
            version: AtomicU64::new(0),
            news: Mutex::default(),
            fetchers: Mutex::new(BTreeMap::new()),
        })
    }

    // For the application.

    /// What [`Consumer::poll`](crate::Consumer::poll) says.
    pub(crate) async fn poll(self: &Arc<Self>, max: usize) -> Result<Fetched, ConsumerError> {
        let _alive = self.liveness.wait();
        let mut was_told = true;
        loop {
            self.next_error()?;
            if self.away.swap(false, Ordering::Relaxed) {
                self.driver.notify_one();
            }
            if let Some(fetched) = self.take(max) {
                if !was_told && self.application.notified().now_or_never().is_none() {
                    watchdog::report("a record");
                }
                return Ok(fetched);
            }
            if self.budget.is_short(self.config.partition_fetch_bytes) {
                // The application holds so much that nobody fetches; now that it waits for more,
                // somebody has to.
                self.wake_all();
            }
            was_told = timeout(watchdog::PATIENCE, self.application.notified()).await.is_ok();
        }
    }

    pub(crate) fn seek(&self, at: &TopicPartition, start: Start) -> Result<(), NotAssigned> {
        let (slot, broker) = self.partitions.lock().seek(at, start)?;
        let position = match start {
            Start::Offset(offset) => Some(offset),
            Start::End => Some(i64::MAX),
            Start::Committed | Start::Beginning => None,
        };
        self.marks.lock().seek(slot, position);
        self.changed();
        self.wake(broker);
        self.driver.notify_one();
        Ok(())
    }

    pub(crate) fn pause(&self, partitions: &[TopicPartition], paused: bool) {
        for at in partitions {
            let broker = self.partitions.lock().pause(at, paused);
            if !paused {
                self.wake(broker);
            }
        }
        self.changed();
        self.driver.notify_one();
        self.application.notify_one();
    }

    pub(crate) fn assign(&self, wanted: &[(TopicPartition, Start)]) -> Result<(), AssignError> {
        if self.subscribed {
            return Err(AssignError::Subscribed);
        }
        if self.stop.is_cancelled() {
            return Err(AssignError::Closed);
        }
        let (gone, new) = {
            let mut table = self.partitions.lock();
            let gone: Vec<_> = {
                let kept = |at: &TopicPartition| wanted.iter().any(|(other, _)| other == at);
                table.stays().into_iter().filter(|stay| !kept(&stay.at)).collect()
            };
            table.unassign(&gone);
            let mut new = Vec::new();
            for (at, start) in wanted {
                if table.slot_of(at).is_none() {
                    new.push(table.assign(at, *start, false));
                }
            }
            (gone, new)
        };
        {
            let mut marks = self.marks.lock();
            gone.iter().for_each(|stay| marks.fence(stay.slot, stay.epoch));
            new.iter().for_each(|stay| marks.open(stay.slot, stay.epoch));
        }
        for stay in &new {
            self.client.metadata().follow(&stay.at.topic);
        }
        self.changed();
        // Leaders of partitions that were assigned before are known already.
        self.wake_leaders(&new);
        self.driver.notify_one();
        Ok(())
    }

    pub(crate) async fn close(&self, within: Duration) -> Result<(), CloseError> {
        let (reply, answer) = oneshot::channel();
        let closing = async {
            if self.commands.send(Command::Close { reply }).await.is_err() {
                return Ok(());
            }
            answer.await.unwrap_or(Ok(()))
        };
        let result = match timeout(within, closing).await {
            Ok(result) => result.map_err(CloseError::Commit),
            Err(_) => Err(CloseError::TimedOut { within }),
        };
        self.abandon();
        self.tasks.wait().await;
        result
    }

    /// Ends all tasks, without waiting for it.
    pub(crate) fn abandon(&self) {
        self.fail(ConsumerError::Closed);
        self.stop.cancel();
        self.tasks.close();
    }

    // For the tasks.

    /// The group's name; empty without one.
    pub(crate) fn group(&self) -> &str {
        self.config.group.as_deref().unwrap_or_default()
    }

    /// Starts a task, which ends when `stop` is cancelled. The client waits for it as well when it
    /// is closed.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let ends = Ends(Some(Arc::clone(self)));
        self.client.spawn(self.tasks.track_future(async move {
            let _ends = ends;
            task.await;
        }));
    }

    /// As [`spawn`](Self::spawn), for the one kind of task that can come to its end alone.
    fn spawn_fetcher(self: &Arc<Self>, fetcher: BrokerLoop) {
        let ends = Ends(Some(Arc::clone(self)));
        self.client.spawn(self.tasks.track_future(async move {
            match fetcher.run().await {
                Ended::BrokerGone => ends.disarm(),
                Ended::Stopped => drop(ends),
            }
        }));
    }

    /// Something for the application, told once.
    pub(crate) fn tell(&self, error: ConsumerError) {
        self.news.lock().passing.push_back(error);
        self.application.notify_one();
    }

    /// Nothing more will come. The first reason stays.
    pub(crate) fn fail(&self, error: ConsumerError) {
        self.news.lock().fatal.get_or_insert(error);
        self.application.notify_one();
    }

    pub(crate) fn tell_driver(&self, command: Command) {
        // A full queue holds the same news already.
        let _ = self.commands.try_send(command);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Records that were taken may be stale now.
    pub(crate) fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// A broker may have something to be asked for.
    pub(crate) fn wake(&self, broker: Option<BrokerId>) {
        if let Some(broker) = broker {
            if let Some(fetcher) = self.fetchers.lock().get(&broker) {
                fetcher.notify_one();
            }
        }
    }

    /// The leaders of these may have something to be asked for.
    pub(crate) fn wake_leaders(&self, stays: &[Stay]) {
        for stay in stays {
            let broker = self.partitions.lock().broker_of(stay.slot);
            self.wake(broker);
        }
    }

    pub(crate) fn wake_application(&self) {
        self.application.notify_one();
    }

    /// Starts a fetch loop for a broker that has none.
    pub(crate) fn fetch_from(self: &Arc<Self>, broker: BrokerId) {
        let mut fetchers = self.fetchers.lock();
        let wake = fetchers.entry(broker).or_insert_with(|| {
            let wake = Arc::new(Notify::new());
            let fetcher = BrokerLoop::new(Arc::clone(self), broker, Arc::clone(&wake));
            self.spawn_fetcher(fetcher);
            wake
        });
        wake.notify_one();
    }

    /// Takes a broker off the list if it has left the cluster and leads nothing here any more: its
    /// fetch loop, which must have nothing under way, ends then.
    pub(crate) fn retire(&self, broker: BrokerId) -> bool {
        if self.client.cluster().broker(broker).is_some() {
            return false;
        }
        // A partition that comes to be led by it meanwhile either shows in the table, or finds no
        // loop and gets a new one.
        let mut fetchers = self.fetchers.lock();
        let leads = self
            .partitions
            .lock()
            .leaders()
            .any(|(_, _, leader)| leader.is_some_and(|leader| leader.broker == broker));
        !leads && fetchers.remove(&broker).is_some()
    }

    /// Lets the fetch loops of brokers that have left the cluster look whether they should end.
    pub(crate) fn wake_departed(&self) {
        let cluster = self.client.cluster();
        for (broker, fetcher) in &*self.fetchers.lock() {
            if cluster.broker(*broker).is_none() {
                fetcher.notify_one();
            }
        }
    }

    pub(crate) fn fetcher_count(&self) -> usize {
        self.fetchers.lock().len()
    }

    /// Whether the application waits and nothing is there for it.
    pub(crate) fn is_starving(&self) -> bool {
        self.liveness.is_waiting() && self.partitions.lock().is_dry()
    }

    /// Makes batches of a partition ready, as far ahead as they should be. What takes long is done
    /// on a thread for such work.
    pub(crate) fn prepare(self: &Arc<Self>, slot: Slot) {
        let job = self.partitions.lock().next_job(slot);
        self.prepare_from(job, slot);
    }

    fn prepare_from(self: &Arc<Self>, first: Option<Job>, slot: Slot) {
        let mut job = first;
        while let Some(current) = job {
            if current.is_heavy() {
                let shared = Arc::clone(self);
                tokio::task::spawn_blocking(move || {
                    let next = shared.finish(current, slot);
                    shared.prepare_from(next, slot);
                });
                return;
            }
            job = self.finish(current, slot);
        }
    }

    /// Does one job; the next one of the partition.
    fn finish(&self, job: Job, slot: Slot) -> Option<Job> {
        let limit = self.config.max_inflated_batch;
        let prepared = job.run(self.client.codecs(), limit, &self.budget);
        let mut table = self.partitions.lock();
        if table.job_done(prepared) {
            self.application.notify_one();
        }
        table.next_job(slot)
    }

    fn take(self: &Arc<Self>, max: usize) -> Option<Fetched> {
        let (taken, broker, job) = {
            let mut table = self.partitions.lock();
            match table.take(max)? {
                Taken::Records { slot, batch } => {
                    let (broker, job) = (table.hungry(slot), table.next_job(slot));
                    (Fetched::Records(batch), broker, job.map(|job| (job, slot)))
                }
                Taken::Failed { at, error, resume_at } => {
                    (Fetched::Failed { at, error, resume_at }, None, None)
                }
            }
        };
        self.wake(broker);
        if let Some((job, slot)) = job {
            self.prepare_from(Some(job), slot);
        }
        Some(taken)
    }

    fn next_error(&self) -> Result<(), ConsumerError> {
        let mut news = self.news.lock();
        match news.passing.pop_front().or_else(|| news.fatal.clone()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn wake_all(&self) {
        self.fetchers.lock().values().for_each(|fetcher| fetcher.notify_one());
    }
}
