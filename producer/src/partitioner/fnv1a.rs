//! FNV-1a, 32 bits, as librdkafka's `fnv1a` partitioners take it (and Sarama's hash partitioner).

const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// The hash of `data`, made positive as a number with a sign is.
pub(super) fn hash(data: &[u8]) -> u32 {
    let hash = data.iter().fold(OFFSET, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(PRIME));
    i32::from_ne_bytes(hash.to_ne_bytes()).unsigned_abs()
}
