//! The bytes of a `records` field.

use std::fmt;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// The bytes of the `records` field of a Produce or Fetch: whole batches, in one or several chunks.
///
/// A clone costs a refcount for each chunk.
#[derive(Clone, Default)]
pub struct Records(SmallVec<[Bytes; 2]>);

impl Records {
    /// No bytes.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn from_chunks(chunks: impl Iterator<Item = Bytes>) -> Self {
        Self(chunks.filter(|chunk| !chunk.is_empty()).collect())
    }

    /// Bytes of all chunks.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// The chunks in order; together they are the field. None is empty.
    pub fn chunks(&self) -> &[Bytes] {
        &self.0
    }

    /// Adds the bytes of `other` behind these.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// One contiguous slice; it copies only if there are several chunks.
    pub fn into_bytes(mut self) -> Bytes {
        if self.0.len() <= 1 {
            return self.0.pop().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(self.len());
        for chunk in &self.0 {
            whole.extend_from_slice(chunk);
        }
        whole.freeze()
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self::from_chunks(std::iter::once(bytes))
    }
}

impl From<Vec<Bytes>> for Records {
    fn from(chunks: Vec<Bytes>) -> Self {
        Self::from_chunks(chunks.into_iter())
    }
}

impl PartialEq for Records {
    /// Compares the bytes, however they are cut into chunks.
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let (mut left, mut right) = (self.0.iter(), other.0.iter());
        let (mut a, mut b): (&[u8], &[u8]) = (&[], &[]);
        loop {
            if a.is_empty() {
                a = left.next().map_or(&[], |chunk| chunk);
            }
            if b.is_empty() {
                b = right.next().map_or(&[], |chunk| chunk);
            }
            let both = a.len().min(b.len());
            if both == 0 {
                return true;
            }
            let (Some((a_front, a_rest)), Some((b_front, b_rest))) =
                (a.split_at_checked(both), b.split_at_checked(both))
            else {
                return false;
            };
            if a_front != b_front {
                return false;
            }
            (a, b) = (a_rest, b_rest);
        }
    }
}

impl Eq for Records {}

impl fmt::Debug for Records {
    /// The length only: the contents are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_do_not_matter_for_equality() {
        let chunks = |parts: &[&'static str]| {
            Records::from(
                parts.iter().map(|part| Bytes::from_static(part.as_bytes())).collect::<Vec<_>>(),
            )
        };
        let whole = chunks(&["one two three"]);
        assert_eq!(whole, chunks(&["one", "", " two ", "three"]));
        assert_eq!(chunks(&["on", "e two thre", "e"]), chunks(&["one", " two ", "three"]));
        assert_ne!(whole, chunks(&["one two thre", "x"]));
        assert_ne!(whole, chunks(&["one two three", "x"]));
        assert_eq!(chunks(&["", ""]), Records::new());
        assert!(chunks(&["", ""]).chunks().is_empty());
        assert_eq!(chunks(&["one", " ", "two"]).into_bytes(), &b"one two"[..]);
        assert_eq!(format!("{whole:?}"), "Records(13 bytes)");
    }

    #[test]
    fn one_chunk_is_not_copied() {
        let bytes = Bytes::from(vec![1; 100]);
        assert_eq!(Records::from(bytes.clone()).into_bytes().as_ptr(), bytes.as_ptr());
    }
}
