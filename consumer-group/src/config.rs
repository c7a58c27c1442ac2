//! The settings of a consumer and their defaults.

use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Where a partition starts that has no valid position (`auto.offset.reset`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OffsetReset {
    /// At the end: only what is written from now on. Kafka's default.
    #[default]
    Latest,
    /// At the oldest record there is.
    Earliest,
    /// Nowhere: the partition fails with
    /// [`PartitionError::NoPosition`](crate::PartitionError::NoPosition).
    None,
}

/// Where to read a partition from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Start {
    /// At the group's committed offset; without one, or without a group, where
    /// [`OffsetReset`] says.
    #[default]
    Committed,
    /// At the oldest record there is.
    Beginning,
    /// At the end: only what is written from now on.
    End,
    /// At this offset.
    Offset(i64),
}

/// The settings of a consumer. Each can be set on the
/// [`ConsumerBuilder`](crate::ConsumerBuilder) under the same name; the name in parentheses is
/// the one of the Java client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerConfig {
    /// The consumer group (`group.id`). None by default: a consumer without a group has its
    /// partitions assigned by hand and commits nothing.
    pub group: Option<String>,
    /// A name that makes the member keep its partitions over a restart (`group.instance.id`,
    /// KIP-345). None by default.
    pub group_instance: Option<String>,
    /// Where to start without a valid position (`auto.offset.reset`). [`OffsetReset::Latest`].
    pub offset_reset: OffsetReset,
    /// How often marked offsets are committed unasked (`auto.commit.interval.ms`). 5 seconds.
    /// With `None` they are committed when asked for, before partitions are handed over and at
    /// close. Unlike Java's, it never commits what was not marked.
    pub commit_interval: Option<Duration>,
    /// How long a commit is retried before it fails (`default.api.timeout.ms`). 60 seconds.
    pub commit_timeout: Duration,
    /// After how long without a heartbeat the group gives the member up (`session.timeout.ms`).
    /// 45 seconds.
    pub session_timeout: Duration,
    /// How often a heartbeat is sent (`heartbeat.interval.ms`). 3 seconds.
    pub heartbeat_interval: Duration,
    /// How long the application may be silent, neither polling nor reporting progress with
    /// [`keep_alive`](crate::ConsumerControl::keep_alive), before the member leaves its group
    /// (`max.poll.interval.ms`). 5 minutes. `None` switches the check off. It is also how long
    /// the group waits for this member in a rebalance, 5 minutes when it is off.
    pub max_poll_interval: Option<Duration>,
    /// How long a callback of the [`RebalanceListener`](crate::RebalanceListener) may take.
    /// 60 seconds, and never longer than `max_poll_interval`.
    pub rebalance_callback_timeout: Duration,
    /// The least a broker should gather before it answers (`fetch.min.bytes`). 1.
    pub fetch_min_bytes: usize,
    /// How long a broker may wait for that (`fetch.max.wait.ms`). 500 milliseconds.
    pub fetch_max_wait: Duration,
    /// The most that one fetch asks of a broker (`fetch.max.bytes`). 50 MiB.
    pub fetch_max_bytes: usize,
    /// The most that one fetch asks of a partition (`max.partition.fetch.bytes`). 1 MiB. A batch
    /// that is larger is delivered all the same. Where batches are so large that brokers cut many
    /// of them to keep to it, so that they have to be fetched twice, it grows up to eightfold.
    pub partition_fetch_bytes: usize,
    /// A partition is fetched while it has fewer bytes than this waiting for the application.
    /// 1 MiB. One more answer may come on top of it.
    pub low_water_bytes: usize,
    /// How many bytes of records the consumer holds: buffered, inflated, and handed out but not
    /// yet dropped. 64 MiB. It bounds what is asked for; a single batch larger than what is left
    /// of it goes over.
    pub buffer_memory: usize,
    /// The largest batch that is inflated. 64 MiB. A larger one stops its partition with
    /// [`PartitionError::TooLarge`](crate::PartitionError::TooLarge).
    pub max_inflated_batch: usize,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            group: None,
            group_instance: None,
            offset_reset: OffsetReset::default(),
            commit_interval: Some(Duration::from_secs(5)),
            commit_timeout: Duration::from_secs(60),
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            max_poll_interval: Some(Duration::from_secs(300)),
            rebalance_callback_timeout: Duration::from_secs(60),
            fetch_min_bytes: 1,
            fetch_max_wait: Duration::from_millis(500),
            fetch_max_bytes: 50 * MIB,
            partition_fetch_bytes: MIB,
            low_water_bytes: MIB,
            buffer_memory: 64 * MIB,
            max_inflated_batch: 64 * MIB,
        }
    }
}

impl ConsumerConfig {
    /// What JoinGroup announces as rebalance timeout.
    pub(crate) fn rebalance_timeout(&self) -> Duration {
        self.max_poll_interval.unwrap_or(Duration::from_secs(300))
    }

    /// How long one callback may run: the group waits no longer than the rebalance timeout.
    pub(crate) fn callback_timeout(&self) -> Duration {
        self.rebalance_callback_timeout.min(self.rebalance_timeout())
    }
}
