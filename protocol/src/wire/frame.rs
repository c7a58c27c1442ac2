use std::io::IoSlice;

use bytes::Bytes;
use smallvec::SmallVec;

/// A length-prefixed message ready for the socket, in pieces that are written one after another.
///
/// Record payloads are pieces of their own: they are never copied into the message around them.
#[derive(Clone, Debug)]
pub struct Frame {
    chunks: SmallVec<[Bytes; 4]>,
    len: usize,
}

impl Frame {
    pub(super) fn new(chunks: SmallVec<[Bytes; 4]>) -> Self {
        let len = chunks.iter().map(Bytes::len).sum();
        Self { chunks, len }
    }

    /// The bytes in all pieces together, the length prefix included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to write; a frame that was built never is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces, in order.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// The pieces, in order, for a queue of writes.
    pub fn into_chunks(self) -> impl Iterator<Item = Bytes> {
        self.chunks.into_iter()
    }

    /// The pieces as the operating system takes them for one vectored write.
    pub fn io_slices(&self) -> impl Iterator<Item = IoSlice<'_>> {
        self.chunks.iter().map(|chunk| IoSlice::new(chunk))
    }

    /// All pieces copied into one.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.chunks.as_slice() {
            [only] => only.clone(),
            many => many.concat().into(),
        }
    }
}
