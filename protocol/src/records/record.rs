//! One record: what a batch needs to write it, and a borrowed view of a read one.

use std::fmt;

use bytes::Bytes;
use thiserror::Error;

use super::header::{self, Header, Headers};
use super::varint::{self, VarintError};

/// What a batch needs of a record to write it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordParts<'a> {
    /// The key, or null.
    pub key: Option<&'a [u8]>,
    /// The value, or null (in a compacted topic: the key's deletion).
    pub value: Option<&'a [u8]>,
    /// The headers, in order; keys may repeat.
    pub headers: &'a [Header<'a>],
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
    headers: &'a [u8],
    header_count: u32,
}

impl<'a> RecordView<'a> {
    /// The headers, decoded as they are asked for.
    pub const fn headers(&self) -> Headers<'a> {
        Headers::new(self.headers, self.header_count)
    }

    /// Where the record lies in `batch`, the bytes it was read from, so that it can be kept without
    /// a borrow; `None` if it was not read from these bytes.
    pub fn span(&self, batch: &[u8]) -> Option<RecordSpan> {
        let nullable = |field: Option<&[u8]>| match field {
            Some(bytes) => Span::of(bytes, batch),
            None => Some(Span::NULL),
        };
        Some(RecordSpan {
            offset: self.offset,
            timestamp: self.timestamp,
            key: nullable(self.key)?,
            value: nullable(self.value)?,
            headers: Span::of(self.headers, batch)?,
            header_count: self.header_count,
        })
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
    fn eq(&self, other: &Self) -> bool {
        self.offset == other.offset
            && self.timestamp == other.timestamp
            && self.key == other.key
            && self.value == other.value
            && self.headers().eq(other.headers())
    }
}

/// A record as positions in its batch's bytes: 48 bytes that borrow nothing.
///
/// With the batch's [`Bytes`] (one refcount) it is an owned record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSpan {
    /// As [`RecordView::offset`].
    pub offset: i64,
    /// As [`RecordView::timestamp`].
    pub timestamp: i64,
    key: Span,
    value: Span,
    headers: Span,
    header_count: u32,
}

impl RecordSpan {
    /// The key in `batch`, which must be the bytes the span was made for.
    pub fn key<'a>(&self, batch: &'a [u8]) -> Option<&'a [u8]> {
        self.key.get(batch)
    }

    /// The value in `batch`, which must be the bytes the span was made for.
    pub fn value<'a>(&self, batch: &'a [u8]) -> Option<&'a [u8]> {
        self.value.get(batch)
    }

    /// The headers in `batch`, which must be the bytes the span was made for.
    pub fn headers<'a>(&self, batch: &'a [u8]) -> Headers<'a> {
        Headers::new(self.headers.get(batch).unwrap_or_default(), self.header_count)
    }

    /// The key as a slice that keeps `batch` alive.
    pub fn key_bytes(&self, batch: &Bytes) -> Option<Bytes> {
        self.key(batch).map(|key| batch.slice_ref(key))
    }

    /// The value as a slice that keeps `batch` alive.
    pub fn value_bytes(&self, batch: &Bytes) -> Option<Bytes> {
        self.value(batch).map(|value| batch.slice_ref(value))
    }

    /// The record in `batch`, which must be the bytes the span was made for.
    pub fn view<'a>(&self, batch: &'a [u8]) -> RecordView<'a> {
        RecordView {
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.key(batch),
            value: self.value(batch),
            headers: self.headers.get(batch).unwrap_or_default(),
            header_count: self.header_count,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    /// `u32::MAX` for null: no field is that long.
    len: u32,
}

impl Span {
    const NULL: Self = Self { start: 0, len: u32::MAX };

    fn of(part: &[u8], whole: &[u8]) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        if start.checked_add(part.len())? > whole.len() {
            return None;
        }
        Some(Self { start: u32::try_from(start).ok()?, len: u32::try_from(part.len()).ok()? })
    }

    fn get(self, whole: &[u8]) -> Option<&[u8]> {
        if self == Self::NULL {
            return None;
        }
        let start = usize::try_from(self.start).ok()?;
        whole.get(start..)?.get(..usize::try_from(self.len).ok()?)
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
    /// A length or count is negative, or more than what remains.
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
    /// The timestamp does not fit.
    #[error("its timestamp delta {delta} leaves the range of timestamps")]
    TimestampDelta {
        /// As read.
        delta: i64,
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

/// A record's fields before they are placed in their batch.
pub(super) struct RawRecord<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    /// Everything after the offset delta.
    tail: &'a [u8],
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    headers: &'a [u8],
    header_count: u32,
}

impl<'a> RawRecord<'a> {
    /// Takes one record off the front of `rest`.
    #[inline]
    pub(super) fn take(rest: &mut &'a [u8]) -> Result<Self, RecordFault> {
        const RECORD: &str = "length";
        let length = varint::read_i32(rest).map_err(|source| fault(RECORD, source))?;
        let Some((mut body, after)) =
            usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
        else {
            return Err(RecordFault::Length { field: "body", length });
        };
        // The attributes, of which no bit is used yet (KIP-98).
        let [_, tail @ ..] = body else {
            return Err(RecordFault::Length { field: "body", length });
        };
        body = tail;
        let timestamp_delta =
            varint::read_i64(&mut body).map_err(|source| fault("timestamp delta", source))?;
        let offset_delta =
            varint::read_i32(&mut body).map_err(|source| fault("offset delta", source))?;
        let tail = body;
        let key = header::take_nullable(&mut body, "key")?;
        let value = header::take_nullable(&mut body, "value")?;
        let count = varint::read_i32(&mut body).map_err(|source| fault("header count", source))?;
        let Ok(header_count) = u32::try_from(count) else {
            return Err(RecordFault::Length { field: "header count", length: count });
        };
        if header_count > 0 || !body.is_empty() {
            header::check(body, header_count)?;
        }
        *rest = after;
        Ok(Self { timestamp_delta, offset_delta, tail, key, value, headers: body, header_count })
    }

    #[inline]
    pub(super) fn view(&self, offset: i64, timestamp: i64) -> RecordView<'a> {
        RecordView {
            offset,
            timestamp,
            key: self.key,
            value: self.value,
            headers: self.headers,
            header_count: self.header_count,
        }
    }

    /// The key, value and headers as they are encoded.
    pub(super) fn tail(&self) -> &'a [u8] {
        self.tail
    }
}

#[cold]
fn fault(field: &'static str, source: VarintError) -> RecordFault {
    RecordFault::Varint { field, source }
}
