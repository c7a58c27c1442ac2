//! What may wait: memory.

use super::ProducerBuilder;
#[cfg(doc)]
use crate::Producer;

impl ProducerBuilder {
    /// The memory for records that have no outcome yet (`buffer.memory`), in bytes of allocated
    /// capacity. Default: 64 MiB. When it is used up [`send`](Producer::send) waits.
    ///
    /// A partition with anything to send takes 4 KiB at least.
    pub const fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }
}
