//! A group of one, a log and a producer in memory, and the rules that always hold.
//!
//! Whatever a test does, the world notes a violation when a position is marked over a record that
//! is not done, when a mark goes backwards, when two handlers of one key run at the same time, and
//! when a partition is read while it is paused or not ours.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_client::{Client, Topic, TopicPartition};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::counters::Meters;
use crate::driver::Driver;
use crate::handle::ProcessorHandle;
use crate::handler::HandlerRunner;
use crate::permits::Limits;
use crate::settings::{Settings, Unreadable};
use crate::*;

#[derive(Clone, Debug)]
pub(super) struct TestMessage {
    at: TopicPartition,
    offset: i64,
    key: Option<Bytes>,
    value: Bytes,
    mark: TestMark,
    /// Whether it has its memory for itself.
    pub(super) detached: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct TestMark {
    epoch: Epoch,
    next: i64,
}

impl Mark for TestMark {
    fn next_offset(&self) -> i64 {
        self.next
    }
}

impl TestMessage {
    pub(super) fn value(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap()
    }

    pub(super) fn partition(&self) -> i32 {
        self.at.partition
    }

    /// An output that says which record it is for, to the processor's topic.
    pub(super) fn echo(&self) -> Output {
        self.to_output()
            .header("partition", self.at.partition.to_string())
            .header("offset", self.offset.to_string())
    }
}

impl Input for TestMessage {
    type Mark = TestMark;

    fn topic_partition(&self) -> &TopicPartition {
        &self.at
    }

    fn offset(&self) -> i64 {
        self.offset
    }

    fn timestamp(&self) -> i64 {
        1_000_000 + self.offset
    }

    fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    fn mark(&self) -> TestMark {
        self.mark
    }

    fn size(&self) -> usize {
        self.value.len()
    }

    fn detach(&self) -> Self {
        Self { detached: true, ..self.clone() }
    }

    fn to_output(&self) -> Output {
        let output = Output::value(self.value.clone());
        match &self.key {
            Some(key) => output.key(key.clone()),
            None => output,
        }
    }
}

/// What the sink does with an output.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    Written(Duration),
    Fails(Remedy, Duration),
    /// Not acknowledged in time, but written.
    MaybeWritten(Duration),
}

#[derive(Default)]
struct State {
    partitions: HashMap<i32, Partition>,
    turn: i32,
    events: VecDeque<Result<Event<TestMessage>, SourceError>>,
    epochs: u64,
    /// Records that may be committed over: (partition, offset).
    done: HashSet<(i32, i64)>,
    written: Vec<(Topic, Output)>,
    running: HashMap<(i32, Bytes), usize>,
    violations: Vec<String>,
    in_flight: usize,
    closed: bool,
    pauses: usize,
    alive: usize,
}

#[derive(Default)]
struct Partition {
    log: Vec<(i64, Option<Bytes>, Bytes)>,
    end: i64,
    epoch: Option<Epoch>,
    leaving: bool,
    paused: bool,
    position: i64,
    marked: Option<i64>,
    committed: Option<i64>,
    seeks: Vec<i64>,
}

type Decide = Box<dyn FnMut(&Topic, &Output) -> Verdict + Send>;

#[derive(Clone)]
pub(super) struct World {
    state: Arc<Mutex<State>>,
    notify: Arc<Notify>,
    room: Arc<Notify>,
    decide: Arc<Mutex<Decide>>,
    pub(super) client: Client,
    topic: Topic,
    pub(super) settings: Arc<Mutex<Settings>>,
    /// Records per batch.
    pub(super) batch: Arc<Mutex<usize>>,
    /// Outputs the sink has room for.
    pub(super) capacity: Arc<Mutex<usize>>,
}

impl World {
    pub(super) fn new() -> Self {
        let client = Client::builder().bootstrap(["nowhere:1"]).build().unwrap();
        let settings = Settings {
            name: "test".to_owned(),
            instance: "0".to_owned(),
            output: Some(client.topic("out")),
            dead_letter: None,
            order: Order::Key,
            output_order: OutputOrder::Completion,
            null_keys: NullKeys::Unordered,
            limits: Limits { concurrency: 16, outstanding: 1000, bytes: 1 << 20, retrying: 500 },
            retry: RetryPolicy::DEFAULT,
            exhausted: Exhausted::Stop,
            unreadable: Unreadable::Stop,
            drain_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(10),
            seed: 1,
        };
        let decide: Decide = Box::new(|_, _| Verdict::Written(Duration::from_millis(3)));
        Self {
            state: Arc::default(),
            notify: Arc::default(),
            room: Arc::default(),
            decide: Arc::new(Mutex::new(decide)),
            topic: client.topic("in"),
            client,
            settings: Arc::new(Mutex::new(settings)),
            batch: Arc::new(Mutex::new(50)),
            capacity: Arc::new(Mutex::new(10_000)),
        }
    }

    pub(super) fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings.lock());
        self
    }

    pub(super) fn decide(&self, with: impl FnMut(&Topic, &Output) -> Verdict + Send + 'static) {
        *self.decide.lock() = Box::new(with);
    }

    pub(super) fn at(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.topic.clone(), partition)
    }

    /// Adds a record; an empty key is null.
    pub(super) fn append(&self, partition: i32, key: &str, value: &str) -> i64 {
        let mut state = self.state.lock();
        let log = state.partitions.entry(partition).or_default();
        let offset = log.end;
        let key = (!key.is_empty()).then(|| Bytes::copy_from_slice(key.as_bytes()));
        log.log.push((offset, key, Bytes::copy_from_slice(value.as_bytes())));
        log.end += 1;
        drop(state);
        self.notify.notify_one();
        offset
    }

    /// Offsets that hold no record for us: a transaction marker, or what compaction left.
    pub(super) fn gap(&self, partition: i32, offsets: i64) {
        self.state.lock().partitions.entry(partition).or_default().end += offsets;
        self.notify.notify_one();
    }

    pub(super) fn event(&self, event: Result<Event<TestMessage>, SourceError>) {
        self.state.lock().events.push_back(event);
        self.notify.notify_one();
    }

    pub(super) fn assign(&self, partitions: &[i32]) {
        let mut assigned = Vec::new();
        let mut state = self.state.lock();
        for &number in partitions {
            state.epochs += 1;
            let epoch = Epoch(state.epochs);
            let partition = state.partitions.entry(number).or_default();
            assert_eq!(partition.epoch, None);
            partition.epoch = Some(epoch);
            (partition.leaving, partition.paused) = (false, false);
            partition.position = partition.committed.unwrap_or(0);
            partition.marked = None;
            assigned.push((self.at(number), epoch));
        }
        drop(state);
        self.event(Ok(Event::Assigned(assigned)));
    }

    /// Revokes partitions and waits until they are let go of; commits what is marked.
    pub(super) async fn revoke(&self, partitions: &[i32]) {
        let (handover, over) = Handover::new();
        let mut revoked = Vec::new();
        for &number in partitions {
            let mut state = self.state.lock();
            let partition = state.partitions.get_mut(&number).unwrap();
            partition.leaving = true;
            revoked.push((self.at(number), partition.epoch.unwrap()));
        }
        self.event(Ok(Event::Revoked(revoked, handover)));
        let _ = over.await;
        let mut state = self.state.lock();
        for number in partitions {
            let partition = state.partitions.get_mut(number).unwrap();
            partition.committed = partition.committed.max(partition.marked);
            partition.epoch = None;
        }
    }

    pub(super) async fn lose(&self, partitions: &[i32]) {
        let (handover, over) = Handover::new();
        let mut lost = Vec::new();
        for &number in partitions {
            let mut state = self.state.lock();
            let partition = state.partitions.get_mut(&number).unwrap();
            lost.push((self.at(number), partition.epoch.take().unwrap()));
        }
        self.event(Ok(Event::Lost(lost, handover)));
        let _ = over.await;
    }

    pub(super) fn start<H: Handler<TestMessage>>(&self, handler: H) -> Running {
        let meters = Arc::new(Meters::default());
        let (handle, controls) = ProcessorHandle::new(Arc::clone(&meters));
        let settings = self.settings.lock().clone();
        let runner = Box::new(HandlerRunner::new(handler));
        let source = TestSource(self.clone());
        let sink = TestSink(self.clone());
        let driver = Driver::new(settings, source, sink, runner, controls, meters);
        Running { handle, task: tokio::spawn(driver.run()), world: self.clone() }
    }

    /// What a handler does around its work: notes that its key runs, and that nobody else does.
    pub(super) fn enter(&self, message: &TestMessage) -> Entered {
        let ordered = self.settings.lock().order != Order::None;
        let key = message.key.clone().filter(|_| ordered).map(|key| (message.partition(), key));
        if let Some(key) = &key {
            let mut state = self.state.lock();
            let running = state.running.entry(key.clone()).or_default();
            *running += 1;
            if *running > 1 {
                state.violations.push(format!("two handlers of key {key:?} at the same time"));
            }
        }
        Entered { world: self.clone(), key }
    }

    /// A record without an output, skipped or filtered: it may be committed.
    pub(super) fn done(&self, message: &TestMessage) {
        self.state.lock().done.insert((message.partition(), message.offset));
    }

    pub(super) fn committed(&self, partition: i32) -> Option<i64> {
        self.state.lock().partitions[&partition].committed
    }

    pub(super) fn marked(&self, partition: i32) -> Option<i64> {
        self.state.lock().partitions[&partition].marked
    }

    pub(super) fn is_paused(&self, partition: i32) -> bool {
        self.state.lock().partitions[&partition].paused
    }

    pub(super) fn seeks(&self, partition: i32) -> Vec<i64> {
        self.state.lock().partitions[&partition].seeks.clone()
    }

    pub(super) fn end(&self, partition: i32) -> i64 {
        self.state.lock().partitions[&partition].end
    }

    pub(super) fn position(&self, partition: i32) -> i64 {
        self.state.lock().partitions[&partition].position
    }

    pub(super) fn pauses(&self) -> usize {
        self.state.lock().pauses
    }

    pub(super) fn alive(&self) -> usize {
        self.state.lock().alive
    }

    /// The values written to a topic, in order.
    pub(super) fn written(&self, topic: &str) -> Vec<String> {
        let state = self.state.lock();
        let of_topic = state.written.iter().filter(|(to, _)| to.name() == topic);
        of_topic.map(|(_, output)| text(output.value_bytes().unwrap())).collect()
    }

    pub(super) fn outputs(&self, topic: &str) -> Vec<Output> {
        let state = self.state.lock();
        let of_topic = state.written.iter().filter(|(to, _)| to.name() == topic);
        of_topic.map(|(_, output)| output.clone()).collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn check(&self) {
        let violations = &self.state.lock().violations;
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Waits, in virtual time, until something holds.
    pub(super) async fn until(&self, what: impl Display, holds: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        for _ in 0..200_000 {
            if holds() {
                return;
            }
            if start.elapsed() > Duration::from_secs(30) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("never: {what}");
    }
}

pub(super) fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(super) struct Running {
    pub(super) handle: ProcessorHandle,
    pub(super) task: JoinHandle<Result<Report, ProcessorError>>,
    world: World,
}

impl Running {
    /// Shuts down in good order and checks the rules.
    pub(super) async fn shutdown(self) -> Result<Report, ProcessorError> {
        self.handle.shutdown();
        self.ended().await
    }

    pub(super) async fn stop(self) -> Result<Report, ProcessorError> {
        self.handle.stop();
        self.ended().await
    }

    pub(super) async fn ended(self) -> Result<Report, ProcessorError> {
        let result = self.task.await.unwrap();
        assert!(self.world.is_closed());
        self.world.check();
        result
    }

    /// Waits until everything in the logs is marked.
    pub(super) async fn all_done(&self) {
        let world = &self.world;
        let what = || {
            let state = world.state.lock();
            let partitions: Vec<_> = state
                .partitions
                .iter()
                .map(|(n, p)| (n, p.marked, p.end, p.position, p.paused))
                .collect();
            format!("all done: {:?} {partitions:?}", self.handle.stats())
        };
        world
            .until(Lazy(what), || {
                let state = world.state.lock();
                let mut ours = state.partitions.values().filter(|p| p.epoch.is_some());
                ours.all(|p| p.log.is_empty() || p.marked.max(p.committed) == Some(p.end))
            })
            .await;
    }
}

pub(super) struct Entered {
    world: World,
    key: Option<(i32, Bytes)>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            if let Some(running) = self.world.state.lock().running.get_mut(key) {
                *running -= 1;
            }
        }
    }
}

struct Lazy<F>(F);

impl<F: Fn() -> String> Display for Lazy<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&(self.0)())
    }
}

struct TestSource(World);

impl TestSource {
    fn ready(&self, max: usize) -> Option<Result<Event<TestMessage>, SourceError>> {
        let most = max.min(*self.0.batch.lock());
        let mut state = self.0.state.lock();
        if let Some(event) = state.events.pop_front() {
            return Some(event);
        }
        let mut numbers: Vec<i32> = state.partitions.keys().copied().collect();
        numbers.sort_unstable();
        let turn = state.turn;
        let count = numbers.len().max(1);
        numbers.rotate_left(turn as usize % count);
        for number in numbers {
            let at = self.0.at(number);
            let partition = state.partitions.get_mut(&number).unwrap();
            let Some(epoch) = partition.epoch else { continue };
            if partition.leaving || partition.paused || partition.position >= partition.end {
                continue;
            }
            let from = partition.position;
            let unread = partition.log.iter().filter(|record| record.0 >= from);
            let records: Vec<_> = unread.take(most).cloned().collect();
            let last = records.last().map_or(partition.end, |record| record.0 + 1);
            let more = partition.log.iter().any(|record| record.0 >= last);
            // A batch holds the gap behind its records.
            let next = if more { last } else { partition.end };
            partition.position = next;
            let messages = records
                .into_iter()
                .map(|(offset, key, value)| TestMessage {
                    at: at.clone(),
                    offset,
                    key,
                    value,
                    mark: TestMark { epoch, next: offset + 1 },
                    detached: false,
                })
                .collect();
            state.turn = number + 1;
            let end = TestMark { epoch, next };
            return Some(Ok(Event::Records(Batch { partition: at, epoch, messages, end })));
        }
        None
    }

    fn change(&self, at: &TopicPartition, change: impl FnOnce(&mut Partition)) {
        change(self.0.state.lock().partitions.get_mut(&at.partition).unwrap());
        self.0.notify.notify_one();
    }
}

impl Source for TestSource {
    type Message = TestMessage;

    async fn next(&mut self, max: usize) -> Result<Event<TestMessage>, SourceError> {
        loop {
            if let Some(event) = self.ready(max) {
                return event;
            }
            self.0.notify.notified().await;
        }
    }

    fn pause(&mut self, at: &TopicPartition) {
        self.0.state.lock().pauses += 1;
        self.change(at, |partition| partition.paused = true);
    }

    fn resume(&mut self, at: &TopicPartition) {
        self.change(at, |partition| partition.paused = false);
    }

    fn seek(&mut self, at: &TopicPartition, offset: i64) {
        self.change(at, |partition| {
            partition.position = offset;
            partition.marked = None;
            partition.seeks.push(offset);
        });
    }

    fn mark(&mut self, at: &TopicPartition, mark: TestMark) {
        let mut state = self.0.state.lock();
        let state = &mut *state;
        let partition = state.partitions.get_mut(&at.partition).unwrap();
        if partition.epoch != Some(mark.epoch) {
            return;
        }
        if partition.marked > Some(mark.next) {
            state.violations.push(format!("the mark of {at} goes back to {}", mark.next));
        }
        for (offset, ..) in partition.log.iter().filter(|record| record.0 < mark.next) {
            let below = partition.committed.is_some_and(|committed| *offset < committed);
            if !below && !state.done.contains(&(at.partition, *offset)) {
                let what = format!("{at} marked {} over undone {offset}", mark.next);
                state.violations.push(what);
            }
        }
        if mark.next > partition.end {
            state.violations.push(format!("{at} marked {} beyond its end", mark.next));
        }
        partition.marked = Some(mark.next);
    }

    fn alive(&mut self) {
        self.0.state.lock().alive += 1;
    }

    async fn close(self, _within: Duration) -> Result<(), BoxError> {
        let mut state = self.0.state.lock();
        for partition in state.partitions.values_mut().filter(|p| p.epoch.is_some()) {
            partition.committed = partition.committed.max(partition.marked);
        }
        state.closed = true;
        Ok(())
    }
}

struct TestSink(World);

type TestDelivery = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send>>;

impl TestSink {
    fn accept(world: &World, topic: &Topic, output: &Output) -> Result<TestDelivery, Rejected> {
        let capacity = *world.capacity.lock();
        let mut state = world.state.lock();
        if state.in_flight >= capacity {
            return Err(Rejected::Full);
        }
        state.in_flight += 1;
        drop(state);
        let verdict = (world.decide.lock())(topic, output);
        if let Verdict::Fails(Remedy::Never, Duration::ZERO) = verdict {
            world.state.lock().in_flight -= 1;
            let refused = Undelivered::new(Remedy::Never, "refused at once");
            return Err(Rejected::Undelivered(refused));
        }
        let (world, topic, output) = (world.clone(), topic.clone(), output.clone());
        Ok(Box::pin(async move {
            let (Verdict::Written(after) | Verdict::Fails(_, after) | Verdict::MaybeWritten(after)) =
                verdict;
            tokio::time::sleep(after).await;
            world.room.notify_one();
            let mut state = world.state.lock();
            state.in_flight -= 1;
            match verdict {
                Verdict::Written(_) => {
                    if let Some(record) = of_record(&output) {
                        state.done.insert(record);
                    }
                    state.written.push((topic, output));
                    Ok(())
                }
                Verdict::MaybeWritten(_) => {
                    state.written.push((topic, output.clone()));
                    let undelivered = Undelivered::new(Remedy::Again, "no answer");
                    Err(undelivered.maybe_written().with_output(output))
                }
                Verdict::Fails(remedy, _) => {
                    Err(Undelivered::new(remedy, "not written").with_output(output))
                }
            }
        }))
    }
}

/// The record an output says it is for: by an echo's headers, or a dead letter's.
fn of_record(output: &Output) -> Option<(i32, i64)> {
    let header = |names: [&str; 2]| {
        let found = output.headers().iter().find(|header| names.contains(&&*header.key))?;
        std::str::from_utf8(found.value.as_ref()?).ok()?.parse::<i64>().ok()
    };
    let partition = header(["partition", dead_letter_header::PARTITION])?;
    let offset = header(["offset", dead_letter_header::OFFSET])?;
    Some((i32::try_from(partition).ok()?, offset))
}

impl Sink for TestSink {
    type Delivery = TestDelivery;

    fn try_send(&self, topic: &Topic, output: &Output) -> Result<TestDelivery, Rejected> {
        Self::accept(&self.0, topic, output)
    }

    fn send(
        &self,
        topic: Topic,
        output: Output,
    ) -> impl Future<Output = Result<TestDelivery, Undelivered>> + Send + 'static {
        let world = self.0.clone();
        async move {
            loop {
                match Self::accept(&world, &topic, &output) {
                    Ok(delivery) => return Ok(delivery),
                    Err(Rejected::Full) => world.room.notified().await,
                    Err(Rejected::Undelivered(undelivered)) => return Err(undelivered),
                }
            }
        }
    }

    async fn close(self, _within: Duration) {}
}
