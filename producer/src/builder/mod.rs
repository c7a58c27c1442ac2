//! One method for each setting, by what it is about.

mod batching;
mod buffer;
mod delivery;
mod events;
mod routing;

use std::sync::Arc;

use ottla_client::{Client, ConfigErrors};

use crate::{
    config::{ProducerConfig, TopicSettings},
    core::Core,
    outcome::ProducerEvents,
    producer::Producer,
    transaction::TransactionalBuilder,
};

/// Builds a [`Producer`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ProducerBuilder {
    pub(crate) client: Client,
    pub(crate) config: ProducerConfig,
    pub(crate) events: Option<Arc<dyn ProducerEvents>>,
}

impl ProducerBuilder {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone(), config: ProducerConfig::default(), events: None }
    }

    /// Settings for the topic of this name, where they differ from the producer's. Default: none.
    /// Given again for the same topic, the last ones hold.
    ///
    /// This is what librdkafka calls topic configuration; kafka-sharp has it for partitioners and
    /// serializers.
    pub fn topic_settings(mut self, topic: impl Into<String>, settings: TopicSettings) -> Self {
        self.config.topics.insert(topic.into(), settings);
        self
    }

    /// Makes it a producer of transactions under this id (`transactional.id`, KIP-98): with the
    /// settings given so far, and some more of its own.
    pub fn transactional(self, id: impl Into<String>) -> TransactionalBuilder {
        TransactionalBuilder::new(self, id.into())
    }

    /// Starts the producer; needs a tokio runtime, and does no I/O yet.
    ///
    /// # Errors
    /// All settings that cannot be used, each by its name.
    pub fn build(self) -> Result<Producer, ConfigErrors> {
        ConfigErrors::unless_empty(self.config.faults(self.client.codecs()))?;
        Ok(Producer::start(Core::new(self.client, self.config, self.events)))
    }
}
