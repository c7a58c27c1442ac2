//! What a producer has counted, as told to its user.

use std::time::Duration;

use ottla_client::{BrokerId, Topic};

use super::{histogram::Distribution, meter::Meter};

/// What a producer has done since it was built, and what it is at; made by
/// [`Producer::statistics`](crate::Producer::statistics).
///
/// Times in distributions are in microseconds. A record's way is *queued* (from the beginning of its
/// batch until the batch is sent: [`queue_time`](Self::queue_time)) and then *on the wire* (until
/// the answer: [`BrokerStatistics::latency`]), which is the network's time and the broker's
/// together: Kafka's answers do not tell one from the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ProducerStatistics {
    /// The records of all topics (kafka-sharp: `Entered`, `Exited`, `SuccessfulSent`, `Expired`,
    /// `Discarded`, `MessageRetry`, `RawProduced`, `RawProducedBytes`).
    pub records: RecordStatistics,
    /// Records that ever waited for their topic to become known (kafka-sharp: `MessagePostponed`).
    pub postponed: u64,
    /// Requests sent (kafka-sharp: `RequestSent`, librdkafka: `brokers.tx`).
    pub requests: u64,
    /// Requests without an answer yet (librdkafka: `waitresp_cnt`).
    pub requests_in_flight: u64,
    /// Requests whose answer did not come in time (kafka-sharp: `RequestTimeout`, librdkafka:
    /// `req_timeouts`).
    pub requests_timed_out: u64,
    /// Requests that failed otherwise, and tries to connect that failed (kafka-sharp: `Errors`,
    /// `NodeDead`; librdkafka: `txerrs`).
    pub requests_failed: u64,
    /// How long the broker that answered last took (kafka-sharp: `LatestRequestLatency`).
    pub latest_latency: Option<Duration>,
    /// From the beginning of a batch until it is sent for the first time, in microseconds
    /// (librdkafka: `int_latency`; Java: `record-queue-time`).
    pub queue_time: Distribution,
    /// Records of a batch when it is sent (librdkafka: `batchcnt`; Java: `records-per-request`).
    pub batch_records: Distribution,
    /// Bytes of a batch as it is sent (librdkafka: `batchsize`; Java: `batch-size`).
    pub batch_bytes: Distribution,
    /// Bytes of a batch as it is sent for each hundred before compression (Java:
    /// `compression-rate`).
    pub compression_percent: Distribution,
    /// Bytes of the buffer in use (kafka-sharp: `MessageBuffers`; Java: `buffer-total-bytes` less
    /// `buffer-available-bytes`).
    pub buffered_bytes: usize,
    /// Bytes that the buffer may use.
    pub buffer_limit: usize,
    /// Pieces of memory that lie ready to be used again.
    pub spare_chunks: usize,
    /// Each broker that anything was sent to.
    pub brokers: Vec<BrokerStatistics>,
}

/// Records of a producer, a topic or a partition.
///
/// `entered = written + expired + discarded + unknown +` [`in_progress`](Self::in_progress).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RecordStatistics {
    /// Records that were accepted.
    pub entered: u64,
    /// Records that are in the log.
    pub written: u64,
    /// Records that did not get through in their time: they are not written.
    pub expired: u64,
    /// Records that were given up otherwise: they are not written.
    pub discarded: u64,
    /// Records of which nobody knows whether they are written.
    pub unknown: u64,
    /// Records that were sent again, counted each time.
    pub retried: u64,
    /// Batches that were sent, counted once.
    pub batches: u64,
    /// Bytes of those before compression.
    pub raw_bytes: u64,
    /// Bytes of those after compression.
    pub sent_bytes: u64,
    /// Batches that were refused or not answered, counted each time.
    pub errors: u64,
}

/// Requests to one broker.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BrokerStatistics {
    /// The broker.
    pub broker: BrokerId,
    /// Requests sent.
    pub requests: u64,
    /// Requests without an answer yet.
    pub in_flight: u64,
    /// Requests whose answer did not come in time.
    pub timed_out: u64,
    /// Requests that failed otherwise: the connection was lost, or the answer was garbage.
    pub failed: u64,
    /// Tries to connect that failed.
    pub unreachable: u64,
    /// The pauses that the broker asked for, together (librdkafka: `throttle`).
    pub throttled: Duration,
    /// How long the last answer took.
    pub latest_latency: Option<Duration>,
    /// From when a request is given to its connection until its answer, in microseconds; with
    /// `acks=0` until the socket has taken it (librdkafka: `outbuf_latency` and `rtt` together).
    pub latency: Distribution,
}

/// A topic that records were sent to; made by
/// [`Producer::statistics_of`](crate::Producer::statistics_of).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TopicStatistics {
    /// The topic.
    pub topic: Topic,
    /// All records of the topic, those that wait for its partitions to become known included.
    pub records: RecordStatistics,
    /// Records that ever waited for the topic to become known.
    pub postponed: u64,
    /// Each partition, in order.
    pub partitions: Vec<PartitionStatistics>,
}

/// A partition of a topic that records were sent to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PartitionStatistics {
    /// Its number.
    pub partition: i32,
    /// Its records.
    pub records: RecordStatistics,
}

impl RecordStatistics {
    /// Records that have their outcome (kafka-sharp: `Exited`).
    #[must_use]
    pub const fn exited(&self) -> u64 {
        self.written.saturating_add(self.not_written()).saturating_add(self.unknown)
    }

    /// Records that are not written.
    #[must_use]
    pub const fn not_written(&self) -> u64 {
        self.expired.saturating_add(self.discarded)
    }

    /// Records that have no outcome yet (librdkafka: `msg_cnt`).
    #[must_use]
    pub const fn in_progress(&self) -> u64 {
        self.entered.saturating_sub(self.exited())
    }

    pub(crate) const fn add(&mut self, other: &Self) {
        self.entered = self.entered.saturating_add(other.entered);
        self.written = self.written.saturating_add(other.written);
        self.expired = self.expired.saturating_add(other.expired);
        self.discarded = self.discarded.saturating_add(other.discarded);
        self.unknown = self.unknown.saturating_add(other.unknown);
        self.retried = self.retried.saturating_add(other.retried);
        self.batches = self.batches.saturating_add(other.batches);
        self.raw_bytes = self.raw_bytes.saturating_add(other.raw_bytes);
        self.sent_bytes = self.sent_bytes.saturating_add(other.sent_bytes);
        self.errors = self.errors.saturating_add(other.errors);
    }
}

impl ProducerStatistics {
    pub(crate) fn measured(meter: &Meter) -> Self {
        Self {
            latest_latency: meter.latest_latency(),
            queue_time: meter.queue.snapshot(),
            batch_records: meter.batch_records.snapshot(),
            batch_bytes: meter.batch_bytes.snapshot(),
            compression_percent: meter.compression.snapshot(),
            ..Self::default()
        }
    }

    pub(crate) fn add_topic(&mut self, topic: &TopicStatistics) {
        self.records.add(&topic.records);
        self.postponed = self.postponed.saturating_add(topic.postponed);
    }

    pub(crate) fn add_broker(&mut self, broker: BrokerStatistics) {
        let sum = |all: &mut u64, one: u64| *all = all.saturating_add(one);
        sum(&mut self.requests, broker.requests);
        sum(&mut self.requests_in_flight, broker.in_flight);
        sum(&mut self.requests_timed_out, broker.timed_out);
        sum(&mut self.requests_failed, broker.failed.saturating_add(broker.unreachable));
        self.brokers.push(broker);
    }
}
