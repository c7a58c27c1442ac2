use std::time::Duration;

use ottla_client::{Client, ConfigError, ConfigErrors, RetryPolicy};
use ottla_protocol::compression::Compression;

use crate::{
    config::{Acks, ProducerConfig},
    core::Core,
    producer::Producer,
};

/// Builds a [`Producer`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ProducerBuilder {
    client: Client,
    config: ProducerConfig,
}

impl ProducerBuilder {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone(), config: ProducerConfig::default() }
    }

    /// How many replicas must have a record before it counts as written (`acks`). Default: all.
    /// Anything less needs [`idempotence`](Self::idempotence) to be off.
    pub const fn acks(mut self, acks: Acks) -> Self {
        self.config.acks = acks;
        self
    }

    /// Whether the brokers recognise what is sent again (`enable.idempotence`, KIP-98), so that
    /// retries neither double nor reorder records. Default: on (KIP-679).
    ///
    /// Without it one batch of a partition is in flight at a time, to keep the order; a retry may
    /// double its records.
    pub const fn idempotence(mut self, on: bool) -> Self {
        self.config.idempotence = on;
        self
    }

    /// Whether what failed for now is sent again until its delivery timeout (`retries`). Default:
    /// yes. Idempotence needs it.
    pub const fn retries(mut self, on: bool) -> Self {
        self.config.retries = on;
        self
    }

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

    /// How long a request that is not full may wait for more while others are in flight to the
    /// same broker (`linger.ms`). Default: 5 ms. With nothing in flight nothing waits.
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// The least time between two requests to a broker that are not full. Default: 1 ms. It keeps a
    /// broker that answers in microseconds from turning every record into a request.
    pub const fn min_request_spacing(mut self, spacing: Duration) -> Self {
        self.config.min_request_spacing = spacing;
        self
    }

    /// The most bytes of a batch before it is compressed, and so of a record. Default: 1,000,000;
    /// from 1 KiB to 1 GiB. The brokers' `max.message.bytes` bounds what they take.
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

    /// The memory for records that have no outcome yet (`buffer.memory`), in bytes of allocated
    /// capacity. Default: 64 MiB. When it is used up [`send`](Producer::send) waits.
    ///
    /// A partition with anything to send takes 4 KiB at least.
    pub const fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }

    /// How long a record may take from `send` to its outcome (`delivery.timeout.ms`). Default:
    /// 120 s. A record that was not sent by then is not written; one that was sent without a clear
    /// answer is unknown.
    pub const fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.config.delivery_timeout = timeout;
        self
    }

    /// How long a request waits for its answer (`request.timeout.ms`). Default: 30 s.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// How long records wait for their topic to become known (`max.block.ms`). Default: 60 s.
    pub const fn topic_timeout(mut self, timeout: Duration) -> Self {
        self.config.topic_timeout = timeout;
        self
    }

    /// The wait before a partition is tried again after an error (`retry.backoff.ms`,
    /// `retry.backoff.max.ms`, KIP-580). Default: 100 ms doubling to 1 s, with jitter.
    pub const fn retry_backoff(mut self, policy: RetryPolicy) -> Self {
        self.config.retry_backoff = policy;
        self
    }

    /// Starts the producer; needs a tokio runtime, and does no I/O yet.
    ///
    /// # Errors
    /// All settings that cannot be used, each by its name.
    pub fn build(self) -> Result<Producer, ConfigErrors> {
        ConfigErrors::unless_empty(self.faults())?;
        Ok(Producer::start(Core::new(self.client, self.config)))
    }

    fn faults(&self) -> Vec<ConfigError> {
        let config = &self.config;
        let mut faults = Vec::new();
        if config.idempotence && config.acks != Acks::All {
            let reason = "the brokers can only recognise what all replicas have";
            faults.push(ConfigError::contradiction("acks", "idempotence", reason));
        }
        if config.idempotence && !config.retries {
            let reason = "a sequence can only be kept by sending again what failed";
            faults.push(ConfigError::contradiction("retries", "idempotence", reason));
        }
        if !(1 << 10..=1 << 30).contains(&config.max_batch_size) {
            let expected = "from 1 KiB to 1 GiB are allowed";
            faults.push(ConfigError::invalid("max_batch_size", config.max_batch_size, expected));
        }
        if config.max_request_size < config.max_batch_size || config.max_request_size > 1 << 30 {
            let expected = "from max_batch_size to 1 GiB are allowed";
            faults.push(ConfigError::invalid(
                "max_request_size",
                config.max_request_size,
                expected,
            ));
        }
        if config.buffer_memory < config.max_batch_size {
            let expected = "it has to hold a batch of max_batch_size";
            faults.push(ConfigError::invalid("buffer_memory", config.buffer_memory, expected));
        }
        if config.request_timeout.is_zero() {
            let expected = "a request needs time to be answered";
            faults.push(ConfigError::invalid("request_timeout", "0 s", expected));
        }
        if config.delivery_timeout < config.linger.saturating_add(config.request_timeout) {
            let given = format!("{:?}", config.delivery_timeout);
            let expected = "not less than linger and request_timeout together";
            faults.push(ConfigError::invalid("delivery_timeout", given, expected));
        }
        faults.extend(self.codec_fault());
        faults
    }

    /// Tries the codec on nothing, so that a level it does not have is found now.
    fn codec_fault(&self) -> Option<ConfigError> {
        let config = &self.config;
        let name = config.compression.name();
        match self.client.codecs().get(config.compression) {
            Err(missing) => Some(ConfigError::invalid("compression", name, missing.to_string())),
            Ok(codec) => {
                let level = config.compression_level;
                let error = codec.compress(&[b""], level, &mut Vec::new()).err()?;
                let given = level.map_or_else(|| name.to_owned(), |level| level.to_string());
                Some(ConfigError::invalid("compression_level", given, error.to_string()))
            }
        }
    }
}
