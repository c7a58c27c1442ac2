//! What is wrong with settings, all of it at once and each by its name.

use ottla_client::ConfigError;
use ottla_protocol::compression::{Codecs, Compression};

use super::{Acks, Overflow, ProducerConfig, TopicConfig, TopicSettings};

impl ProducerConfig {
    /// Everything that cannot be.
    pub(crate) fn faults(&self, codecs: &Codecs) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        self.delivery_faults(&mut faults);
        self.size_faults(&mut faults);
        self.room_faults(&mut faults);
        let (codec, level) = (self.compression, self.compression_level);
        faults.extend(codec_fault(codecs, codec, level, &|setting| setting.to_owned()));
        for (topic, settings) in &self.topics {
            self.topic_faults(topic, settings, codecs, &mut faults);
        }
        faults
    }

    fn delivery_faults(&self, faults: &mut Vec<ConfigError>) {
        if self.idempotence && self.acks != Acks::All {
            faults.push(ConfigError::contradiction("acks", "idempotence", NEEDS_ALL));
        }
        if self.idempotence && !self.retries {
            let reason = "a sequence can only be kept by sending again what failed";
            faults.push(ConfigError::contradiction("retries", "idempotence", reason));
        }
        if self.max_tries == Some(0) {
            faults.push(ConfigError::invalid("max_tries", 0, "a batch needs a try to be sent"));
        }
        if self.request_timeout.is_zero() {
            let expected = "a request needs time to be answered";
            faults.push(ConfigError::invalid("request_timeout", "0 s", expected));
        }
        if self.ttl.is_some_and(|ttl| ttl.is_zero()) {
            faults.push(ConfigError::invalid("ttl", "0 s", NEEDS_TIME));
        }
        if self.delivery_timeout < self.linger.saturating_add(self.request_timeout) {
            let given = format!("{:?}", self.delivery_timeout);
            let expected = "not less than linger and request_timeout together";
            faults.push(ConfigError::invalid("delivery_timeout", given, expected));
        }
    }

    fn size_faults(&self, faults: &mut Vec<ConfigError>) {
        if !(1 << 10..=1 << 30).contains(&self.max_batch_size) {
            let expected = "from 1 KiB to 1 GiB are allowed";
            faults.push(ConfigError::invalid("max_batch_size", self.max_batch_size, expected));
        }
        if self.max_request_size < self.max_batch_size || self.max_request_size > 1 << 30 {
            let expected = "from max_batch_size to 1 GiB are allowed";
            faults.push(ConfigError::invalid("max_request_size", self.max_request_size, expected));
        }
        if self.batch_records == 0 {
            faults.push(ConfigError::invalid("batch_records", 0, "a batch has a record"));
        }
        if self.compression_concurrency == 0 || self.compression_concurrency > MOST_AT_ONCE {
            let (given, expected) = (self.compression_concurrency, "from 1 to 1024 are allowed");
            faults.push(ConfigError::invalid("compression_concurrency", given, expected));
        }
        if self.buffer_memory < self.max_batch_size {
            faults.push(ConfigError::invalid("buffer_memory", self.buffer_memory, HOLDS_A_BATCH));
        }
    }

    fn room_faults(&self, faults: &mut Vec<ConfigError>) {
        if self.buffer_records == Some(0) {
            faults.push(ConfigError::invalid("buffer_records", 0, HOLDS_A_RECORD));
        }
        if self.max_postponed == 0 {
            faults.push(ConfigError::invalid("max_postponed", 0, HOLDS_A_RECORD));
        }
        if self.max_wait.is_some() && self.overflow != Overflow::Wait {
            let reason = "nobody waits unless records wait for room";
            faults.push(ConfigError::contradiction("max_wait", "overflow", reason));
        }
        if self.max_wait.is_some_and(|wait| wait.is_zero()) {
            let expected = "`Overflow::Fail` refuses at once";
            faults.push(ConfigError::invalid("max_wait", "0 s", expected));
        }
    }

    fn topic_faults(
        &self,
        topic: &str,
        settings: &TopicSettings,
        codecs: &Codecs,
        faults: &mut Vec<ConfigError>,
    ) {
        let name = |setting: &str| format!("topic_settings({topic:?}).{setting}");
        let config = TopicConfig::of(self, topic);
        // What the topic has of the producer is the producer's fault.
        if self.idempotence && settings.acks.is_some_and(|acks| acks != Acks::All) {
            faults.push(ConfigError::contradiction(name("acks"), "idempotence", NEEDS_ALL));
        }
        if settings.compression.is_some() || settings.compression_level.is_some() {
            let (codec, level) = (config.compression, config.compression_level);
            faults.extend(codec_fault(codecs, codec, level, &name));
        }
        if settings.ttl.is_some_and(|ttl| ttl.is_zero()) {
            faults.push(ConfigError::invalid(name("ttl"), "0 s", NEEDS_TIME));
        }
        if let Some(bytes) = settings.buffer_memory.filter(|&bytes| bytes < self.max_batch_size) {
            faults.push(ConfigError::invalid(name("buffer_memory"), bytes, HOLDS_A_BATCH));
        }
        if settings.buffer_records == Some(0) {
            faults.push(ConfigError::invalid(name("buffer_records"), 0, HOLDS_A_RECORD));
        }
    }
}

/// Tries the codec on nothing, so that a level it does not have is found now.
fn codec_fault(
    codecs: &Codecs,
    compression: Compression,
    level: Option<i32>,
    name: &dyn Fn(&str) -> String,
) -> Option<ConfigError> {
    match codecs.get(compression) {
        Err(missing) => {
            let given = compression.name();
            Some(ConfigError::invalid(name("compression"), given, missing.to_string()))
        }
        Ok(codec) => {
            let error = codec.compress(&[b""], level, &mut Vec::new()).err()?;
            let given = level.map_or_else(|| compression.to_string(), |level| level.to_string());
            Some(ConfigError::invalid(name("compression_level"), given, error.to_string()))
        }
    }
}

/// More threads than this gain nothing anywhere.
const MOST_AT_ONCE: usize = 1024;
const NEEDS_ALL: &str = "the brokers can only recognise what all replicas have";
const NEEDS_TIME: &str = "a record needs time to be sent; leave it out for no limit";
const HOLDS_A_RECORD: &str = "it has to hold a record";
const HOLDS_A_BATCH: &str = "it has to hold a batch of max_batch_size";
