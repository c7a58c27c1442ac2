//! How much memory bytes from a peer may take.

/// What may be allocated before any byte has been paid for.
const FREE: u64 = 64 * 1024;

/// How many bytes may be allocated for each byte received.
const FACTOR: u64 = 64;

/// Runs `read`, which reads a message of `received` bytes, and panics if it took more memory at
/// any moment than such a message may take.
pub(super) fn of_message<T>(received: usize, read: impl FnOnce() -> T) -> T {
    at_most(FREE + FACTOR * received as u64, received, read)
}

/// Runs `read` and panics if it took more than `most` bytes of memory at any moment.
pub(super) fn at_most<T>(most: u64, received: usize, read: impl FnOnce() -> T) -> T {
    let mut result = None;
    let used = allocation_counter::measure(|| result = Some(read()));
    assert!(used.bytes_max <= most, "{} bytes allocated for {received} received", used.bytes_max);
    result.expect("the closure ran")
}
