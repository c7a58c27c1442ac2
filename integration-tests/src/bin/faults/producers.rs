//! Producers of different tempers, each sending one stream after the other.

use std::time::Duration;

use fastrand::Rng;
use futures_util::{StreamExt, stream::FuturesUnordered};
use ottla::producer::{ProducerBuilder, Reason, Unsure};
use ottla::{BoxError, Client, Compression, Delivery, Producer, Record, SendError};
use ottla_integration_tests::history::{Occurrence, Outcome, RecordId, Topic, payload};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::world::{Count, KEYS, PARTITIONS, World};

/// What a producer is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// By key, with patience: everything is written in the end.
    Steady,
    /// To partitions that it names, one record after the other; some records are too large for the
    /// brokers.
    Explicit,
    /// By key, with short timeouts and little memory.
    Impatient,
    /// By key; closed after a while, and another one made: properly, in a hurry, or just dropped.
    Restless,
}

impl Temper {
    pub(crate) const ALL: [Self; 4] =
        [Self::Steady, Self::Explicit, Self::Impatient, Self::Restless];

    fn builder(self, client: &Client) -> ProducerBuilder {
        let builder = Producer::builder(client);
        match self {
            Self::Steady => builder.compression(Compression::Lz4),
            Self::Explicit => builder
                .compression(Compression::Zstd)
                .linger(Duration::ZERO)
                .request_timeout(Duration::from_secs(4)),
            Self::Impatient => builder
                .compression(Compression::Gzip)
                .linger(Duration::from_millis(50))
                .request_timeout(Duration::from_millis(1_500))
                .delivery_timeout(Duration::from_millis(2_500))
                .max_batch_size(16 << 10)
                .buffer_memory(64 << 10),
            Self::Restless => builder
                .compression(Compression::Snappy)
                .linger(Duration::from_millis(10))
                .request_timeout(Duration::from_secs(2))
                .delivery_timeout(Duration::from_secs(20)),
        }
    }

    /// The most records that it sends without a pause.
    fn burst(self) -> u32 {
        match self {
            Self::Steady | Self::Explicit => 60,
            Self::Impatient => 120,
            Self::Restless => 40,
        }
    }
}

/// A producer that runs until it is told to stop, and then says when all its records have
/// outcomes.
pub(crate) fn start(
    world: &World,
    temper: Temper,
    client: Client,
    seed: u64,
    stop: watch::Receiver<bool>,
) -> JoinHandle<Result<(), BoxError>> {
    let sending = Sending { world: world.clone(), temper, rng: Rng::with_seed(seed), client, stop };
    tokio::spawn(sending.run())
}

struct Sending {
    world: World,
    temper: Temper,
    rng: Rng,
    client: Client,
    stop: watch::Receiver<bool>,
}

impl Sending {
    async fn run(mut self) -> Result<(), BoxError> {
        let mut collectors = Vec::new();
        while !*self.stop.borrow() {
            let producer = self.temper.builder(&self.client).build()?;
            let (given, deliveries) = mpsc::channel(IN_DOUBT);
            collectors.push(tokio::spawn(collect(self.world.clone(), deliveries)));
            self.stream(&producer, &given).await;
            drop(given);
            self.end(producer).await;
        }
        for collector in collectors {
            collector.await?;
        }
        Ok(())
    }

    /// Sends until it is time for another one.
    async fn stream(&mut self, producer: &Producer, given: &mpsc::Sender<(RecordId, Delivery)>) {
        let stream = self.world.stream();
        let lasting = Duration::from_secs(self.rng.u64(4..20));
        let restless = self.temper == Temper::Restless;
        let until = tokio::time::Instant::now() + lasting;
        let mut number = 0;
        while !*self.stop.borrow() && (!restless || tokio::time::Instant::now() < until) {
            for _ in 0..self.rng.u32(1..self.temper.burst()) {
                let id = RecordId { stream, number };
                number += 1;
                if let Some(delivery) = self.send(producer, id).await {
                    if given.send((id, delivery)).await.is_err() {
                        return;
                    }
                }
                if *self.stop.borrow() {
                    return;
                }
            }
            sleep(Duration::from_millis(self.rng.u64(30..150))).await;
        }
    }

    async fn send(&mut self, producer: &Producer, id: RecordId) -> Option<Delivery> {
        let explicit = self.temper == Temper::Explicit;
        let partition = explicit.then(|| self.rng.i32(0..PARTITIONS));
        let key = (!explicit || self.rng.bool()).then(|| self.rng.u32(0..KEYS));
        self.world.note(Occurrence::Sending { id, partition, key });
        let value = payload(id, self.length());
        let text = key.map(|key| format!("k{key}"));
        let record = Record {
            key: text.as_ref().map(|text| text.as_bytes()),
            partition,
            ..Record::value(&value)
        };
        let topic = self.client.topic(Topic::Load.name());
        let sent = if self.temper == Temper::Impatient && self.rng.bool() {
            producer.try_send(&topic, record)
        } else {
            producer.send(&topic, record).await
        };
        match sent {
            Ok(delivery) => Some(delivery),
            Err(refused) => {
                let reason =
                    format!("refused: {}", if refused.is_retriable() { "full" } else { "other" });
                self.world.count(Count::NotWritten);
                let outcome = Outcome::NotWritten { reason };
                self.world.note(Occurrence::Settled { id, outcome });
                None
            }
        }
    }

    fn length(&mut self) -> usize {
        match (self.temper, self.rng.u32(0..2_000)) {
            // Too large for the brokers, however it is compressed.
            (Temper::Explicit, 0..2) => 950_000,
            (Temper::Impatient, _) => self.rng.usize(10..600),
            (_, 0..20) => self.rng.usize(2_000..20_000),
            _ => self.rng.usize(10..200),
        }
    }

    async fn end(&mut self, producer: Producer) {
        let way = self.rng.u8(0..4);
        match (self.temper, way) {
            (Temper::Restless, 0) => drop(producer),
            (Temper::Restless, 1) => drop(producer.close(Duration::ZERO).await),
            (Temper::Restless, 2) => {
                drop(producer.close(Duration::from_millis(self.rng.u64(1..500))).await);
            }
            _ => {
                // Failures have told their deliveries.
                let _ = timeout(PATIENCE, producer.flush()).await;
                drop(producer.close(Duration::from_secs(5)).await);
            }
        }
    }
}

/// Writes outcomes down as they come.
async fn collect(world: World, mut given: mpsc::Receiver<(RecordId, Delivery)>) {
    let mut waiting = FuturesUnordered::new();
    let mut more = true;
    while more || !waiting.is_empty() {
        tokio::select! {
            next = given.recv(), if more => match next {
                Some((id, delivery)) => waiting.push(async move { (id, delivery.await) }),
                None => more = false,
            },
            Some((id, settled)) = waiting.next() => {
                let outcome = match settled {
                    Ok(written) => {
                        world.count(Count::Written);
                        Outcome::Written { partition: written.partition, offset: written.offset }
                    }
                    Err(SendError::NotWritten { reason, .. }) => {
                        world.count(Count::NotWritten);
                        Outcome::NotWritten { reason: word(&reason) }
                    }
                    Err(SendError::Unknown { reason, .. }) => {
                        world.count(Count::Unknown);
                        Outcome::Unknown { reason: doubt(&reason) }
                    }
                    Err(other) => Outcome::Unknown { reason: other.to_string() },
                };
                world.note(Occurrence::Settled { id, outcome });
            }
        }
    }
}

fn word(reason: &Reason) -> String {
    match reason {
        Reason::Broker { code, .. } => format!("broker: {code}"),
        Reason::TimedOut { last, .. } => timed_out(last.as_deref()),
        Reason::Topic { .. } => "topic".to_owned(),
        Reason::Identity { .. } => "identity".to_owned(),
        Reason::Compression { .. } => "compression".to_owned(),
        Reason::Closed => "closed".to_owned(),
        other => other.to_string(),
    }
}

fn doubt(reason: &Unsure) -> String {
    match reason {
        Unsure::TimedOut { last, .. } => timed_out(last.as_deref()),
        Unsure::SequenceLost { code } => format!("sequence lost: {code}"),
        Unsure::Refused { code } => format!("refused: {code}"),
        Unsure::Closed => "closed".to_owned(),
        other => other.to_string(),
    }
}

fn timed_out(last: Option<&str>) -> String {
    format!("timed out|{}", last.unwrap_or("nothing"))
}

/// Records of one producer without an outcome; with more it waits.
const IN_DOUBT: usize = 20_000;

/// Longer than any delivery timeout.
const PATIENCE: Duration = Duration::from_secs(150);
