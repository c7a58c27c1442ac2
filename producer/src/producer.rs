use std::sync::Arc;
use std::time::Duration;

use ottla_client::{Client, RefreshReason, Topic};
use tokio::runtime;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::{
    accumulator::{Life, TopicQueues, Turns},
    builder::ProducerBuilder,
    clock,
    config::Overflow,
    core::{Core, Hurry},
    error::{FlushError, Reason, Refused, Unsure},
    outcome::{Collected, Delivery, Why},
    record::{OwnedRecord, Record},
    record_sink::RecordSink,
    router,
    statistics::{ProducerStatistics, TopicStatistics},
};

/// Sends records in batches and tells what happened to each.
///
/// Cloning is cheap and all clones are the same producer. It works on the runtime it was built in.
///
/// Dropping the last clone accepts nothing more but sends on what was accepted, in the background,
/// until it is written or its delivery timeout has passed. [`close`](Self::close) waits for that
/// and says what was left.
#[derive(Clone, Debug)]
pub struct Producer {
    handle: Arc<Handle>,
}

/// Gone when the last clone is.
#[derive(Debug)]
struct Handle {
    core: Arc<Core>,
}

/// What a closed producer leaves behind.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Closed {
    /// Records that were not written, with the reason.
    pub not_written: Vec<Left<Reason>>,
    /// Records that may or may not be written, with the reason.
    pub unknown: Vec<Left<Unsure>>,
}

/// A record that was left when a producer closed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Left<R> {
    /// Its topic.
    pub topic: Topic,
    /// Why it was left.
    pub reason: R,
    /// The record; its partition is in it, if one was chosen.
    pub record: OwnedRecord,
}

impl Closed {
    fn of(failures: &[Collected]) -> Self {
        let mut closed = Self::default();
        for failed in failures {
            for record in failed.owned() {
                let topic = failed.topic.clone();
                match &failed.failure.why {
                    Why::NotWritten(reason) => {
                        closed.not_written.push(Left { topic, reason: reason.clone(), record });
                    }
                    Why::Unknown(reason) => {
                        closed.unknown.push(Left { topic, reason: reason.clone(), record });
                    }
                }
            }
        }
        closed
    }

    /// Whether everything was written.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.not_written.is_empty() && self.unknown.is_empty()
    }
}

impl Producer {
    /// Begins a producer on `client`.
    pub fn builder(client: &Client) -> ProducerBuilder {
        ProducerBuilder::new(client)
    }

    pub(crate) fn start(core: Arc<Core>) -> Self {
        core.client.spawn(router::run(Arc::clone(&core)));
        core.client.spawn(outlive(Arc::clone(&core)));
        Self { handle: Arc::new(Handle { core }) }
    }

    /// Sends a record. If there is no room for it, [`overflow`](ProducerBuilder::overflow) decides:
    /// by default this waits for room.
    ///
    /// The record is encoded before this returns; the [`Delivery`] tells what became of it.
    /// Records of one partition are written in the order in which their `send` returned. Those who
    /// wait for room get it in the order in which they began to wait.
    ///
    /// A record for a partition beyond those that are known makes this ask the cluster whether the
    /// topic has grown, for [`topic_timeout`](ProducerBuilder::topic_timeout) at most.
    ///
    /// # Cancel safety
    /// Dropped before it returned, nothing was sent.
    ///
    /// # Errors
    /// [`Refused`] says why the record was not accepted; nothing was done with it.
    pub async fn send(&self, to: &Topic, record: Record<'_>) -> Result<Delivery, Refused> {
        // With room nothing else here waits: a loop of sends alone on its thread would keep it from
        // the tasks that send.
        consume_budget().await;
        match self.offer(to, &record) {
            Ok(delivery) => Ok(delivery),
            Err(Some(refused)) if refused.may_be_outgrown() => {
                Box::pin(self.await_growth(to, &record, *refused)).await
            }
            Err(Some(refused)) => Err(*refused),
            Err(None) => match self.handle.core.config.overflow {
                // Boxed, so that those who need not wait do not carry along what waiting takes.
                Overflow::Wait => Box::pin(self.wait(to, &record)).await,
                _ => self.overflow(to, &record),
            },
        }
    }

    /// The topic has no such partition, as far as is known: asks the cluster, again and again, until
    /// it has (Java's `waitOnMetadata`).
    async fn await_growth(
        &self,
        to: &Topic,
        record: &Record<'_>,
        mut refused: Refused,
    ) -> Result<Delivery, Refused> {
        let core = &self.handle.core;
        let began = Instant::now();
        let until = began + core.config.topic_timeout;
        let mut asked = 0;
        while Instant::now() < until {
            // If nobody answers it was refused for what was known before.
            let _unanswered = core.client.metadata().refresh(until).await;
            asked += 1;
            // Between two questions, and so that the router takes in the answer first.
            let pause = if asked == 1 { Duration::from_millis(1) } else { core.backoff(asked) };
            sleep_until(until.min(Instant::now() + pause)).await;
            let queues = self.queues(to).map_err(|refused| *refused)?;
            if queues.full(core).is_some() {
                return match core.config.overflow {
                    Overflow::Wait => self.wait(to, record).await,
                    _ => self.overflow(to, record),
                };
            }
            match self.append(queues, record, Some(began)) {
                Err(again) if again.may_be_outgrown() => refused = *again,
                sent => return sent.map_err(|refused| *refused),
            }
        }
        Err(refused)
    }

    /// Sends a record without waiting: if there is no room for it now, it is refused, or dropped if
    /// [`overflow`](ProducerBuilder::overflow) says so.
    ///
    /// # Errors
    /// [`Refused::Full`] if there is no room or others wait for it; else as [`send`](Self::send).
    pub fn try_send(&self, to: &Topic, record: Record<'_>) -> Result<Delivery, Refused> {
        match self.offer(to, &record) {
            Ok(delivery) => Ok(delivery),
            Err(Some(refused)) => {
                if refused.may_be_outgrown() {
                    // The next try may know better.
                    self.client().metadata().request_refresh(RefreshReason::Stale);
                }
                Err(*refused)
            }
            Err(None) => self.overflow(to, &record),
        }
    }

    /// Sends a record if there is room; `Err(None)` if there is not.
    #[inline]
    fn offer(&self, to: &Topic, record: &Record<'_>) -> Result<Delivery, Option<Box<Refused>>> {
        let core = &self.handle.core;
        let queues = self.queues(to).map_err(Some)?;
        if queues.full(core).is_some() {
            return Err(None);
        }
        self.append(queues, record, None).map_err(Some)
    }

    /// Where the topic's records go.
    #[inline]
    fn queues(&self, to: &Topic) -> Result<&TopicQueues, Box<Refused>> {
        let core = &self.handle.core;
        if let Some(refused) = core.refusal() {
            return Err(Box::new(refused.clone()));
        }
        let queues = core.topics.get(core, &core.client, to);
        queues.ok_or_else(|| Box::new(Refused::ForeignTopic { topic: to.name().to_owned() }))
    }

    #[inline]
    fn append(
        &self,
        queues: &TopicQueues,
        record: &Record<'_>,
        began: Option<Instant>,
    ) -> Result<Delivery, Box<Refused>> {
        let timestamp = record.timestamp.unwrap_or_else(clock::now);
        let since = || began.unwrap_or_else(Instant::now);
        let life = queues.ttl(record).and_then(|ttl| Life::new(ttl, since()));
        queues.append(&self.handle.core, record, timestamp, life.as_ref())
    }

    /// What becomes of a record without room if nobody waits for it.
    #[cold]
    fn overflow(&self, to: &Topic, record: &Record<'_>) -> Result<Delivery, Refused> {
        let core = &self.handle.core;
        let queues = self.queues(to).map_err(|refused| *refused)?;
        let sent = match core.config.overflow {
            Overflow::DropOldest if core.make_room(queues) => self.append(queues, record, None),
            Overflow::DropNewest | Overflow::DropOldest => {
                let timestamp = record.timestamp.unwrap_or_else(clock::now);
                queues.drop_newest(core, record, timestamp)
            }
            Overflow::Wait | Overflow::Fail => {
                Err(Box::new(queues.full(core).unwrap_or(&core.budget).refusal()))
            }
        };
        sent.map_err(|refused| *refused)
    }

    /// Waits for room, and sends the record.
    async fn wait(&self, to: &Topic, record: &Record<'_>) -> Result<Delivery, Refused> {
        let core = &self.handle.core;
        let queues = self.queues(to).map_err(|refused| *refused)?;
        let began = Instant::now();
        let life = queues.ttl(record).and_then(|ttl| Life::new(ttl, began));
        let patience = core.config.max_wait.and_then(|wait| began.checked_add(wait));
        let until = [life.map(|life| life.ends), patience].into_iter().flatten().min();
        // A full buffer must not wait for requests to become full as well.
        let _hurry = core.hurry();
        let mut turns = Turns::default();
        let waiting = turns.wait(core, queues);
        match until {
            Some(until) => match timeout_at(until, waiting).await {
                Ok(waited) => waited?,
                Err(_) => {
                    return Err(match life.filter(|life| life.ends <= until) {
                        Some(Life { ttl, .. }) => Refused::Expired { ttl },
                        None => queues.full(core).unwrap_or(&core.budget).refusal(),
                    });
                }
            },
            None => waiting.await?,
        }
        self.append(queues, record, Some(began)).map_err(|refused| *refused)
    }

    /// Waits until every record that was accepted before has its outcome. Requests do not linger
    /// meanwhile.
    ///
    /// # Cancel safety
    /// Dropped early, the records are sent all the same.
    ///
    /// # Errors
    /// If records are not known to be written whose outcome came since the last flush.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let core = &self.handle.core;
        settle(core).await;
        core.outbox.emptied().await;
        core.ledger.take_failures()
    }

    /// Sends what was accepted and ends the producer, all clones included.
    ///
    /// What is not written `within` the time is given up, told to its [`Delivery`] and returned.
    ///
    /// # Cancel safety
    /// Dropped early, nothing further is accepted, and what was accepted is sent on in the
    /// background until its delivery timeout.
    pub async fn close(self, within: Duration) -> Closed {
        let core = &self.handle.core;
        core.refuse(Refused::Closed);
        core.collect_failures();
        self.finish(within).await
    }

    /// Gives up at once what was not sent yet and ends the producer, all clones included.
    ///
    /// What was not sent is not written, told to its [`Delivery`] as [`Reason::Aborted`] and
    /// returned. What was sent cannot be called back: its answer is awaited `within` the time, and
    /// after that its outcome is unknown. With no time at all it is unknown at once.
    ///
    /// librdkafka: `purge`; Java: `close(0)`.
    ///
    /// # Cancel safety
    /// Dropped early, nothing more is accepted or sent for the first time; what was sent is awaited
    /// in the background until its delivery timeout.
    pub async fn abort(self, within: Duration) -> Closed {
        let core = &self.handle.core;
        core.collect_failures();
        core.abort();
        self.finish(within).await
    }

    /// Waits for what is left, and gives up what is left then.
    async fn finish(&self, within: Duration) -> Closed {
        let core = &self.handle.core;
        // Whether it came to an end or not: what is left is given up now.
        let _ = timeout(within, settle(core)).await;
        core.end(Reason::Closed, Unsure::Closed);
        // A batch that is being compressed is given up when that is done.
        let _ = timeout(COMPRESSION, settle(core)).await;
        let _ = timeout(COMPRESSION, core.outbox.emptied()).await;
        core.ended.cancel();
        core.client.release(core.lane.owner());
        Closed::of(&core.take_failures())
    }

    /// Nobody holds the open transaction any more.
    pub(crate) fn give_up_transaction(&self) {
        if let Some(roll) = &self.handle.core.roll {
            roll.set_dropped();
        }
    }

    /// Bytes of the buffer that are in use.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.handle.core.budget.used()
    }

    /// What the producer has done since it was built, and what it is at.
    ///
    /// Cheap enough for every second: it looks at each partition once. Counting costs a batch and a
    /// request some atomic additions, and a record nothing. The figures of a snapshot are taken one
    /// after the other while the producer goes on.
    #[must_use]
    pub fn statistics(&self) -> ProducerStatistics {
        self.handle.core.statistics()
    }

    /// The records of a topic and of each of its partitions; `None` if none was sent there.
    #[must_use]
    pub fn statistics_of(&self, topic: &Topic) -> Option<TopicStatistics> {
        let core = &self.handle.core;
        let queues = core.topics.all().find(|queues| queues.topic == *topic)?;
        Some(queues.statistics())
    }

    pub(crate) fn delivery_timeout(&self) -> Duration {
        self.handle.core.config.delivery_timeout
    }

    /// Waits until there is room, which others may take before the caller does.
    pub(crate) async fn room(&self) {
        let core = &self.handle.core;
        while core.refusal().is_none() && (!core.budget.has_room() || core.budget.has_waiters()) {
            core.wake_sinks();
            core.budget.turn().await;
            if core.budget.has_room() {
                core.budget.pass_on();
                return;
            }
        }
    }

    /// The runtime that it works on.
    pub(crate) fn runtime(&self) -> Option<&runtime::Handle> {
        self.handle.core.runtime.as_ref()
    }

    /// When the producer has come to its end. The future does not keep it alive.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.handle.core.ended.clone().cancelled_owned()
    }

    /// Until it is dropped requests do not linger.
    pub(crate) fn hurry(&self) -> Hurry {
        self.handle.core.hurry()
    }

    /// A `futures::Sink` of records for a topic.
    #[must_use]
    pub fn sink(&self, to: &Topic) -> RecordSink {
        RecordSink::new(self.clone(), to.clone())
    }

    /// The client this producer works on.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.handle.core.client
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nothing more than this: the last handle may be dropped outside of any runtime.
        self.core.refuse(Refused::Closed);
        self.core.orphaned.cancel();
    }
}

/// Ends the producer when its last handle is gone and everything has its outcome.
async fn outlive(core: Arc<Core>) {
    tokio::select! {
        biased;
        () = core.ended.cancelled() => return,
        () = core.orphaned.cancelled() => {}
    }
    if let Some(roll) = &core.roll {
        // A transaction that is open is aborted first.
        roll.finished.cancelled().await;
    }
    tokio::select! {
        biased;
        () = core.ended.cancelled() => return,
        () = settle(&core) => {}
    }
    core.ended.cancel();
    core.client.release(core.lane.owner());
}

/// Waits until what is accepted by now has its outcome.
pub(crate) async fn settle(core: &Arc<Core>) {
    let _hurry = core.hurry();
    let generation = core.ledger.end_generation();
    core.ledger.settled(generation).await;
}

/// How long a close waits for batches that are being compressed: far longer than the largest takes.
const COMPRESSION: Duration = Duration::from_secs(5);
