//! One run: a cluster, a job, its members, and what befalls them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use ottla::client::connector;
use ottla::processor::{ProcessorError, RetryPolicy};
use ottla::protocol::records::{
    BatchBuilder, BatchKind, ChunkPool, RecordParts, SealedBatch, Sequence,
};
use ottla::{
    Attempt, BoxError, Client, Emit, Message, OffsetReset, Order, Output, Processor,
    ProcessorHandle, Report,
};
use ottla_test_broker::{StoredRecord, TestCluster};
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, sleep};

use crate::audit::Audit;
use crate::trouble;
use crate::wire::{Sent, Wire};

pub(crate) const GROUP: &str = "chaos-group";
pub(crate) const PARTITIONS: i32 = 6;
pub(crate) const BROKERS: i32 = 3;
const RECORDS: usize = 3_000;
const STEPS: usize = 30;
/// How long the healed job may take to end: the longest session, request and rebalance timeouts
/// one after the other, several times.
const PATIENCE: Duration = Duration::from_secs(600);

/// How bad it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Members join and shut down.
    Calm,
    /// The same, while leaders move and replies are lost.
    Data,
    /// Also crashes, coordinators that move, and brokers that stop.
    Hostile,
}

/// What a run left behind.
pub(crate) struct Trace {
    pub(crate) repeated: u32,
    /// Every request of every member.
    pub(crate) sent: Vec<Sent>,
    /// The logs of the output, by partition.
    pub(crate) outputs: Vec<Vec<StoredRecord>>,
    pub(crate) took: Duration,
}

struct Member {
    handle: ProcessorHandle,
    task: JoinHandle<Result<Report, ProcessorError>>,
}

struct World {
    cluster: TestCluster,
    wire: Wire,
    audit: Rc<RefCell<Audit>>,
    rng: Rng,
    seed: u64,
    appended: usize,
    keys: usize,
    members: Vec<Member>,
    leaving: Vec<Member>,
    started: u64,
}

/// Runs one seed to its end and checks it.
pub(crate) fn run(kind: Kind, seed: u64) -> Trace {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async { World::new(seed).play(kind).await })
}

impl World {
    fn new(seed: u64) -> Self {
        let brokers = u16::try_from(BROKERS).unwrap();
        let cluster = TestCluster::builder().brokers(brokers).replication_factor(3).seed(seed);
        let cluster = cluster.topic("in", PARTITIONS).topic("out", PARTITIONS).build();
        let mut rng = Rng::with_seed(seed);
        let keys = 6 * rng.usize(1..20);
        Self {
            cluster,
            wire: Wire::new(),
            audit: Rc::new(RefCell::new(Audit::new())),
            rng,
            seed,
            appended: 0,
            keys,
            members: Vec::new(),
            leaving: Vec::new(),
            started: 0,
        }
    }

    async fn play(mut self, kind: Kind) -> Trace {
        let begin = Instant::now();
        let watch = tokio::task::spawn_local(watch(self.cluster.clone(), Rc::clone(&self.audit)));
        trouble::latency(&self.cluster, &mut self.rng);
        self.append(RECORDS / 3);
        self.join();
        for _ in 0..STEPS {
            let most = if self.rng.u8(0..8) == 0 { 5_000 } else { 300 };
            sleep(Duration::from_millis(self.rng.u64(1..most))).await;
            assert!(!watch.is_finished(), "an audit failed");
            self.append(RECORDS / STEPS);
            match (kind, self.rng.u8(0..10)) {
                (_, 0 | 1) => self.join(),
                (_, 2) => self.leave(),
                (Kind::Hostile, 3) => self.crash(),
                (Kind::Calm, _) => {}
                (Kind::Hostile, 4..=6) => trouble::of_all(&self.cluster, &mut self.rng),
                _ => trouble::of_data(&self.cluster, &mut self.rng),
            }
        }
        self.append(RECORDS - self.appended);
        trouble::heal(&self.cluster);
        self.join();
        let healed = Instant::now();
        while !self.audit.borrow().is_complete() {
            let progress = || self.audit.borrow().progress();
            assert!(!watch.is_finished(), "an audit failed");
            assert!(healed.elapsed() < PATIENCE, "stands still: {}", progress());
            sleep(Duration::from_millis(20)).await;
        }
        let mut done = 0;
        for member in std::mem::take(&mut self.members).into_iter().chain(self.leaving.drain(..)) {
            member.handle.shutdown();
            let ended = tokio::time::timeout(Duration::from_secs(120), member.task).await;
            match ended.expect("a member that does not end").unwrap() {
                Ok(report) => done += report.succeeded,
                Err(error) => assert!(kind == Kind::Hostile, "a member failed: {error}"),
            }
        }
        watch.abort();
        self.audit.borrow_mut().sample(&self.cluster);
        self.audit.borrow_mut().read_outputs(&self.cluster);
        self.audit.borrow().assert_nothing_lost();
        // Among crashes everything may have been done by members that did not live to report it.
        assert!(done > 0 || kind == Kind::Hostile);
        self.trace(begin.elapsed())
    }

    fn trace(&self, took: Duration) -> Trace {
        Trace {
            repeated: self.audit.borrow().repeated(),
            outputs: (0..PARTITIONS).map(|index| self.cluster.records("out", index)).collect(),
            sent: self.wire.sent(),
            took,
        }
    }

    fn join(&mut self) {
        if self.members.len() >= 5 {
            return;
        }
        let processor = self.processor();
        let handle = processor.handle();
        self.members.push(Member { handle, task: tokio::spawn(processor.run()) });
    }

    fn leave(&mut self) {
        if self.members.is_empty() {
            return;
        }
        let member = self.members.swap_remove(self.rng.usize(0..self.members.len()));
        member.handle.shutdown();
        self.leaving.push(member);
    }

    fn crash(&mut self) {
        if self.members.is_empty() {
            return;
        }
        let member = self.members.swap_remove(self.rng.usize(0..self.members.len()));
        member.task.abort();
    }

    fn processor(&mut self) -> Processor {
        self.started += 1;
        let seed = self.seed;
        let handler = move |message: Message, attempt: Attempt| async move {
            let offset =
                message.offset().unsigned_abs() * 8 + u64::from(message.partition().unsigned_abs());
            let mut rng = Rng::with_seed(seed ^ (offset << 8 | u64::from(attempt.number())));
            sleep(Duration::from_millis(rng.u64(1..=20))).await;
            if !attempt.is_retry() && rng.u8(0..15) == 0 {
                return Err(BoxError::from("the first attempt fails"));
            }
            // With the time of its input: that of the wall is another one in every run.
            let value = message.value_bytes().unwrap_or_default();
            Ok(Emit::from(Output::value(value).input_key().timestamp(1_000)))
        };
        let backoff = RetryPolicy::DEFAULT
            .unlimited()
            .backoff(Duration::from_millis(5), Duration::from_millis(50));
        Processor::builder(&self.client())
            .name("chaos")
            .instance(self.started.to_string())
            .input(["in"])
            .output("out")
            .order(Order::Key)
            .retry(backoff)
            .concurrency(self.rng.usize(2..40))
            .commit_interval(Duration::from_millis(self.rng.u64(50..1_000)))
            .consumer(|consumer| consumer.offset_reset(OffsetReset::Earliest))
            .handler(handler)
            .build()
            .unwrap()
    }

    fn client(&mut self) -> Client {
        let (pipes, wire) = (self.cluster.clone(), self.wire.clone());
        // All of them, those that are down included: who joins then has to find the others.
        let addresses = (0..BROKERS).map(|id| format!("broker-{id}:9092"));
        Client::builder()
            .bootstrap(addresses)
            .connector(connector::from_fn(move |host: String, port| {
                let (pipes, wire) = (pipes.clone(), wire.clone());
                async move { pipes.connect(&host, port).map(|pipe| wire.tap(pipe)) }
            }))
            .seed(self.rng.u64(..))
            .build()
            .unwrap()
    }

    /// Appends the next records. Every tenth has no key.
    fn append(&mut self, count: usize) {
        let partitions = usize::try_from(PARTITIONS).unwrap();
        let numbers = self.appended..(self.appended + count).min(RECORDS);
        self.appended = numbers.end;
        let pool = ChunkPool::new(0);
        for partition in 0..partitions {
            let mine: Vec<_> = numbers
                .clone()
                .filter(|number| number % self.keys % partitions == partition)
                .collect();
            for chunk in mine.chunks(self.rng.usize(1..40)) {
                let mut batch = BatchBuilder::new();
                for number in chunk {
                    let key = (number % 10 != 7).then(|| format!("k{}", number % self.keys));
                    let key = key.as_ref().map(|key| key.as_bytes());
                    let value = number.to_string();
                    let record = RecordParts { key, value: Some(value.as_bytes()), headers: &[] };
                    batch.append(1_000, &record, &pool).unwrap();
                    self.audit.borrow_mut().appended(partition, key, *number);
                }
                let nobody = Sequence { producer_id: -1, producer_epoch: -1, base_sequence: -1 };
                let batch = SealedBatch::from(batch.seal());
                let batch = batch.freeze(nobody, BatchKind::Plain).into_bytes();
                self.cluster.append("in", i32::try_from(partition).unwrap(), &batch).unwrap();
            }
        }
    }
}

/// Compares what is committed with what is done, at every millisecond.
async fn watch(cluster: TestCluster, audit: Rc<RefCell<Audit>>) {
    loop {
        audit.borrow_mut().sample(&cluster);
        sleep(Duration::from_millis(1)).await;
    }
}
