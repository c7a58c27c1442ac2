//! The records of one batch as they can be iterated.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use super::record_iter::{Frame, RecordCursor, RecordIter};

/// The inflated records of a [`Batch`](super::Batch), with what the batch gives to all of them.
///
/// They are encoded as in magic 2 whatever the batch's own format: a message set of magic 0 or 1 is
/// translated when it is inflated. The bytes are those that a [`RecordSpan`](super::RecordSpan) and
/// a [`RecordCursor`] refer to; a clone costs a refcount.
#[derive(Clone)]
pub struct Inflated {
    bytes: Bytes,
    frame: Frame,
}

impl Inflated {
    pub(super) const fn new(bytes: Bytes, frame: Frame) -> Self {
        Self { bytes, frame }
    }

    /// The records in order.
    pub fn iter(&self) -> RecordIter<'_> {
        RecordIter::new(&self.bytes, self.frame)
    }

    /// A cursor at the first record, to be moved over these bytes.
    pub const fn cursor(&self) -> RecordCursor {
        RecordCursor::new(self.frame)
    }

    /// What the records' offsets count from: the batch's base offset, or the offset of a message
    /// set's first record.
    pub const fn base_offset(&self) -> i64 {
        self.frame.base_offset
    }

    /// Records as the batch's header counts them, which may lie; the true number for a message set.
    pub const fn count(&self) -> u32 {
        self.frame.count
    }

    /// The encoded records.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The encoded records.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl Deref for Inflated {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'a> IntoIterator for &'a Inflated {
    type Item = <RecordIter<'a> as Iterator>::Item;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Inflated {
    /// The length only: the contents are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflated")
            .field("len", &self.bytes.len())
            .field("frame", &self.frame)
            .finish()
    }
}
