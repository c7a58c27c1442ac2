//! How records are gathered: codec, sizes, linger.

use std::time::Duration;

use ottla_protocol::compression::Compression;

use super::ProducerBuilder;
use crate::config::Gathering;

impl ProducerBuilder {
    /// The codec of the batches (`compression.type`). Default: none.
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.config.compression = compression;
        self
    }

    /// The codec's own level (`compression.gzip.level` and others, KIP-390). Default: the codec's.
    pub const fn compression_level(mut self, level: i32) -> Self {
        self.config.compression_level = Some(level);
        self
    }

    /// The most batches that are compressed at the same time (kafka-sharp's `MaximumConcurrency`).
    /// Default: as many as there are processors; from 1 to 1024.
    ///
    /// Batches of more than 16 KiB are compressed on threads of the runtime's blocking pool, those
    /// below where the request is put together. What waits for its turn stays in its order.
    pub const fn compression_concurrency(mut self, batches: usize) -> Self {
        self.config.compression_concurrency = batches;
        self
    }

    /// The most records of a batch (kafka-sharp's `ProduceBatchSize`, librdkafka's
    /// `batch.num.messages`). Default: as many as fit; at least 1.
    ///
    /// A batch with so many is closed and sent without waiting for its request to become full.
    /// Batches with few records cost brokers and consumers more: leave it alone unless a consumer
    /// needs small batches.
    pub const fn batch_records(mut self, records: u32) -> Self {
        self.config.batch_records = records;
        self
    }

    /// Over what records are gathered: for each broker, or over all (kafka-sharp's
    /// `BatchStrategy`). Default: [`Gathering::ByBroker`].
    pub const fn gathering(mut self, gathering: Gathering) -> Self {
        self.config.gathering = gathering;
        self
    }

    /// How long a request that is not full may wait for more while others are in flight to the
    /// same broker (`linger.ms`; kafka-sharp's `ProduceBufferingTime`). Default: 5 ms. With nothing
    /// in flight nothing waits.
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// The least time between two requests to a broker that are not full, where at least two
    /// records come in that time. Default: 1 ms. It keeps a broker that answers in microseconds from
    /// turning every record into a request; records that come one by one do not wait for it.
    ///
    /// Records at random times, a broker that answers in 150 µs, timers of whole milliseconds, in
    /// requests a second and p99:
    ///
    /// | spacing | 1,000/s | 10,000/s | 100,000/s | 300,000/s |
    /// |---|---|---|---|---|
    /// | 0 | 1034, 0.3 ms | 5829, 0.3 ms | 6667, 0.3 ms | 6667, 0.3 ms |
    /// | 0.5 ms | 1034, 0.3 ms | 1698, 0.9 ms | 1962, 0.7 ms | 1988, 0.6 ms |
    /// | 1 ms | 1034, 0.3 ms | 1008, 1.1 ms | 1001, 1.1 ms | 1001, 1.1 ms |
    /// | 2 ms | 671, 2.5 ms | 509, 2.1 ms | 501, 2.1 ms | 501, 2.1 ms |
    pub const fn min_request_spacing(mut self, spacing: Duration) -> Self {
        self.config.min_request_spacing = spacing;
        self
    }

    /// The most bytes of a batch as it is sent, and of a record before it is compressed
    /// (`batch.size`, librdkafka's `message.max.bytes`). Default: 1,000,000; from 1 KiB to 1 GiB.
    ///
    /// How well records compress is learnt for each topic, so that batches become full: before
    /// they are compressed they may be up to 8 times as large, but no larger than an eighth of
    /// [`buffer_memory`](Self::buffer_memory). What comes out too large is split before it is
    /// sent.
    ///
    /// The brokers' `max.message.bytes` bounds what they take. A batch they refuse as too large is
    /// split and sent again in its place (KIP-126), and the topic's next batches are half as large;
    /// a single record that is refused is not written. Without [`retries`](Self::retries) nothing
    /// is sent again, a split batch neither.
    pub const fn max_batch_size(mut self, bytes: usize) -> Self {
        self.config.max_batch_size = bytes;
        self
    }

    /// The most bytes of batches in a request (`max.request.size`). Default: 1 MiB; at least
    /// [`max_batch_size`](Self::max_batch_size).
    pub const fn max_request_size(mut self, bytes: usize) -> Self {
        self.config.max_request_size = bytes;
        self
    }
}
