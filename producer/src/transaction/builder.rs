use std::time::Duration;

use ottla_client::{ConfigError, ConfigErrors, Lane, LaneKind};
use tokio::sync::mpsc;

use super::{coordinator, producer::TransactionalProducer, roll::Roll};
use crate::{builder::ProducerBuilder, core::Core, producer::Producer};

/// Builds a [`TransactionalProducer`]; made by
/// [`ProducerBuilder::transactional`](crate::ProducerBuilder::transactional).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct TransactionalBuilder {
    producer: ProducerBuilder,
    id: String,
    timeout: Duration,
    patience: Duration,
}

impl TransactionalBuilder {
    pub(crate) const fn new(producer: ProducerBuilder, id: String) -> Self {
        let (timeout, patience) = (Duration::from_secs(60), Duration::from_secs(60));
        Self { producer, id, timeout, patience }
    }

    /// How long a transaction may be open before its coordinator aborts it
    /// (`transaction.timeout.ms`). Default: 60 s; at least 1 ms, at most what the brokers allow
    /// (`transaction.max.timeout.ms`, 15 minutes unless set otherwise).
    ///
    /// Readers of committed records wait behind an open transaction, for as long as this if its
    /// producer dies.
    pub const fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long `begin`, `commit`, `abort` and `send_offsets` wait for the coordinators
    /// (`max.block.ms`). Default: 60 s. The records of a transaction have their own
    /// `delivery_timeout`, which a commit waits for before.
    pub const fn completion_timeout(mut self, timeout: Duration) -> Self {
        self.patience = timeout;
        self
    }

    /// Starts the producer; needs a tokio runtime, and does no I/O yet: the first
    /// [`begin`](TransactionalProducer::begin) introduces it to its coordinator.
    ///
    /// # Errors
    /// All settings that cannot be used, each by its name; [`idempotence`] and `acks` of all
    /// replicas are necessary.
    ///
    /// [`idempotence`]: crate::ProducerBuilder::idempotence
    pub fn build(self) -> Result<TransactionalProducer, ConfigErrors> {
        let ProducerBuilder { client, config, .. } = &self.producer;
        let mut faults = config.faults(client.codecs());
        faults.extend(self.faults());
        ConfigErrors::unless_empty(faults)?;
        let ProducerBuilder { client, config, events } = self.producer;
        let (commands, received) = mpsc::unbounded_channel();
        let core = Core::with_roll(client, config, events, |owner| {
            let lane = Lane::new(LaneKind::Transaction, owner);
            Roll::new(self.id, self.timeout, self.patience, lane)
        });
        core.client.spawn(coordinator::run(core.clone(), received));
        Ok(TransactionalProducer::new(Producer::start(core), commands))
    }

    fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if !self.producer.config.idempotence {
            let reason = "a transaction needs every record exactly once";
            faults.push(ConfigError::contradiction("idempotence", "transactional", reason));
        }
        if self.id.is_empty() {
            let expected = "a name that no other producer has at the same time";
            faults.push(ConfigError::invalid("transactional", "\"\"", expected));
        }
        let millis = self.timeout.as_millis();
        if millis == 0 || i32::try_from(millis).is_err() {
            let given = format!("{:?}", self.timeout);
            let expected = "from 1 ms to 24 days are allowed";
            faults.push(ConfigError::invalid("transaction_timeout", given, expected));
        }
        if self.patience.is_zero() {
            let expected = "a coordinator needs time to answer";
            faults.push(ConfigError::invalid("completion_timeout", "0 s", expected));
        }
        faults
    }
}
