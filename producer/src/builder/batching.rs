//! How records are gathered: codec, sizes, linger.

use std::time::Duration;

use ottla_protocol::compression::Compression;

use super::ProducerBuilder;

impl ProducerBuilder {
    /// The codec of the batches (`compression.type`). Default: none.
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.config.compression = compression;
        self
    }

    /// The codec's own level (`compression.gzip.level` and others, KIP-390). Default: the codec's.
    pub const fn compression_level(mut self, level: i32) -> Self {
        self.config.compression_level = Some(level);
        self
    }

    /// How long a request that is not full may wait for more while others are in flight to the
    /// same broker (`linger.ms`). Default: 5 ms. With nothing in flight nothing waits.
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// The least time between two requests to a broker that are not full. Default: 1 ms. It keeps a
    /// broker that answers in microseconds from turning every record into a request.
    pub const fn min_request_spacing(mut self, spacing: Duration) -> Self {
        self.config.min_request_spacing = spacing;
        self
    }

    /// The most bytes of a batch before it is compressed, and so of a record. Default: 1,000,000;
    /// from 1 KiB to 1 GiB. The brokers' `max.message.bytes` bounds what they take.
    pub const fn max_batch_size(mut self, bytes: usize) -> Self {
        self.config.max_batch_size = bytes;
        self
    }

    /// The most bytes of batches in a request (`max.request.size`). Default: 1 MiB; at least
    /// [`max_batch_size`](Self::max_batch_size).
    pub const fn max_request_size(mut self, bytes: usize) -> Self {
        self.config.max_request_size = bytes;
        self
    }
}
