//! The producer's settings.

mod acks;
mod error_strategy;
mod faults;
mod gathering;
mod overflow;
mod topic;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use ottla_client::RetryPolicy;
use ottla_protocol::compression::Compression;

use crate::partitioner::Partitioner;

pub use acks::Acks;
pub use error_strategy::ErrorStrategy;
pub use gathering::Gathering;
pub use overflow::Overflow;
pub(crate) use topic::TopicConfig;
pub use topic::TopicSettings;

/// The settings of a producer, as its builder leaves them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProducerConfig {
    /// See [`ProducerBuilder::acks`](crate::ProducerBuilder::acks).
    pub acks: Acks,
    /// See [`ProducerBuilder::idempotence`](crate::ProducerBuilder::idempotence).
    pub idempotence: bool,
    /// See [`ProducerBuilder::compression`](crate::ProducerBuilder::compression).
    pub compression: Compression,
    /// See [`ProducerBuilder::compression_level`](crate::ProducerBuilder::compression_level).
    pub compression_level: Option<i32>,
    /// See [`ProducerBuilder::compression_concurrency`](crate::ProducerBuilder::compression_concurrency).
    pub compression_concurrency: usize,
    /// See [`ProducerBuilder::batch_records`](crate::ProducerBuilder::batch_records). `u32::MAX`
    /// stands for no bound.
    pub batch_records: u32,
    /// See [`ProducerBuilder::gathering`](crate::ProducerBuilder::gathering).
    pub gathering: Gathering,
    /// See [`ProducerBuilder::linger`](crate::ProducerBuilder::linger).
    pub linger: Duration,
    /// See [`ProducerBuilder::min_request_spacing`](crate::ProducerBuilder::min_request_spacing).
    pub min_request_spacing: Duration,
    /// See [`ProducerBuilder::max_batch_size`](crate::ProducerBuilder::max_batch_size).
    pub max_batch_size: usize,
    /// See [`ProducerBuilder::max_request_size`](crate::ProducerBuilder::max_request_size).
    pub max_request_size: usize,
    /// See [`ProducerBuilder::buffer_memory`](crate::ProducerBuilder::buffer_memory).
    pub buffer_memory: usize,
    /// See [`ProducerBuilder::buffer_records`](crate::ProducerBuilder::buffer_records).
    pub buffer_records: Option<usize>,
    /// See [`ProducerBuilder::max_postponed`](crate::ProducerBuilder::max_postponed).
    pub max_postponed: usize,
    /// See [`ProducerBuilder::overflow`](crate::ProducerBuilder::overflow).
    pub overflow: Overflow,
    /// See [`ProducerBuilder::max_wait`](crate::ProducerBuilder::max_wait).
    pub max_wait: Option<Duration>,
    /// See [`ProducerBuilder::delivery_timeout`](crate::ProducerBuilder::delivery_timeout).
    pub delivery_timeout: Duration,
    /// See [`ProducerBuilder::ttl`](crate::ProducerBuilder::ttl).
    pub ttl: Option<Duration>,
    /// See [`ProducerBuilder::request_timeout`](crate::ProducerBuilder::request_timeout).
    pub request_timeout: Duration,
    /// See [`ProducerBuilder::topic_timeout`](crate::ProducerBuilder::topic_timeout).
    pub topic_timeout: Duration,
    /// See [`ProducerBuilder::retries`](crate::ProducerBuilder::retries).
    pub retries: bool,
    /// See [`ProducerBuilder::max_tries`](crate::ProducerBuilder::max_tries).
    pub max_tries: Option<u32>,
    /// See [`ProducerBuilder::error_strategy`](crate::ProducerBuilder::error_strategy).
    pub error_strategy: ErrorStrategy,
    /// See [`ProducerBuilder::retry_backoff`](crate::ProducerBuilder::retry_backoff).
    pub retry_backoff: RetryPolicy,
    /// See [`ProducerBuilder::partitioner`](crate::ProducerBuilder::partitioner).
    pub partitioner: Partitioner,
    /// See [`ProducerBuilder::failed_partition_exclusion`](crate::ProducerBuilder::failed_partition_exclusion).
    pub failed_partition_exclusion: Duration,
    /// See [`ProducerBuilder::min_in_sync_replicas`](crate::ProducerBuilder::min_in_sync_replicas).
    pub min_in_sync_replicas: usize,
    /// See [`ProducerBuilder::topic_settings`](crate::ProducerBuilder::topic_settings).
    pub topics: BTreeMap<String, TopicSettings>,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            idempotence: true,
            compression: Compression::None,
            compression_level: None,
            compression_concurrency: available_parallelism().map_or(1, NonZeroUsize::get),
            batch_records: u32::MAX,
            gathering: Gathering::ByBroker,
            linger: Duration::from_millis(5),
            min_request_spacing: Duration::from_millis(1),
            max_batch_size: 1_000_000,
            max_request_size: 1 << 20,
            buffer_memory: 64 << 20,
            buffer_records: None,
            max_postponed: 10_000,
            overflow: Overflow::Wait,
            max_wait: None,
            delivery_timeout: Duration::from_secs(120),
            ttl: None,
            request_timeout: Duration::from_secs(30),
            topic_timeout: Duration::from_secs(60),
            retries: true,
            max_tries: None,
            error_strategy: ErrorStrategy::Retry,
            retry_backoff: RetryPolicy::doubling(
                Duration::from_millis(100),
                Duration::from_secs(1),
            ),
            partitioner: Partitioner::java(),
            failed_partition_exclusion: Duration::from_secs(10),
            min_in_sync_replicas: 0,
            topics: BTreeMap::new(),
        }
    }
}

impl ProducerConfig {
    pub(crate) fn request_timeout_ms(&self) -> i32 {
        i32::try_from(self.request_timeout.as_millis()).unwrap_or(i32::MAX)
    }
}
