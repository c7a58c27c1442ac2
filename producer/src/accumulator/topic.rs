//! A topic as the producer sees it: its partitions once they are known, a staging batch before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ottla_client::{Topic, TopicPartition};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    batch::QueuedBatch,
    begun::Entry,
    budget::{Budget, Limits},
    lives::Life,
    partition::PartitionQueue,
    pile::Pile,
    removal::Removed,
    sizing::Sizing,
    slots::Slots,
    staging::{Released, Staging},
};
use crate::{
    config::{Overflow, TopicConfig},
    core::Core,
    error::{Reason, Refused},
    outcome::{Delivery, Why},
    partitioner::{Choice, Chooser, Queues, Route, Routes, Waiting},
    record::Record,
    statistics::{Tally, TopicStatistics},
};

#[derive(Debug)]
pub(crate) struct TopicQueues {
    pub(crate) topic: Topic,
    /// Found out once, so that no record looks it up.
    pub(crate) config: Arc<TopicConfig>,
    pub(crate) sizing: Arc<Sizing>,
    /// How many partitions the topic has; zero until it is known. A topic that was made anew can
    /// have fewer of them than there are queues.
    count: AtomicUsize,
    queues: Slots<Arc<PartitionQueue>>,
    /// How many queues there are.
    opened: AtomicUsize,
    chooser: Chooser,
    /// Held while records move from here to the partitions: later ones queue behind.
    staging: Mutex<Option<Staging>>,
    /// Counts the records that waited in it.
    staged: Arc<Tally>,
    /// What its records may take, if that is limited for this topic.
    pub(crate) room: Option<Arc<Budget>>,
    /// What may wait for the topic to become known.
    postponed: Arc<Budget>,
    /// What is dropped as soon as it is sent.
    pile: Pile,
}

impl TopicQueues {
    pub(super) fn new(core: &Core, topic: Topic) -> Arc<Self> {
        let config = Arc::new(TopicConfig::of(&core.config, topic.name()));
        let budget = |bytes, records| {
            let drop_oldest = core.config.overflow == Overflow::DropOldest;
            let topic = Some(topic.clone());
            Arc::new(Budget::new(Limits { bytes, records, topic, drop_oldest }))
        };
        let limited = config.buffer_memory.is_some() || config.buffer_records.is_some();
        Arc::new(Self {
            room: limited.then(|| budget(config.buffer_memory, config.buffer_records)),
            postponed: budget(None, Some(core.config.max_postponed)),
            pile: Pile::default(),
            chooser: Chooser::new(&config.partitioner, core.seed()),
            sizing: Arc::new(Sizing::of(&core.config, &config)),
            config,
            topic,
            count: AtomicUsize::new(0),
            queues: Slots::default(),
            opened: AtomicUsize::new(0),
            staging: Mutex::new(None),
            staged: Arc::default(),
        })
    }

    #[inline]
    pub(crate) fn append(
        &self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
        life: Option<&Life>,
    ) -> Result<Delivery, Box<Refused>> {
        match self.count.load(Ordering::Acquire) {
            0 => self.stage(core, record, timestamp, life),
            count => self.place(count, core, record, timestamp, life),
        }
    }

    #[inline]
    fn place(
        &self,
        count: usize,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
        life: Option<&Life>,
    ) -> Result<Delivery, Box<Refused>> {
        let (partition, free) = self.choose(count, record)?;
        partition.append(core, record, timestamp, life, free)
    }

    /// The first budget in which there is no room for another record, or others wait for it.
    #[inline]
    pub(crate) fn full<'a>(&'a self, core: &'a Core) -> Option<&'a Arc<Budget>> {
        if self.room.is_none() && core.budget.is_open() && self.is_known() {
            return None;
        }
        // Who drops records waits for nobody, and so has nobody before.
        let waits = matches!(core.config.overflow, Overflow::Wait | Overflow::Fail);
        self.budgets(core).find(|budget| if waits { !budget.is_open() } else { !budget.has_room() })
    }

    /// All budgets that a record is charged to, in the order in which to wait for them.
    pub(crate) fn budgets<'a>(&'a self, core: &'a Core) -> impl Iterator<Item = &'a Arc<Budget>> {
        let postponed = (!self.is_known()).then_some(&self.postponed);
        postponed.into_iter().chain(&self.room).chain(std::iter::once(&core.budget))
    }

    /// Takes a record only to give it back: there is no room.
    pub(crate) fn drop_newest(
        &self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<Delivery, Box<Refused>> {
        Staging::check(core, record, timestamp)?;
        self.pile.append(core, &self.topic, &self.staged, record, timestamp)
    }

    /// Gives back what was dropped as soon as it was sent.
    pub(crate) fn clear_pile(&self, core: &Core) {
        self.pile.clear(core, &self.topic);
    }

    /// Lets all look who wait for room: the producer is closing.
    pub(crate) fn wake_waiters(&self) {
        self.room.iter().chain([&self.postponed]).for_each(|budget| budget.wake_all());
    }

    /// Drops a batch of those that wait for the topic. `None` if it waits no longer; nothing of it
    /// is left otherwise.
    pub(super) fn evict_staged(&self, core: &Core, entry: &Entry) -> Option<bool> {
        let evicted = self.staging.lock().as_mut()?.evict(entry)?;
        let QueuedBatch { raw, burden, .. } = evicted.seal().compacted(core);
        burden.failed(core, Why::NotWritten(Reason::Overflow), &self.topic, None, raw.into());
        Some(false)
    }

    #[cold]
    fn stage(
        &self,
        core: &Core,
        record: &Record<'_>,
        timestamp: i64,
        life: Option<&Life>,
    ) -> Result<Delivery, Box<Refused>> {
        let mut record = *record;
        if self.chooser.is_custom() && record.partition.is_none() {
            // While others are handed over the partitions are known already, and the user's
            // function is not to be called under the lock.
            if let Some(count) = self.chooser.routed() {
                record.partition = Some(self.choose(count, &record)?.0.at.partition);
            }
        }
        let record = &record;
        let mut staging = self.staging.lock();
        let count = self.count.load(Ordering::Acquire);
        if count > 0 {
            drop(staging);
            return self.place(count, core, record, timestamp, life);
        }
        if let Some(refused) = core.refusal() {
            return Err(Box::new(refused.clone()));
        }
        if let Some(refused) = core.transaction_refusal() {
            return Err(refused);
        }
        Staging::check(core, record, timestamp)?;
        let sooner = |staging: &Option<Staging>| match (staging, life) {
            (None, _) => true,
            (Some(staged), Some(life)) => staged.next_expiry().is_none_or(|at| life.ends < at),
            (Some(_), None) => false,
        };
        let to_watch = sooner(&staging);
        let staged = staging.get_or_insert_with(|| Staging::new(core));
        let (room, tally) = (self.room.iter().chain([&self.postponed]), &self.staged);
        staged.room_for(core, tally, room, &self.topic);
        let delivery = staged.append(core, record, timestamp, life);
        drop(staging);
        if to_watch {
            core.router.notify_one();
        }
        delivery
    }

    /// Gives back what has expired of the records that wait for the topic; returns when the next
    /// one expires.
    pub(crate) fn expire_staged(&self, core: &Core, now: Instant) -> Option<Instant> {
        let mut staging = self.staging.lock();
        let removed = staging.as_mut()?.expire(core, now);
        let next = staging.as_ref().and_then(Staging::next_expiry);
        drop(staging);
        removed.give_back(core, &self.topic, None);
        next
    }

    /// When the records that wait for the topic are given back.
    pub(crate) fn staging_deadline(&self) -> Option<Instant> {
        self.staging.lock().as_ref().map(|staging| staging.deadline)
    }

    /// Gives the waiting records back.
    pub(crate) fn fail_staging(&self, core: &Core, reason: &Reason) {
        let staging = self.staging.lock().take();
        if let Some(staging) = staging {
            staging.fail(core, &self.topic, reason);
        }
    }

    /// Returns when no sender is in the middle of an append that began before.
    pub(crate) fn quiesce(&self) {
        drop(self.staging.lock());
        self.pile.quiesce();
        self.queues().for_each(|partition| partition.quiesce());
    }

    /// Where records are counted that failed before or in a partition.
    pub(crate) fn tally(&self, partition: Option<i32>) -> &Tally {
        let index = partition.and_then(|partition| usize::try_from(partition).ok());
        let queue = index.and_then(|index| self.queues.get(index));
        queue.map_or(&self.staged, |queue| &queue.tally)
    }

    /// What is counted of its records.
    pub(crate) fn statistics(&self) -> TopicStatistics {
        // Held, so that no record is on its way from here to a partition.
        let staging = self.staging.lock();
        let open = staging.as_ref().map_or(0, |staging| staging.count());
        let mut records = self.staged.read(|| self.staged.entered().saturating_add(open));
        let partitions: Vec<_> = self.queues().map(|queue| queue.statistics()).collect();
        partitions.iter().for_each(|partition| records.add(&partition.records));
        let postponed = self.staged.ever().saturating_sub(self.pile.ever()).saturating_add(open);
        TopicStatistics { topic: self.topic.clone(), records, postponed, partitions }
    }

    /// Until when a partition is left out of keyless routing because it failed, if it is.
    pub(crate) fn out_until(&self, partition: usize, now: Instant) -> Option<Instant> {
        self.queues.get(partition)?.out_until(now)
    }

    /// Whether the topic's partitions are known.
    pub(crate) fn is_known(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// The queues of all partitions there ever were.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &Arc<PartitionQueue>> {
        (0..self.opened.load(Ordering::Acquire)).filter_map(|index| self.queues.get(index))
    }

    /// Takes in what the cluster says of each partition.
    ///
    /// Queues are only ever added. Those of new partitions come from `open`.
    pub(crate) fn update(
        &self,
        core: &Core,
        routes: Vec<Route>,
        open: impl Fn(TopicPartition) -> Arc<PartitionQueue>,
    ) {
        let count = routes.len();
        if count == 0 {
            return;
        }
        for (index, number) in (0..count).zip(0..) {
            let at = || TopicPartition::new(self.topic.clone(), number);
            self.queues.get_or_make(index, || open(at()));
        }
        self.opened.fetch_max(count, Ordering::AcqRel);
        self.chooser.reroute(Routes::new(routes), self);
        let mut staging = self.staging.lock();
        // The user's own function is not called under the lock. Those who come meanwhile queue
        // behind, and have called it themselves.
        while let Some(mut staged) =
            staging.take_if(|staged| self.chooser.is_custom() && !staged.is_placed())
        {
            drop(staging);
            let removed = staged.expire(core, Instant::now());
            let released = staged.release(core, self, count);
            removed.give_back(core, &self.topic, None);
            released.into_iter().for_each(Released::tell);
            staging = self.staging.lock();
        }
        let mut removed = Removed::default();
        let released = staging.take().map(|mut staged| {
            removed = staged.expire(core, Instant::now());
            staged.release(core, self, count)
        });
        self.count.store(count, Ordering::Release);
        drop(staging);
        removed.give_back(core, &self.topic, None);
        released.into_iter().flatten().for_each(Released::tell);
        self.move_on(core, count);
    }

    /// Moves what waits in partitions that keyless records do not go to, and need not be there, to
    /// those they go to. In a transaction nothing moves: its partitions are told to the
    /// coordinator.
    fn move_on(&self, core: &Core, count: usize) {
        if core.roll.is_some() {
            return;
        }
        let left = self.chooser.left();
        for queue in left.iter().filter_map(|&left| self.queues.get(left)) {
            for batch in queue.take_movable(core) {
                let index = self.chooser.spread(batch.raw.encoded_len(), count, self);
                let to = self.queues.get(index).unwrap_or(queue);
                tracing::debug!(from = %queue.at, to = %to.at, "partitioned again");
                to.take_over(core, batch);
            }
        }
    }

    /// How long the record is worth sending, if that is limited.
    #[inline]
    pub(crate) fn ttl(&self, record: &Record<'_>) -> Option<Duration> {
        record.ttl.or(self.config.ttl)
    }

    /// The partition for a record, and whether any other would do.
    #[inline]
    pub(super) fn choose(
        &self,
        count: usize,
        record: &Record<'_>,
    ) -> Result<(&Arc<PartitionQueue>, bool), Box<Refused>> {
        let (index, free) = match record.partition {
            Some(partition) => (usize::try_from(partition).unwrap_or(usize::MAX), false),
            None => match self.chooser.choose(self.topic.name(), record, count, self) {
                Choice::Fixed(index) => (index, false),
                Choice::Free(index) => (index, true),
                Choice::Bad(partition) => {
                    let topic = self.topic.name().to_owned();
                    let refused = Refused::BadPartition { topic, partition, count };
                    return Err(Box::new(refused));
                }
            },
        };
        let queue = if index < count { self.queues.get(index) } else { None };
        queue.map(|queue| (queue, free)).ok_or_else(|| {
            Box::new(Refused::NoSuchPartition {
                topic: self.topic.name().to_owned(),
                partition: record.partition.unwrap_or(-1),
                count,
            })
        })
    }
}

impl Queues for TopicQueues {
    fn waiting(&self, partition: u32) -> Waiting {
        self.queues.get(partition as usize).map(|queue| queue.waiting()).unwrap_or_default()
    }
}
