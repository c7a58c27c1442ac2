//! How a producer or a topic chooses partitions, as its user says.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::custom::ChoosePartition;

/// How partitions are chosen for records that do not state one.
///
/// Given to [`ProducerBuilder::partitioner`](crate::ProducerBuilder::partitioner), or for a single
/// topic to [`TopicSettings::partitioner`](crate::TopicSettings::partitioner). The default is
/// Java's: a key is hashed by murmur2, records without one are spread uniformly in batches.
///
/// | constructor | Java | librdkafka's `partitioner` | kafka-sharp |
/// |---|---|---|---|
/// | [`java`](Self::java) | the default | | |
/// | [`uniform_sticky`](Self::uniform_sticky) | `partitioner.ignore.keys=true` | | |
/// | [`round_robin`](Self::round_robin) | `RoundRobinPartitioner` | | `RoundRobin`, the default |
/// | [`random`](Self::random) | | `random` | |
/// | [`consistent`](Self::consistent) | | `consistent` | |
/// | [`consistent_random`](Self::consistent_random) | | `consistent_random`, the default | `MessageKey`, with [`keyless`](Self::keyless) round-robin |
/// | [`murmur2`](Self::murmur2) | | `murmur2` | |
/// | [`murmur2_random`](Self::murmur2_random) | as the default | `murmur2_random` | |
/// | [`fnv1a`](Self::fnv1a) | | `fnv1a` | |
/// | [`fnv1a_random`](Self::fnv1a_random) | | `fnv1a_random` | |
/// | [`custom`](Self::custom) | `partitioner.class` | `partitioner_cb` | |
///
/// Those of librdkafka that end in `random` spread what has no key as [`Keyless::Sticky`] does,
/// which librdkafka does too, by time (`sticky.partitioning.linger.ms`).
///
/// ```
/// use ottla_producer::{Keyless, Partitioner};
///
/// // As kafka-sharp's `MessageKey`: CRC-32 of the key, without one each record to the next.
/// let each = std::num::NonZeroU32::MIN;
/// let partitioner = Partitioner::consistent_random().keyless(Keyless::RoundRobin { records: each });
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partitioner {
    pub(super) hash: KeyHash,
    pub(super) hashed: HashedKeys,
    pub(super) keyless: Keyless,
    pub(super) adaptive: bool,
    pub(super) availability_timeout: Option<Duration>,
    pub(super) stickiness: usize,
    pub(super) custom: Option<Custom>,
}

/// The hash of a key; its remainder by the number of partitions is the partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum KeyHash {
    /// MurmurHash2 with Kafka's seed: as the Java client and most others.
    #[default]
    Murmur2,
    /// CRC-32: as librdkafka and what is built on it, unless told otherwise, and as kafka-sharp.
    Crc32,
    /// FNV-1a of 32 bits: as librdkafka's `fnv1a`, and as Sarama, the client in Go.
    Fnv1a,
}

/// Which keys are hashed. Records with other keys count as having none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum HashedKeys {
    /// All but the null key.
    #[default]
    NotNull,
    /// All but the null key and the empty one.
    NotEmpty,
    /// All; the null key as if it were empty, so that all records without a key go to the same
    /// partition.
    All,
    /// None (`partitioner.ignore.keys=true`): records with equal keys can be in any partition, so
    /// their order is not kept.
    None,
}

/// How records are spread whose key is not hashed. All of them leave out partitions that failed a
/// moment ago, that nobody leads, or that have too few replicas in sync, as long as there are
/// others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Keyless {
    /// To one partition until enough bytes went there, then to another at random (KIP-480,
    /// KIP-794): full batches, and an even spread over time.
    #[default]
    Sticky,
    /// So many records to one partition, then as many to the next; from a random one on
    /// (kafka-sharp's `NumberOfMessagesBeforeRoundRobin`, 1 there).
    RoundRobin {
        /// The records.
        records: NonZeroU32,
    },
    /// Each to one at random: many small batches.
    Random,
}

impl Default for Partitioner {
    fn default() -> Self {
        Self::java()
    }
}

impl Partitioner {
    /// Keys by murmur2, the others sticky: as the Java client.
    #[must_use]
    pub const fn java() -> Self {
        Self::by_hash(KeyHash::Murmur2, HashedKeys::NotNull)
    }

    /// All records sticky, whatever their keys.
    #[must_use]
    pub const fn uniform_sticky() -> Self {
        Self::by_hash(KeyHash::Murmur2, HashedKeys::None)
    }

    /// So many records to each partition in turn, whatever their keys.
    #[must_use]
    pub const fn round_robin(records: NonZeroU32) -> Self {
        Self::uniform_sticky().keyless(Keyless::RoundRobin { records })
    }

    /// Each record to a partition at random, whatever its key.
    #[must_use]
    pub const fn random() -> Self {
        Self::uniform_sticky().keyless(Keyless::Random)
    }

    /// Keys by CRC-32; empty and null ones all to the same partition.
    #[must_use]
    pub const fn consistent() -> Self {
        Self::by_hash(KeyHash::Crc32, HashedKeys::All)
    }

    /// Keys by CRC-32; empty and null ones are spread.
    #[must_use]
    pub const fn consistent_random() -> Self {
        Self::by_hash(KeyHash::Crc32, HashedKeys::NotEmpty)
    }

    /// Keys by murmur2; null ones as empty ones.
    #[must_use]
    pub const fn murmur2() -> Self {
        Self::by_hash(KeyHash::Murmur2, HashedKeys::All)
    }

    /// Keys by murmur2; null ones are spread. The same as [`java`](Self::java).
    #[must_use]
    pub const fn murmur2_random() -> Self {
        Self::java()
    }

    /// Keys by FNV-1a; null ones as empty ones.
    #[must_use]
    pub const fn fnv1a() -> Self {
        Self::by_hash(KeyHash::Fnv1a, HashedKeys::All)
    }

    /// Keys by FNV-1a; null ones are spread.
    #[must_use]
    pub const fn fnv1a_random() -> Self {
        Self::by_hash(KeyHash::Fnv1a, HashedKeys::NotNull)
    }

    /// The user's own choice.
    #[must_use]
    pub fn custom(choose: impl ChoosePartition) -> Self {
        Self { custom: Some(Custom(Arc::new(choose))), ..Self::java() }
    }

    /// These keys by this hash; the others sticky.
    #[must_use]
    pub const fn by_hash(hash: KeyHash, hashed: HashedKeys) -> Self {
        Self {
            hash,
            hashed,
            keyless: Keyless::Sticky,
            adaptive: true,
            availability_timeout: None,
            stickiness: STICKINESS,
            custom: None,
        }
    }

    /// How records are spread whose key is not hashed. Default: sticky.
    #[must_use]
    pub const fn keyless(mut self, keyless: Keyless) -> Self {
        self.keyless = keyless;
        self
    }

    /// Whether the sticky choice prefers partitions in front of which less waits, so that a slow
    /// broker gets less (`partitioner.adaptive.partitioning.enable`, KIP-794). Default: yes.
    #[must_use]
    pub const fn adaptive(mut self, on: bool) -> Self {
        self.adaptive = on;
        self
    }

    /// Leaves partitions out of the sticky choice whose broker could not be sent to for this long
    /// although there was something to send (`partitioner.availability.timeout.ms`, KIP-794), as
    /// long as there are others. Only with [`adaptive`](Self::adaptive). Default: off, as in Java.
    #[must_use]
    pub const fn availability_timeout(mut self, timeout: Duration) -> Self {
        self.availability_timeout = Some(timeout);
        self
    }

    /// Bytes to one partition before the sticky choice moves on. Default: 64 KiB.
    ///
    /// Java's is its `batch.size`, 16 KiB; a batch of ours grows by chunks of 64 KiB, and a change
    /// before one is full would cost memory for nothing.
    #[must_use]
    pub const fn stickiness(mut self, bytes: usize) -> Self {
        self.stickiness = bytes;
        self
    }
}

const STICKINESS: usize = 64 << 10;

/// The user's own choice, shared by all topics that use it.
#[derive(Clone)]
pub(super) struct Custom(pub(super) Arc<dyn ChoosePartition>);

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Custom {}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}
