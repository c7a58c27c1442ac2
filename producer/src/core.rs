//! What the handles, the sinks and the router of one producer share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ottla_client::{BrokerId, Client, Cluster, Lane, LaneKind, OwnerId, TopicPartition};
use ottla_protocol::{ErrorCode, records::ChunkPool};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    accumulator::{
        Budget, DrainedBatch, Ledger, Limits, PartitionQueue, Sizing, TopicQueues, Topics,
    },
    alarms::Alarms,
    config::{Gathering, Overflow, ProducerConfig, TopicConfig},
    error::{Reason, Refused, Unsure},
    idempotence::{Identity, Sequencer},
    outcome::{Collected, Outbox, ProducerEvents},
    sink::{self, Sink},
    statistics::{Meter, ProducerStatistics},
    transaction::Roll,
};

pub(crate) struct Core {
    pub(crate) client: Client,
    /// The one it was built in.
    pub(crate) runtime: Option<Handle>,
    pub(crate) config: ProducerConfig,
    pub(crate) lane: Lane,
    pub(crate) pool: ChunkPool,
    /// Batches that may be compressed at the same time.
    pub(crate) compressions: Arc<Semaphore>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) topics: Topics,
    pub(crate) alarms: Alarms,
    pub(crate) outbox: Outbox,
    pub(crate) meter: Meter,
    /// Of a transactional producer: what belongs to its open transaction.
    pub(crate) roll: Option<Roll>,
    /// Wakes the router: a topic is new, an identity is wanted, or there is something to tell.
    pub(crate) router: Notify,
    /// Some partition is to be left out of keyless routing, or no longer.
    rerouting: AtomicBool,
    /// The last handle is gone.
    pub(crate) orphaned: CancellationToken,
    /// The tasks end.
    pub(crate) ended: CancellationToken,
    /// Why no further record is accepted.
    refusal: OnceLock<Refused>,
    /// Nothing is sent for the first time any longer.
    aborted: AtomicBool,
    /// Why nothing is sent any longer.
    over: OnceLock<Over>,
    /// In an order that is the same in every run.
    sinks: Mutex<BTreeMap<BrokerId, Arc<Sink>>>,
    /// What all sinks together have to send, where records are gathered over all.
    gathered: Option<Arc<AtomicIsize>>,
    identity: Mutex<Option<Identity>>,
    /// Flushes and closes that are under way.
    flushing: AtomicUsize,
    rounds: AtomicU64,
    random: Mutex<fastrand::Rng>,
    /// What is given back, while a close collects it.
    collected: Mutex<Option<Vec<Collected>>>,
}

/// What is told to records that are left when the producer ends.
#[derive(Debug)]
pub(crate) struct Over {
    pub(crate) not_written: Reason,
    pub(crate) unknown: Unsure,
}

impl Core {
    pub(crate) fn new(
        client: Client,
        config: ProducerConfig,
        events: Option<Arc<dyn ProducerEvents>>,
    ) -> Arc<Self> {
        let owner = client.owner();
        Self::assemble(client, config, events, owner, None)
    }

    /// Of a transactional producer.
    pub(crate) fn with_roll(
        client: Client,
        config: ProducerConfig,
        events: Option<Arc<dyn ProducerEvents>>,
        roll: impl FnOnce(OwnerId) -> Roll,
    ) -> Arc<Self> {
        let owner = client.owner();
        Self::assemble(client, config, events, owner, Some(roll(owner)))
    }

    fn assemble(
        client: Client,
        config: ProducerConfig,
        events: Option<Arc<dyn ProducerEvents>>,
        owner: OwnerId,
        roll: Option<Roll>,
    ) -> Arc<Self> {
        let lane = Lane::new(LaneKind::Produce, owner);
        let seed = client.next_seed();
        Arc::new(Self {
            lane,
            pool: ChunkPool::default(),
            compressions: Arc::new(Semaphore::new(config.compression_concurrency)),
            budget: Arc::new(Budget::new(Limits {
                bytes: Some(config.buffer_memory),
                records: config.buffer_records,
                topic: None,
                drop_oldest: config.overflow == Overflow::DropOldest,
            })),
            ledger: Ledger::new(),
            topics: Topics::default(),
            alarms: Alarms::default(),
            meter: Meter::default(),
            outbox: Outbox::new(events, config.buffer_memory),
            roll,
            router: Notify::new(),
            rerouting: AtomicBool::new(false),
            orphaned: CancellationToken::new(),
            ended: CancellationToken::new(),
            sinks: Mutex::new(BTreeMap::new()),
            gathered: (config.gathering == Gathering::OverAll).then(Arc::default),
            identity: Mutex::new(None),
            refusal: OnceLock::new(),
            aborted: AtomicBool::new(false),
            over: OnceLock::new(),
            flushing: AtomicUsize::new(0),
            rounds: AtomicU64::new(0),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            collected: Mutex::new(None),
            runtime: Handle::try_current().ok(),
            client,
            config,
        })
    }

    /// A seed from the client's own.
    pub(crate) fn seed(&self) -> u64 {
        self.random.lock().u64(..)
    }

    /// How long to wait after so many failures in a row.
    pub(crate) fn backoff(&self, failures: u32) -> Duration {
        self.config.retry_backoff.wait(failures, self.random.lock().f64())
    }

    /// How long to wait after so many failures in a row, of which the last was `code`.
    pub(crate) fn backoff_after(&self, code: ErrorCode, failures: u32) -> Duration {
        let wait = self.backoff(failures);
        if code == ErrorCode::CONCURRENT_TRANSACTIONS {
            // The markers of the transaction before are on their way, which takes milliseconds.
            wait.min(MARKERS.saturating_mul(1 << failures.clamp(1, 16).saturating_sub(1)))
        } else {
            wait
        }
    }

    /// Has the router look again which partitions keyless records go to.
    pub(crate) fn reroute(&self) {
        self.rerouting.store(true, Ordering::Relaxed);
        self.router.notify_one();
    }

    /// Whether it was asked to, since this was asked last.
    pub(crate) fn take_rerouting(&self) -> bool {
        self.rerouting.swap(false, Ordering::Relaxed)
    }

    /// A number for one request, never the same twice.
    pub(crate) fn next_round(&self) -> u64 {
        self.rounds.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    pub(crate) fn identity(&self) -> Option<Identity> {
        *self.identity.lock()
    }

    pub(crate) fn set_identity(&self, identity: Identity) {
        *self.identity.lock() = Some(identity);
    }

    /// Why no further record is accepted, if that is so.
    #[inline]
    pub(crate) fn refusal(&self) -> Option<&Refused> {
        self.refusal.get()
    }

    /// Why the open transaction takes no further record, if that is so.
    pub(crate) fn transaction_refusal(&self) -> Option<Box<Refused>> {
        self.roll.as_ref()?.refusal().map(Box::new)
    }

    /// Accepts no further record, and returns when those that are being accepted are. The first
    /// reason stays.
    pub(crate) fn refuse(&self, why: Refused) {
        let _ = self.refusal.set(why);
        self.budget.wake_all();
        self.topics.all().for_each(|queues| queues.wake_waiters());
        // Batches are begun under these locks, and only after a look at the refusal.
        self.topics.all().for_each(|queues| queues.quiesce());
    }

    /// What is told to records that are left, if nothing is sent any longer.
    pub(crate) fn over(&self) -> Option<&Over> {
        self.over.get()
    }

    /// Why a batch that has not been sent yet never will be, if that is so.
    pub(crate) fn unsendable(&self) -> Option<Reason> {
        if let Some(over) = self.over() {
            return Some(over.not_written.clone());
        }
        self.aborted.load(Ordering::SeqCst).then_some(Reason::Aborted)
    }

    /// Gives up what has not been sent. What has is awaited, and sent again where that is needed.
    pub(crate) fn abort(&self) {
        self.refuse(Refused::Closed);
        // Whoever takes a batch off its queue after this looks at it when the batch is to be sent.
        self.aborted.store(true, Ordering::SeqCst);
        for queues in self.topics.all() {
            queues.fail_staging(self, &Reason::Aborted);
            for partition in queues.queues() {
                partition.fail_unsent(self, &Reason::Aborted);
            }
        }
    }

    /// Sends nothing any longer and gives up what is left. The first reason stays.
    pub(crate) fn end(&self, not_written: Reason, unknown: Unsure) {
        self.refuse(Refused::Closed);
        let over = self.over.get_or_init(|| Over { not_written, unknown });
        for queues in self.topics.all() {
            queues.fail_staging(self, &over.not_written);
            queues.clear_pile(self);
            for partition in queues.queues() {
                partition.fail_all(self, over);
            }
        }
        // It knows partitions, which know the budgets of their topics.
        let budgets = self.topics.all().flat_map(|queues| queues.budgets(self));
        budgets.for_each(|budget| budget.forget_begun());
        for sink in self.sinks.lock().values() {
            sink.clear();
        }
    }

    /// The sink of a broker; its task is started with it.
    pub(crate) fn sink(self: &Arc<Self>, broker: BrokerId) -> Arc<Sink> {
        let mut sinks = self.sinks.lock();
        let sink = sinks.entry(broker);
        let sink = sink.or_insert_with(|| Sink::new(broker, self.gathered.clone()));
        if sink.begin() {
            self.client.spawn(sink::run(Arc::clone(self), Arc::clone(sink)));
        }
        Arc::clone(sink)
    }

    /// Ends the sinks of brokers that have left, but for those that partitions are led through.
    pub(crate) fn retire_sinks(&self, cluster: &Cluster) {
        let departed = |sink: &&Arc<Sink>| cluster.broker(sink.broker).is_none();
        let departed: Vec<_> = self.sinks.lock().values().filter(departed).cloned().collect();
        for sink in departed {
            let mut queues = self.topics.all().flat_map(|queues| queues.queues());
            if !queues.any(|queue| queue.is_led_through(&sink)) {
                sink.retire();
            }
        }
    }

    /// A queue for a partition that has been heard of.
    pub(crate) fn open_partition(
        &self,
        at: TopicPartition,
        config: &Arc<TopicConfig>,
        sizing: &Arc<Sizing>,
        room: Option<&Arc<Budget>>,
    ) -> Arc<PartitionQueue> {
        let sequencer: Sequencer<DrainedBatch> = if self.roll.is_some() {
            Sequencer::transactional()
        } else if self.config.idempotence {
            Sequencer::idempotent()
        } else {
            Sequencer::plain(self.config.retries)
        };
        let (config, sizing) = (Arc::clone(config), Arc::clone(sizing));
        PartitionQueue::new(at, config, sizing, room.cloned(), sequencer)
    }

    /// Whether requests should not wait to become full.
    pub(crate) fn hurries(&self) -> bool {
        self.flushing.load(Ordering::Relaxed) > 0 || self.budget.has_waiters()
    }

    /// Lets every sink send what it has; until the guard is dropped requests do not linger.
    pub(crate) fn hurry(self: &Arc<Self>) -> Hurry {
        self.flushing.fetch_add(1, Ordering::Relaxed);
        self.wake_sinks();
        Hurry(Arc::clone(self))
    }

    /// Lets every sink send at once what it has: it makes room.
    pub(crate) fn ripen_sinks(&self) {
        for sink in self.sinks.lock().values() {
            sink.ripen();
        }
    }

    /// Drops the oldest records, of the topic if its own buffer is full, until there is room for
    /// another. Returns whether there is: all that is left may have been taken to be sent.
    pub(crate) fn make_room(&self, queues: &TopicQueues) -> bool {
        self.ripen_sinks();
        while let Some(budget) = queues.budgets(self).find(|budget| !budget.has_room()) {
            if !budget.drop_oldest(self) {
                return false;
            }
        }
        true
    }

    /// Lets every sink but that of `caller` send what it has, full or not: records are gathered
    /// over all.
    pub(crate) fn call_sinks(&self, caller: Option<BrokerId>) {
        for (broker, sink) in &*self.sinks.lock() {
            if Some(*broker) != caller {
                sink.call();
            }
        }
    }

    /// Lets every sink look again.
    pub(crate) fn wake_sinks(&self) {
        for sink in self.sinks.lock().values() {
            sink.hurry();
        }
    }

    /// Everything that is counted.
    pub(crate) fn statistics(&self) -> ProducerStatistics {
        let mut statistics = ProducerStatistics::measured(&self.meter);
        for queues in self.topics.all() {
            statistics.add_topic(&queues.statistics());
        }
        for (broker, sink) in &*self.sinks.lock() {
            statistics.add_broker(sink.meter.read(*broker));
        }
        statistics.buffered_bytes = self.budget.used();
        statistics.buffer_limit = self.budget.limit();
        statistics.spare_chunks = self.pool.idle();
        statistics
    }

    /// Records are given back.
    pub(crate) fn failed(&self, records: Collected) {
        if let Some(queues) = self.topics.get(self, &self.client, &records.topic) {
            let tally = queues.tally(records.failure.partition);
            tally.failed(records.records.len() as u64, &records.failure.why);
        }
        if let Some(roll) = &self.roll {
            roll.record_failed(&records.failure.why);
        }
        if self.outbox.failed(&records) {
            self.router.notify_one();
        }
        if let Some(collected) = self.collected.lock().as_mut() {
            collected.push(records);
        }
    }

    /// Keeps what is given back from now on.
    pub(crate) fn collect_failures(&self) {
        self.collected.lock().get_or_insert_default();
    }

    /// What was given back since [`collect_failures`](Self::collect_failures).
    pub(crate) fn take_failures(&self) -> Vec<Collected> {
        self.collected.lock().take().unwrap_or_default()
    }
}

/// The first wait for the markers of the transaction before; as in Java.
const MARKERS: Duration = Duration::from_millis(20);

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer")
            .field("config", &self.config)
            .field("buffered", &self.budget.used())
            .finish_non_exhaustive()
    }
}

/// While it lives, requests do not linger.
#[derive(Debug)]
pub(crate) struct Hurry(Arc<Core>);

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.flushing.fetch_sub(1, Ordering::Relaxed);
    }
}
