//! Where records go: partitions.

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
}
