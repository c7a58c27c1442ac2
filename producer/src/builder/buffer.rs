//! What may wait, and what becomes of the rest.

use std::time::Duration;

use super::ProducerBuilder;
#[cfg(doc)]
use crate::Producer;
use crate::config::Overflow;

impl ProducerBuilder {
    /// The memory for records that have no outcome yet (`buffer.memory`), in bytes of allocated
    /// capacity. Default: 64 MiB. When it is used up [`overflow`](Self::overflow) decides.
    ///
    /// A partition with anything to send takes 4 KiB at least. The last chunk that is taken may go
    /// over the limit, by 64 KiB or a record that is larger, and by as much for each further thread
    /// that takes one at the same moment.
    pub const fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }

    /// The most records that have no outcome yet (kafka-sharp's `MaxBufferedMessages`,
    /// librdkafka's `queue.buffering.max.messages`). Default: as many as there is memory for. At
    /// least one; threads that send at the same moment may exceed it by one each.
    pub const fn buffer_records(mut self, records: usize) -> Self {
        self.config.buffer_records = Some(records);
        self
    }

    /// The most records of one topic that wait for it to become known (kafka-sharp's
    /// `MaxPostponedMessages`, there 1,000); within the buffer, and for
    /// [`topic_timeout`](Self::topic_timeout) at most. Default: 10,000, so that a topic that is not
    /// there cannot take the whole buffer from the others.
    pub const fn max_postponed(mut self, records: usize) -> Self {
        self.config.max_postponed = records;
        self
    }

    /// What becomes of a record for which there is no room. Default: [`send`](Producer::send) waits.
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.config.overflow = overflow;
        self
    }

    /// How long [`send`](Producer::send) waits for room before it refuses the record (part of
    /// `max.block.ms`, in Java 60 s). Default: as long as it takes, since whatever fills the buffer
    /// has its outcome, and so makes room, within its [`delivery_timeout`](Self::delivery_timeout).
    ///
    /// Only with [`Overflow::Wait`].
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.config.max_wait = Some(wait);
        self
    }
}
