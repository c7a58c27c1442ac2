//! Where records go: partitions.

use std::time::Duration;

use super::ProducerBuilder;
use crate::partitioner::Partitioner;

impl ProducerBuilder {
    /// How partitions are chosen for records that state none (Java's `partitioner.class`,
    /// librdkafka's `partitioner`, kafka-sharp's `PartitionSelectionConfig`). Default:
    /// [`Partitioner::java`], by key, and uniform and sticky without one. A single topic's is in its
    /// [`TopicSettings`](crate::TopicSettings::partitioner).
    pub fn partitioner(mut self, partitioner: Partitioner) -> Self {
        self.config.partitioner = partitioner;
        self
    }

    /// How long a partition is left out of the choice for records without a key after it failed for
    /// now (kafka-sharp's `TemporaryIgnorePartitionTime`, 42 s there; librdkafka and Java have
    /// nothing like it). Default: 10 s; zero switches it off.
    ///
    /// It counts from the last failure, and ends early when a try succeeds or the partition gets
    /// another leader. If all partitions are out, all are used. Errors that speak of the batch or of
    /// the producer do not count: corrupt, too large or invalid records, quotas. Records with a key,
    /// an explicit partition or a [custom partitioner](crate::Partitioner::custom) are not affected,
    /// but that one is told.
    ///
    /// Ten seconds, because a broker that hangs is fenced after nine
    /// (`broker.session.timeout.ms`): by then its partitions have another leader, or have to be
    /// tried again to learn that they are well.
    pub const fn failed_partition_exclusion(mut self, time: Duration) -> Self {
        self.config.failed_partition_exclusion = time;
        self
    }

    /// Leaves partitions with fewer replicas in sync out of the choice for records without a key, as
    /// long as there are others (kafka-sharp's `MinInSyncReplicas`). Default: 0, off. It counts for
    /// topics with [`Acks::All`](crate::Acks::All) only, since the others do not wait for replicas.
    ///
    /// The topic's own `min.insync.replicas` is the value to give: writes to such a partition would
    /// be refused. What has a key or an explicit partition still goes there, for its order, and is
    /// sent again until its replicas are back. While a partition is out its replicas are asked for
    /// every 5 s.
    pub const fn min_in_sync_replicas(mut self, replicas: usize) -> Self {
        self.config.min_in_sync_replicas = replicas;
        self
    }
}
