//! CRC-32 of the key, as librdkafka's `consistent` partitioners and kafka-sharp take it.

/// The hash of `data`: the CRC of gzip and PNG.
pub(super) fn hash(data: &[u8]) -> u32 {
    crc32fast::hash(data)
}
