//! Building a consumer.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::{Client, ConfigError, ConfigErrors, TopicPartition};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config::{ConsumerConfig, OffsetReset, Start};
use crate::consumer::Consumer;
use crate::driver::{self, Driver};
use crate::group::{GroupMachine, GroupSettings};
use crate::listener::RebalanceListener;
use crate::offsets::{Commits, Committer};
use crate::partitions::{Limits, PartitionTable};
use crate::shared::{Parts, Shared};

/// Builds a [`Consumer`]. Every setting has the default that [`ConsumerConfig`] states.
#[must_use = "a builder does nothing until `build` is called"]
pub struct ConsumerBuilder {
    client: Client,
    config: ConsumerConfig,
    topics: Vec<String>,
    partitions: Vec<(TopicPartition, Start)>,
    listener: Option<Arc<dyn RebalanceListener>>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $ty:ty;)+) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: $ty) -> Self {
            self.config.$name = $name;
            self
        }
    )+};
}

impl ConsumerBuilder {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            config: ConsumerConfig::default(),
            topics: Vec::new(),
            partitions: Vec::new(),
            listener: None,
        }
    }

    /// The consumer group (`group.id`): to take part in, with [`topics`](Self::topics), or only
    /// to commit to, with [`assign`](Self::assign).
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.config.group = Some(group.into());
        self
    }

    /// The name of a static member (`group.instance.id`).
    pub fn group_instance(mut self, name: impl Into<String>) -> Self {
        self.config.group_instance = Some(name.into());
        self
    }

    /// The topics to read; the group assigns their partitions.
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = topics.into_iter().map(Into::into).collect();
        self
    }

    /// The partitions to read, without asking a group.
    pub fn assign(mut self, partitions: impl IntoIterator<Item = (TopicPartition, Start)>) -> Self {
        self.partitions = partitions.into_iter().collect();
        self
    }

    /// Who is told of partitions that come and go.
    pub fn rebalance_listener(mut self, listener: Arc<dyn RebalanceListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// All settings at once.
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// The settings as they are now.
    #[must_use]
    pub fn settings(&self) -> &ConsumerConfig {
        &self.config
    }

    settings! {
        /// See [`ConsumerConfig::offset_reset`].
        offset_reset: OffsetReset;
        /// See [`ConsumerConfig::commit_interval`].
        commit_interval: Option<Duration>;
        /// See [`ConsumerConfig::commit_timeout`].
        commit_timeout: Duration;
        /// See [`ConsumerConfig::session_timeout`].
        session_timeout: Duration;
        /// See [`ConsumerConfig::heartbeat_interval`].
        heartbeat_interval: Duration;
        /// See [`ConsumerConfig::max_poll_interval`].
        max_poll_interval: Option<Duration>;
        /// See [`ConsumerConfig::rebalance_callback_timeout`].
        rebalance_callback_timeout: Duration;
        /// See [`ConsumerConfig::fetch_min_bytes`].
        fetch_min_bytes: usize;
        /// See [`ConsumerConfig::fetch_max_wait`].
        fetch_max_wait: Duration;
        /// See [`ConsumerConfig::fetch_max_bytes`].
        fetch_max_bytes: usize;
        /// See [`ConsumerConfig::partition_fetch_bytes`].
        partition_fetch_bytes: usize;
        /// See [`ConsumerConfig::low_water_bytes`].
        low_water_bytes: usize;
        /// See [`ConsumerConfig::buffer_memory`].
        buffer_memory: usize;
        /// See [`ConsumerConfig::max_inflated_batch`].
        max_inflated_batch: usize;
    }

    /// The consumer, its tasks started. Needs a tokio runtime; does no I/O of its own.
    ///
    /// # Errors
    /// Every setting that cannot be, at once.
    pub fn build(self) -> Result<Consumer, ConfigErrors> {
        ConfigErrors::unless_empty(self.faults())?;
        let Self { client, config, topics, partitions, listener } = self;
        let subscribed = !topics.is_empty();
        let limits = Limits {
            low_water_bytes: config.low_water_bytes,
            partition_fetch_bytes: config.partition_fetch_bytes,
            max_wait: config.fetch_max_wait,
            offset_reset: config.offset_reset,
            has_group: config.group.is_some(),
            seed: client.next_seed(),
        };
        let (commits, callers) = Commits::new(config.group.is_some());
        let (commands, commanded) = mpsc::channel(driver::QUEUE);
        let shared = Shared::new(Parts {
            table: PartitionTable::new(limits),
            client,
            config,
            subscribed,
            commits,
            commands,
        });
        let machine = subscribed.then(|| {
            let mut names = topics.clone();
            names.sort_unstable();
            names.dedup();
            let settings = GroupSettings {
                topics: names,
                is_static: shared.config.group_instance.is_some(),
                heartbeat_interval: shared.config.heartbeat_interval,
                seed: shared.client.next_seed(),
            };
            GroupMachine::new(settings, Instant::now())
        });
        let topics = topics.iter().map(|name| shared.client.topic(name)).collect();
        if !subscribed {
            let assigned = shared.assign(&partitions);
            debug_assert!(assigned.is_ok(), "nothing else assigns, and it is not closed");
        }
        let driver = Driver::new(Arc::clone(&shared), machine, listener, commanded, topics);
        shared.spawn(driver.run());
        shared.spawn(Committer::new(Arc::clone(&shared), callers).run());
        Ok(Consumer::new(shared))
    }

    fn faults(&self) -> Vec<ConfigError> {
        let config = &self.config;
        let mut faults = Vec::new();
        if !self.topics.is_empty() && config.group.is_none() {
            faults.push(ConfigError::missing("group"));
        }
        if !self.topics.is_empty() && !self.partitions.is_empty() {
            let reason = "either the group assigns the partitions or the application does";
            faults.push(ConfigError::contradiction("assign", "topics", reason));
        }
        if config.group.as_deref() == Some("") {
            faults.push(ConfigError::invalid("group", "", "a name"));
        }
        if config.group_instance.as_deref() == Some("") {
            faults.push(ConfigError::invalid("group_instance", "", "a name"));
        }
        if let Some((at, _)) = self.partitions.iter().find(|(at, _)| !self.client.owns(&at.topic)) {
            faults.push(ConfigError::invalid("assign", at, "topics of this consumer's client"));
        }
        // Otherwise one lost heartbeat costs the membership.
        if config.heartbeat_interval.saturating_mul(2) > config.session_timeout {
            let reason = "at least two heartbeats have to fit into the session timeout";
            let (setting, other) = ("heartbeat_interval", "session_timeout");
            faults.push(ConfigError::contradiction(setting, other, reason));
        }
        let durations = [
            ("heartbeat_interval", Some(config.heartbeat_interval)),
            ("session_timeout", Some(config.session_timeout)),
            ("max_poll_interval", config.max_poll_interval),
            ("commit_interval", config.commit_interval),
            ("commit_timeout", Some(config.commit_timeout)),
            ("rebalance_callback_timeout", Some(config.rebalance_callback_timeout)),
        ];
        for (setting, duration) in durations {
            if duration.is_some_and(|duration| duration.is_zero()) {
                faults.push(ConfigError::invalid(setting, "0", "more than nothing"));
            }
        }
        let sizes = [
            ("fetch_min_bytes", config.fetch_min_bytes),
            ("fetch_max_bytes", config.fetch_max_bytes),
            ("partition_fetch_bytes", config.partition_fetch_bytes),
            ("low_water_bytes", config.low_water_bytes),
            ("buffer_memory", config.buffer_memory),
            ("max_inflated_batch", config.max_inflated_batch),
        ];
        for (setting, size) in sizes {
            if size == 0 {
                faults.push(ConfigError::invalid(setting, "0", "more than nothing"));
            }
        }
        if config.buffer_memory < config.partition_fetch_bytes.saturating_mul(2) {
            let reason = "it has to hold what two fetches of a partition may bring";
            let (setting, other) = ("buffer_memory", "partition_fetch_bytes");
            faults.push(ConfigError::contradiction(setting, other, reason));
        }
        faults
    }
}
