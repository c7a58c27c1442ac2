//! A worker that copies records in transactions, and is treated badly.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ottla::client::GroupMetadata;
use ottla::{
    Client, Consumer, Fetched, OffsetReset, Outcome, Producer, Record, RecordBatch, Topic,
    Transaction, TransactionalProducer,
};
use tokio::time::{sleep, timeout};

/// What one run of the loop has in common with the others.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) bootstrap: String,
    pub(super) input: String,
    pub(super) output: String,
    pub(super) group: String,
    pub(super) done: Arc<AtomicBool>,
    pub(super) tally: Arc<Tally>,
}

/// What happened, to be sure that it did.
#[derive(Default, Debug)]
pub(super) struct Tally {
    pub(super) commits: AtomicU32,
    pub(super) aborts: AtomicU32,
    pub(super) kills: AtomicU32,
    pub(super) zombies: AtomicU32,
    pub(super) fenced: AtomicU32,
}

/// How a life of a worker ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    /// In the middle of something, with all it had.
    Killed,
}

impl Job {
    /// Lives one life after the other in the place `slot`, each in a runtime of its own, so that
    /// nothing of it goes on when it is killed.
    pub(super) fn run(&self, slot: u32, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        loop {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let end = runtime.block_on(self.live(slot, &mut random));
            drop(runtime);
            if end == End::Done {
                return;
            }
        }
    }

    async fn live(&self, slot: u32, random: &mut fastrand::Rng) -> End {
        let client = Client::builder().bootstrap(self.bootstrap.split(',')).build().unwrap();
        let output = client.topic(&self.output);
        let id = format!("{}-{slot}", self.output);
        let mut producer = Producer::builder(&client).transactional(&id).build().unwrap();
        // Whatever an earlier life left open is ended before the offsets are read.
        if producer.begin().await.is_err() {
            return End::Killed;
        }
        let mut consumer = Consumer::builder(&client)
            .group(&self.group)
            .group_instance(format!("instance-{slot}"))
            .topics([self.input.as_str()])
            .commit_interval(None)
            .offset_reset(OffsetReset::Earliest)
            .session_timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let control = consumer.control();
        while !self.done.load(Ordering::Relaxed) {
            // Before the poll: what is polled is at least as young.
            let member = control.group_metadata();
            let polled = timeout(Duration::from_millis(200), consumer.poll(60)).await;
            let (Some(member), Ok(Ok(Fetched::Records(batch)))) = (member, polled) else {
                continue;
            };
            match self.copy(slot, &mut producer, &output, &batch, &member, random).await {
                Step::Committed => {}
                // From the start of the batch, if it is still ours.
                Step::Aborted => {
                    let first = batch.iter().next().map(|record| record.offset());
                    let _gone = first.map(|first| control.seek(batch.partition(), first));
                }
                Step::Over => return End::Killed,
            }
        }
        let _ = consumer.close(Duration::from_secs(10)).await;
        producer.close(Duration::from_secs(10)).await;
        End::Done
    }

    async fn copy(
        &self,
        slot: u32,
        producer: &mut TransactionalProducer,
        output: &Topic,
        batch: &RecordBatch,
        member: &GroupMetadata,
        random: &mut fastrand::Rng,
    ) -> Step {
        let tally = &self.tally;
        let Ok(transaction) = producer.begin().await else { return Step::Over };
        if send(&transaction, output, batch).await.is_err() {
            return Step::Aborted;
        }
        let offsets = [(batch.partition().clone(), batch.next_offset())];
        let fate = random.u8(..40);
        if fate == 0 {
            tally.kills.fetch_add(1, Ordering::Relaxed);
            return Step::Over;
        }
        if transaction.send_offsets(offsets, member).await.is_err() {
            tally.aborts.fetch_add(1, Ordering::Relaxed);
            return Step::Aborted;
        }
        match fate {
            1..8 => {
                tally.aborts.fetch_add(1, Ordering::Relaxed);
                match transaction.abort().await {
                    Ok(()) => return Step::Aborted,
                    Err(_) => return Step::Over,
                }
            }
            8 => {
                // It is killed while it commits: nobody knows what comes of it.
                tally.kills.fetch_add(1, Ordering::Relaxed);
                let patience = Duration::from_micros(random.u64(..2000));
                let _ = timeout(patience, transaction.commit()).await;
                return Step::Over;
            }
            9 => {
                tally.zombies.fetch_add(1, Ordering::Relaxed);
                self.become_zombie(slot, transaction).await;
                return Step::Over;
            }
            _ => {}
        }
        match transaction.commit().await {
            Ok(()) => {
                tally.commits.fetch_add(1, Ordering::Relaxed);
                Step::Committed
            }
            Err(error) if error.outcome() == Outcome::NotWritten && !error.is_fatal() => {
                Step::Aborted
            }
            Err(_) => Step::Over,
        }
    }

    /// It hangs until another has its place, and commits then.
    async fn become_zombie(&self, slot: u32, transaction: Transaction<'_>) {
        let (bootstrap, id) = (self.bootstrap.clone(), format!("{}-{slot}", self.output));
        let client = Client::builder().bootstrap(bootstrap.split(',')).build().unwrap();
        let mut successor = Producer::builder(&client).transactional(id).build().unwrap();
        successor.begin().await.unwrap().abort().await.unwrap();
        sleep(Duration::from_millis(10)).await;
        let error = transaction.commit().await.expect_err("a zombie has committed");
        // Fenced for good, or one to be aborted if a record of it came too late.
        assert_eq!(error.outcome(), Outcome::NotWritten, "{error}");
        self.tally.fenced.fetch_add(1, Ordering::Relaxed);
    }
}

/// What came of one batch.
enum Step {
    Committed,
    Aborted,
    /// The worker is to go, with all it has.
    Over,
}

/// Each record with the place that it came from.
async fn send(
    transaction: &Transaction<'_>,
    output: &Topic,
    batch: &RecordBatch,
) -> Result<(), ottla::producer::Refused> {
    let partition = batch.partition().partition;
    for record in batch {
        let value = format!("{partition}:{}", record.offset());
        let copy = Record::value(value.as_bytes()).partition(partition);
        drop(transaction.send(output, copy).await?);
    }
    Ok(())
}

/// The offsets of the inputs of each partition, in the order of their outputs.
pub(super) fn inputs<'a>(outputs: impl Iterator<Item = &'a [u8]>) -> BTreeMap<i32, Vec<i64>> {
    let mut inputs: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for output in outputs {
        let (partition, offset) = std::str::from_utf8(output).unwrap().split_once(':').unwrap();
        inputs.entry(partition.parse().unwrap()).or_default().push(offset.parse().unwrap());
    }
    inputs
}
