//! What a cluster can be built with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::ApiKey;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Clock, Coordination, NewTopic, Shared, State, TestCluster, TopicConfig};
use crate::counters::Counters;
use crate::faults::Faults;
use crate::group::GroupPolicy;
use crate::transaction::{TransactionPolicy, TransactionVersion};

/// Describes a [`TestCluster`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct TestClusterBuilder {
    settings: Settings,
    topics: Vec<(String, i32, TopicConfig)>,
}

/// What does not change after a cluster was built.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    brokers: i32,
    first_id: i32,
    racks: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) auto_create: bool,
    pub(crate) default_partitions: i32,
    replication_factor: Option<i16>,
    /// `None`: the API is not there.
    pub(crate) max_versions: BTreeMap<ApiKey, Option<i16>>,
    pub(crate) groups: GroupPolicy,
    pub(crate) transactions: TransactionPolicy,
    pub(crate) max_request_bytes: usize,
    pub(crate) pipe_capacity: usize,
    pub(crate) cut_last_batch: bool,
    time_base: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            brokers: 1,
            first_id: 0,
            racks: Vec::new(),
            seed: 0,
            auto_create: false,
            default_partitions: 1,
            replication_factor: None,
            max_versions: BTreeMap::new(),
            groups: GroupPolicy::default(),
            transactions: TransactionPolicy::default(),
            max_request_bytes: 100 << 20,
            pipe_capacity: 256 << 10,
            cut_last_batch: false,
            time_base: 1_600_000_000_000,
        }
    }
}

impl Settings {
    pub(crate) fn broker_ids(&self) -> impl Iterator<Item = i32> + use<> {
        self.first_id..self.first_id.saturating_add(self.brokers)
    }

    pub(crate) fn rack(&self, at: usize) -> Option<String> {
        self.racks.get(at % self.racks.len().max(1)).cloned()
    }

    pub(crate) fn replication_factor(&self) -> i16 {
        let most = i16::try_from(self.brokers).unwrap_or(i16::MAX);
        self.replication_factor.unwrap_or(3).min(most)
    }
}

impl TestClusterBuilder {
    /// How many brokers; at least 1, the default.
    pub fn brokers(mut self, count: u16) -> Self {
        self.settings.brokers = i32::from(count.max(1));
        self
    }

    /// The id of the first broker (default 0); the others follow.
    pub fn first_id(mut self, id: i32) -> Self {
        self.settings.first_id = id;
        self
    }

    /// Racks, given to the brokers in turn (`broker.rack`, default none).
    pub fn racks<I: IntoIterator<Item = S>, S: Into<String>>(mut self, racks: I) -> Self {
        self.settings.racks = racks.into_iter().map(Into::into).collect();
        self
    }

    /// What all randomness comes from (default 0): ids, and faults with a probability.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// A topic that is there from the start.
    pub fn topic(self, name: &str, partitions: i32) -> Self {
        self.topic_with(name, partitions, TopicConfig::default())
    }

    /// A topic that is there from the start, with its configuration.
    pub fn topic_with(mut self, name: &str, partitions: i32, config: TopicConfig) -> Self {
        self.topics.push((name.to_owned(), partitions, config));
        self
    }

    /// How often a partition is replicated (default 3, or as many brokers as there are). Replicas
    /// decide who can lead when a broker stops; all of them have the same log.
    pub fn replication_factor(mut self, factor: i16) -> Self {
        self.settings.replication_factor = Some(factor);
        self
    }

    /// Whether a request for metadata creates topics (`auto.create.topics.enable`, default no).
    pub fn auto_create_topics(mut self, yes: bool) -> Self {
        self.settings.auto_create = yes;
        self
    }

    /// Partitions of a topic that is created without a number (`num.partitions`, default 1).
    pub fn default_partitions(mut self, count: i32) -> Self {
        self.settings.default_partitions = count;
        self
    }

    /// The highest version of an API that the brokers offer and serve: makes them look old.
    pub fn max_version(mut self, api: ApiKey, version: i16) -> Self {
        self.settings.max_versions.insert(api, Some(version));
        self
    }

    /// Leaves an API out, as brokers do that do not know it.
    pub fn without(mut self, api: ApiKey) -> Self {
        self.settings.max_versions.insert(api, None);
        self
    }

    /// How long an empty group waits for more members (`group.initial.rebalance.delay.ms`;
    /// default none, where Kafka has 3 s).
    pub fn initial_rebalance_delay(mut self, delay: Duration) -> Self {
        self.settings.groups.initial_delay = delay;
        self
    }

    /// What a member may ask for (`group.min.session.timeout.ms` 6 s and
    /// `group.max.session.timeout.ms` 30 minutes by default).
    pub fn session_timeouts(mut self, shortest: Duration, longest: Duration) -> Self {
        self.settings.groups.min_session = shortest;
        self.settings.groups.max_session = longest;
        self
    }

    /// The most members a group may have (`group.max.size`, default unbounded).
    pub fn max_group_size(mut self, members: usize) -> Self {
        self.settings.groups.max_size = members;
        self
    }

    /// Which protocol of transactions is turned on (the feature `transaction.version`, default 2 as
    /// in Kafka 4). Clients choose by it; a request of either protocol is served in any case.
    pub fn transaction_version(mut self, version: TransactionVersion) -> Self {
        self.settings.transactions.version = version;
        self
    }

    /// The longest `transaction.timeout.ms` a producer may ask for (`transaction.max.timeout.ms`,
    /// default 15 minutes).
    pub fn max_transaction_timeout(mut self, longest: Duration) -> Self {
        self.settings.transactions.longest = longest;
        self
    }

    /// How long after the end of a transaction its markers are written (default at once). Until
    /// then what it wrote is not stable, and its producer is told `CONCURRENT_TRANSACTIONS`.
    pub fn marker_delay(mut self, delay: Duration) -> Self {
        self.settings.transactions.marker_delay = delay;
        self
    }

    /// A longer request cuts its connection (`socket.request.max.bytes`, default 100 MiB).
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_request_bytes = bytes;
        self
    }

    /// Bytes that an in-memory connection holds in each direction (default 256 KiB).
    pub fn pipe_capacity(mut self, bytes: usize) -> Self {
        self.settings.pipe_capacity = bytes;
        self
    }

    /// Whether a fetch fills its limits to the byte, cutting the last batch, as Kafka does
    /// (default no: whole batches only).
    pub fn cut_last_batch(mut self, yes: bool) -> Self {
        self.settings.cut_last_batch = yes;
        self
    }

    /// What the broker's clock shows at the start, in milliseconds since the epoch (default
    /// 1 600 000 000 000); from there it follows tokio's clock.
    pub fn time_base(mut self, millis: i64) -> Self {
        self.settings.time_base = millis;
        self
    }

    /// Starts the cluster. It is reached over in-memory pipes until [`TestCluster::listen`].
    ///
    /// # Panics
    /// Outside of a tokio runtime, and if a topic cannot be created as described.
    pub fn build(self) -> TestCluster {
        let settings = self.settings;
        let ended = CancellationToken::new();
        let mut state = State::new(&settings, &ended);
        for (name, partitions, config) in self.topics {
            let created =
                state.assign(partitions, settings.replication_factor()).and_then(|assignment| {
                    let name = name.as_str().into();
                    state.create_topic(NewTopic { name, assignment, config }).map(|_| ())
                });
            assert!(created.is_ok(), "topic {name}: {created:?}");
        }
        TestCluster::start(Shared {
            coordination: Coordination::new(settings.groups.clone()),
            counters: Arc::new(Counters::new()),
            // Faults draw from a stream of their own, so that arming one changes no id.
            faults: Faults::new(settings.seed ^ 0x6661_756c_7473),
            clock: Clock::new(settings.time_base),
            transactions_changed: Notify::new(),
            state: Mutex::new(state),
            settings,
            ended,
        })
    }
}
