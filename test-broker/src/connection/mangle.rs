//! Responses that are not what they should be.

use bytes::{Bytes, BytesMut};

/// Length prefix and correlation id.
const HEADER: usize = 8;

/// The first `len` bytes.
pub(super) fn truncated(chunks: &[Bytes], len: usize) -> Bytes {
    let mut bytes = joined(chunks);
    bytes.truncate(len);
    bytes.freeze()
}

/// As long as it was and under the right correlation id, but random.
pub(super) fn garbage(chunks: &[Bytes], rng: &mut fastrand::Rng) -> Bytes {
    let mut bytes = joined(chunks);
    if let Some(body) = bytes.get_mut(HEADER..) {
        rng.fill(body);
    }
    bytes.freeze()
}

/// Under a correlation id that nobody asked for.
pub(super) fn wrong_correlation(chunks: &[Bytes]) -> Bytes {
    let mut bytes = joined(chunks);
    if let Some(id) = bytes.get_mut(4..HEADER) {
        id.iter_mut().for_each(|byte| *byte = !*byte);
    }
    bytes.freeze()
}

/// With another length in front.
pub(super) fn frame_length(chunks: &[Bytes], length: i32) -> Bytes {
    let mut bytes = joined(chunks);
    if let Some(prefix) = bytes.first_chunk_mut::<4>() {
        *prefix = length.to_be_bytes();
    }
    bytes.freeze()
}

fn joined(chunks: &[Bytes]) -> BytesMut {
    let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        whole.extend_from_slice(chunk);
    }
    whole
}
