//! One record: what a batch needs to write it, and a borrowed view of a read one.

use std::fmt;

use bytes::Bytes;
use thiserror::Error;

use super::header::{self, Header, Headers};
use super::varint::{self, VarintError};

/// What a batch needs of a record to write it.
#[derive(Clone, Copy, Default)]
pub struct RecordParts<'a> {
    /// The key, or null.
    pub key: Option<&'a [u8]>,
    /// The value, or null (in a compacted topic: the key's deletion).
    pub value: Option<&'a [u8]>,
    /// The headers, in order; keys may repeat.
    pub headers: &'a [Header<'a>],
}

impl fmt::Debug for RecordParts<'_> {
    /// Lengths instead of contents, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordParts")
            .field("key_len", &self.key.map(<[u8]>::len))
            .field("value_len", &self.value.map(<[u8]>::len))
            .field("headers", &self.headers.len())
            .finish()
    }
}

/// A record read from a batch, borrowed from the batch's bytes.
#[derive(Clone, Copy)]
pub struct RecordView<'a> {
    /// The offset in the partition; in a batch not yet written, the record's index.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 is Kafka's "no timestamp".
    ///
    /// In a batch stamped by the broker (`LogAppendTime`) it is the time of the batch.
    pub timestamp: i64,
    /// The key, or null.
    pub key: Option<&'a [u8]>,
    /// The value, or null.
    pub value: Option<&'a [u8]>,
    /// Key, value and headers as they are encoded.
    fields: &'a [u8],
    /// Where the fields begin in the bytes they were read from.
    start: usize,
}

impl<'a> RecordView<'a> {
    /// The headers, decoded as they are asked for.
    pub fn headers(&self) -> Headers<'a> {
        Fields::take(self.fields).map_or_else(|_| Headers::default(), |fields| fields.headers())
    }

    /// Where the record lies in the bytes it was read from, to keep it without a borrow.
    ///
    /// Of use where these bytes are kept too: with those of [`Batch::inflate`](super::Batch::inflate).
    pub const fn span(&self) -> RecordSpan {
        RecordSpan {
            offset: self.offset,
            timestamp: self.timestamp,
            start: self.start,
            len: self.fields.len(),
        }
    }
}

impl fmt::Debug for RecordView<'_> {
    /// Lengths instead of contents, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordView")
            .field("offset", &self.offset)
            .field("timestamp", &self.timestamp)
            .field("key_len", &self.key.map(<[u8]>::len))
            .field("value_len", &self.value.map(<[u8]>::len))
            .field("headers", &self.headers())
            .finish()
    }
}

impl PartialEq for RecordView<'_> {
    /// Compares what the records say, not how or where they are encoded.
    fn eq(&self, other: &Self) -> bool {
        self.offset == other.offset
            && self.timestamp == other.timestamp
            && self.key == other.key
            && self.value == other.value
            && self.headers().eq(other.headers())
    }
}

/// A record as a position in its batch's bytes, borrowing nothing.
///
/// With the batch's [`Bytes`] (one refcount) it is an owned record. The key, value and headers are
/// found again each time they are asked for, in a few nanoseconds. Asked for in other bytes than
/// those the record was read from, they are whatever lies there, or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSpan {
    /// As [`RecordView::offset`].
    pub offset: i64,
    /// As [`RecordView::timestamp`].
    pub timestamp: i64,
    start: usize,
    len: usize,
}

impl RecordSpan {
    /// The key.
    pub fn key<'a>(&self, batch: &'a [u8]) -> Option<&'a [u8]> {
        Fields::take_key(self.bytes(batch)).ok()?.0
    }

    /// The value.
    pub fn value<'a>(&self, batch: &'a [u8]) -> Option<&'a [u8]> {
        self.fields(batch)?.value
    }

    /// The headers.
    pub fn headers<'a>(&self, batch: &'a [u8]) -> Headers<'a> {
        self.fields(batch).map_or_else(Headers::default, |fields| fields.headers())
    }

    /// The key as a slice that keeps `batch` alive.
    pub fn key_bytes(&self, batch: &Bytes) -> Option<Bytes> {
        self.key(batch).map(|key| batch.slice_ref(key))
    }

    /// The value as a slice that keeps `batch` alive.
    pub fn value_bytes(&self, batch: &Bytes) -> Option<Bytes> {
        self.value(batch).map(|value| batch.slice_ref(value))
    }

    /// The record.
    pub fn view<'a>(&self, batch: &'a [u8]) -> RecordView<'a> {
        let bytes = self.bytes(batch);
        let (key, value) = match Fields::take(bytes) {
            Ok(fields) => (fields.key, fields.value),
            Err(_) => (None, None),
        };
        RecordView {
            offset: self.offset,
            timestamp: self.timestamp,
            key,
            value,
            fields: bytes,
            start: self.start,
        }
    }

    /// A copy of the record's own bytes, so that its batch can be freed, and its place there.
    pub fn detach(&self, batch: &[u8]) -> (Bytes, Self) {
        (Bytes::copy_from_slice(self.bytes(batch)), Self { start: 0, ..*self })
    }

    fn bytes<'a>(&self, batch: &'a [u8]) -> &'a [u8] {
        batch.get(self.start..).and_then(|rest| rest.get(..self.len)).unwrap_or_default()
    }

    fn fields<'a>(&self, batch: &'a [u8]) -> Option<Fields<'a>> {
        Fields::take(self.bytes(batch)).ok()
    }
}

/// What is wrong with the bytes of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// A number cannot be read.
    #[error("its {field} {source}")]
    Varint {
        /// Which.
        field: &'static str,
        /// Why.
        source: VarintError,
    },
    /// A length is more than what remains, or negative where null cannot be.
    #[error("its {field} has length {length}, which the record cannot hold")]
    Length {
        /// Of what.
        field: &'static str,
        /// As read; `i32::MAX` stands for more.
        length: i32,
    },
    /// The record is longer than its fields.
    #[error("{bytes} bytes follow its last field")]
    Trailing {
        /// How many bytes.
        bytes: usize,
    },
    /// The offset does not come after the record before, or lies behind the batch's last.
    #[error("its offset delta {delta} is not between {after} and {last}")]
    OffsetDelta {
        /// As read.
        delta: i32,
        /// The delta of the record before, -1 if there is none.
        after: i32,
        /// The batch's last offset delta.
        last: i32,
    },
    /// The batch holds fewer records than its header counts.
    #[error("the batch ends before it")]
    Missing,
    /// The batch holds more than the records that its header counts.
    #[error("{bytes} bytes follow the last record")]
    TrailingRecords {
        /// How many bytes.
        bytes: usize,
    },
}

/// A record before it is placed in its batch.
pub(super) struct RawRecord<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    /// Key, value and headers as they are encoded: what follows the offset delta.
    pub(super) fields: &'a [u8],
}

impl<'a> RawRecord<'a> {
    /// Takes one record off the front of `rest`.
    #[inline]
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, RecordFault> {
        let length = varint::read_i32(rest).map_err(|source| fault("length", source))?;
        let Some((body, after)) =
            usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
        else {
            return Err(RecordFault::Length { field: "body", length });
        };
        // The attributes, of which no bit is used yet (KIP-98).
        let [_, body @ ..] = body else {
            return Err(RecordFault::Length { field: "body", length });
        };
        let mut fields = body;
        let timestamp_delta =
            varint::read_i64(&mut fields).map_err(|source| fault("timestamp delta", source))?;
        let offset_delta =
            varint::read_i32(&mut fields).map_err(|source| fault("offset delta", source))?;
        let Fields { key, value, headers, header_count } = Fields::take(fields)?;
        if header_count > 0 || !headers.is_empty() {
            header::check(headers, header_count)?;
        }
        *rest = after;
        Ok(Self { timestamp_delta, offset_delta, key, value, fields })
    }

    /// The record at its place; its fields begin at `start` of the bytes it was read from.
    #[inline]
    pub(super) const fn view(&self, offset: i64, timestamp: i64, start: usize) -> RecordView<'a> {
        RecordView {
            offset,
            timestamp,
            key: self.key,
            value: self.value,
            fields: self.fields,
            start,
        }
    }
}

struct Fields<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a [u8],
    header_count: u32,
}

impl<'a> Fields<'a> {
    #[inline]
    fn take_key(mut bytes: &'a [u8]) -> Result<(Option<&'a [u8]>, &'a [u8]), RecordFault> {
        let key = header::take_nullable(&mut bytes, "key")?;
        Ok((key, bytes))
    }

    #[inline]
    fn take(bytes: &'a [u8]) -> Result<Self, RecordFault> {
        const HEADERS: &str = "header count";
        let (key, mut rest) = Self::take_key(bytes)?;
        let value = header::take_nullable(&mut rest, "value")?;
        let count = varint::read_i32(&mut rest).map_err(|source| fault(HEADERS, source))?;
        match u32::try_from(count) {
            Ok(header_count) => Ok(Self { key, value, headers: rest, header_count }),
            Err(_) => Err(RecordFault::Length { field: HEADERS, length: count }),
        }
    }

    const fn headers(&self) -> Headers<'a> {
        Headers::new(self.headers, self.header_count)
    }
}

#[cold]
fn fault(field: &'static str, source: VarintError) -> RecordFault {
    RecordFault::Varint { field, source }
}
