//! The buffers that open batches are written into, reused.
//!
//! A chunk cannot come back while somebody still reads it (KAFKA-19012: an expired batch's buffer
//! went to another topic while it was on its way to a socket). Written chunks become [`Bytes`] that
//! own their buffer, and only the end of the last of those `Bytes`, wherever it is, gives the buffer
//! back; no code decides that a chunk is no longer in use.
//!
//! Why a pool at all: an allocator hands large buffers back to the system and gets them again as
//! pages to be faulted in, which costs more than writing the records.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

/// A bounded stock of buffers of 4 to 64 KiB for [`BatchBuilder`](super::BatchBuilder)s.
///
/// A clone shares the stock. Nothing here waits: if another thread holds the stock, a buffer is
/// allocated, or freed, as if there were no pool.
#[derive(Clone)]
pub struct ChunkPool(Arc<Stock>);

impl ChunkPool {
    /// A pool that keeps at most `max_idle` bytes of unused buffers.
    ///
    /// Buffers in use are not counted: they are charged to whoever holds them.
    pub fn new(max_idle: usize) -> Self {
        Self(Arc::new(Stock {
            idle: AtomicUsize::new(0),
            max_idle,
            shelves: [const { Mutex::new(Vec::new()) }; SIZES.len()],
        }))
    }

    /// Bytes of unused buffers now kept.
    pub fn idle(&self) -> usize {
        self.0.idle.load(Ordering::Relaxed)
    }

    /// An empty chunk with room for at least `room` bytes, and about `wanted` if that is more.
    pub(super) fn take(&self, room: usize, wanted: usize) -> Chunk {
        let wanted = room.max(wanted.min(MAX_CHUNK));
        let Some((&size, shelf)) =
            SIZES.iter().zip(&self.0.shelves).find(|&(&size, _)| size >= wanted)
        else {
            // A record larger than any chunk: exactly its size, and not kept afterwards.
            return Chunk { bytes: Vec::with_capacity(room), home: None };
        };
        let kept = shelf.try_lock().ok().and_then(|mut shelf| shelf.pop());
        let bytes = match kept {
            Some(bytes) => {
                self.0.idle.fetch_sub(bytes.capacity(), Ordering::Relaxed);
                bytes
            }
            None => Vec::with_capacity(size),
        };
        Chunk { bytes, home: Some(self.clone()) }
    }

    fn give_back(&self, mut bytes: Vec<u8>) {
        let size = bytes.capacity();
        let Some((_, shelf)) = SIZES.iter().zip(&self.0.shelves).find(|&(&kept, _)| kept == size)
        else {
            return;
        };
        if self.0.idle.fetch_add(size, Ordering::Relaxed).saturating_add(size) <= self.0.max_idle {
            if let Ok(mut shelf) = shelf.try_lock() {
                bytes.clear();
                shelf.push(bytes);
                return;
            }
        }
        self.0.idle.fetch_sub(size, Ordering::Relaxed);
    }
}

impl Default for ChunkPool {
    /// A pool that keeps up to [`ChunkPool::DEFAULT_MAX_IDLE`].
    fn default() -> Self {
        Self::new(Self::DEFAULT_MAX_IDLE)
    }
}

impl ChunkPool {
    /// 4 MiB: what four full produce requests of 1 MiB hold.
    pub const DEFAULT_MAX_IDLE: usize = 4 << 20;
}

impl fmt::Debug for ChunkPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkPool")
            .field("idle", &self.idle())
            .field("max_idle", &self.0.max_idle)
            .finish_non_exhaustive()
    }
}

struct Stock {
    idle: AtomicUsize,
    max_idle: usize,
    /// One stack for each of [`SIZES`]: the buffer used last is the one most likely still cached.
    shelves: [Mutex<Vec<Vec<u8>>>; SIZES.len()],
}

/// One buffer being written. It goes back to its pool when it, or the last `Bytes` made of it, ends.
pub(super) struct Chunk {
    bytes: Vec<u8>,
    home: Option<ChunkPool>,
}

impl Chunk {
    /// A chunk without room, which allocates nothing.
    pub(super) const fn none() -> Self {
        Self { bytes: Vec::new(), home: None }
    }

    #[inline]
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes to append to, never beyond [`room`](Self::room).
    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends writing.
    pub(super) fn into_bytes(self) -> Bytes {
        if self.home.is_none() { self.into_plain_bytes() } else { Bytes::from_owner(self) }
    }

    fn into_plain_bytes(mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.bytes))
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} of {})", self.bytes.len(), self.bytes.capacity())
    }
}

/// The first chunk of a batch: small, so that a thousand partitions with one record each are cheap.
pub(super) const MIN_CHUNK: usize = 4 << 10;
/// Large enough that a request of 1 MiB is a few dozen chunks to the socket.
pub(super) const MAX_CHUNK: usize = 64 << 10;
const SIZES: [usize; 5] = [MIN_CHUNK, 8 << 10, 16 << 10, 32 << 10, MAX_CHUNK];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_comes_back_only_after_its_last_reader() {
        let pool = ChunkPool::new(1 << 20);
        let mut chunk = pool.take(100, 0);
        chunk.bytes_mut().extend_from_slice(b"in flight");
        let bytes = chunk.into_bytes();
        let slice = bytes.slice(3..);
        drop(bytes);
        assert_eq!(pool.idle(), 0);
        let mut other = pool.take(100, 0);
        other.bytes_mut().extend_from_slice(b"overwrite");
        assert_eq!(slice, &b"flight"[..]);
        drop(slice);
        assert_eq!(pool.idle(), MIN_CHUNK);
        drop(other);
        assert_eq!(pool.idle(), 2 * MIN_CHUNK);
        let again = pool.take(100, 0);
        assert!(again.is_empty());
        assert_eq!((again.capacity(), pool.idle()), (MIN_CHUNK, MIN_CHUNK));
    }

    #[test]
    fn the_stock_is_bounded() {
        let pool = ChunkPool::new(3 * MIN_CHUNK);
        drop([(); 9].map(|()| pool.take(1, 0)));
        assert_eq!(pool.idle(), 3 * MIN_CHUNK);
        drop(pool.take(1, MAX_CHUNK));
        assert_eq!(pool.idle(), 3 * MIN_CHUNK);
    }

    #[test]
    fn a_held_stock_makes_nobody_wait() {
        let pool = ChunkPool::new(1 << 20);
        let chunk = pool.take(1, 0);
        let held = pool.0.shelves[0].lock().unwrap();
        assert_eq!(pool.take(1, 0).capacity(), MIN_CHUNK);
        drop(chunk);
        drop(held);
        assert_eq!(pool.idle(), 0);
    }

    #[test]
    fn sizes() {
        let pool = ChunkPool::new(1 << 20);
        assert_eq!(pool.take(1, 5000).capacity(), 8 << 10);
        assert_eq!(pool.take(40_000, MIN_CHUNK).capacity(), MAX_CHUNK);
        assert_eq!(pool.take(1, 1 << 30).capacity(), MAX_CHUNK);
        drop(pool.take(MAX_CHUNK + 1, 0));
        assert_eq!(pool.take(MAX_CHUNK + 1, 0).capacity(), MAX_CHUNK + 1);
    }
}
