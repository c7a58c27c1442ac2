//! Message sets of magic 0 and 1, the formats of before Kafka 0.11, which brokers still serve.
//!
//! ```text
//!  0 offset i64       16 magic i8           magic 0          magic 1
//!  8 length i32       17 attributes i8      18 key           18 timestamp i64
//! 12 CRC-32 u32                                value         26 key
//!                                                               value
//! ```
//!
//! The length counts from 12 and the CRC covers everything from 16; key and value are led by an `i32`.
//! A message whose attributes name a codec is a wrapper: its value is a compressed message set, and
//! it stands at the offset of the last message in that. Offsets within a wrapper are the log's in
//! magic 0 and count from the wrapper's first message in magic 1 (KIP-31); if the broker stamped a
//! wrapper of magic 1, its time is that of all its messages (KIP-32).
//!
//! What is read becomes records encoded as in magic 2, so that nothing behind this has to know the
//! old formats. Such a record is never longer than its message: 23 bytes besides key and value
//! instead of 26 in magic 0, 32 instead of 34 in magic 1.

use bytes::{Buf, Bytes};
use thiserror::Error;

use super::builder::{field_len, put_field};
use super::inflated::Inflated;
use super::record_iter::Frame;
use super::varint::{self, Scratch, size_len, zigzag_i64};
use crate::compression::Compression;

/// The bytes of the shortest message that the length counts: one of magic 0 without key and value.
pub(super) const MIN_LENGTH: usize = 14;
/// Offset and length.
const OVERHEAD: usize = 12;
const CRC_START: usize = 16;

/// Set if the timestamp is the broker's (KIP-32), in magic 1.
pub(super) const LOG_APPEND_TIME: i8 = 1 << 3;

/// One message of a set: checked for what every message has, not for its key and value.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) offset: i64,
    pub(super) magic: i8,
    pub(super) attributes: i8,
    /// -1 in magic 0.
    pub(super) timestamp: i64,
    pub(super) crc: u32,
    /// What the CRC covers.
    covered: &'a [u8],
    /// Key and value.
    fields: &'a [u8],
}

type KeyAndValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

impl<'a> Message<'a> {
    /// The message in `entry`, which is as long as its length says.
    pub(super) fn read(entry: &'a [u8]) -> Result<Self, MessageFault> {
        let covered = entry.get(CRC_START..).unwrap_or_default();
        let mut rest = entry;
        let too_short = || {
            let length = entry.len().saturating_sub(OVERHEAD);
            MessageFault::Length { length: i32::try_from(length).unwrap_or(i32::MAX) }
        };
        if rest.len() < OVERHEAD + MIN_LENGTH {
            return Err(too_short());
        }
        let offset = rest.get_i64();
        rest.advance(4);
        let (crc, magic, attributes) = (rest.get_u32(), rest.get_i8(), rest.get_i8());
        let timestamp = match magic {
            0 => NO_TIMESTAMP,
            1 if rest.len() >= 8 => rest.get_i64(),
            1 => return Err(too_short()),
            _ => return Err(MessageFault::Magic { magic }),
        };
        Ok(Self { offset, magic, attributes, timestamp, crc, covered, fields: rest })
    }

    /// The CRC of its bytes.
    pub(super) fn computed_crc(&self) -> u32 {
        crc32fast::hash(self.covered)
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        // zstd came with magic 2 (KIP-110).
        Compression::from_attributes(self.attributes.into())
            .filter(|codec| *codec != Compression::Zstd)
    }

    const fn is_stamped(&self) -> bool {
        self.magic == 1 && self.attributes & LOG_APPEND_TIME != 0
    }

    /// Key and value. As in Java any negative length is null, and what follows the value is ignored.
    pub(super) fn fields(&self) -> Result<KeyAndValue<'a>, MessageFault> {
        let mut rest = self.fields;
        let key = take_field(&mut rest, "key")?;
        Ok((key, take_field(&mut rest, "value")?))
    }
}

/// The record of a message that is no wrapper.
pub(super) fn single(message: &Message<'_>) -> Result<Inflated, BadMessage> {
    let mut records = Records::new(message.offset, 0);
    records.push(message, message.offset, message.timestamp).map_err(|fault| fault.at(0))?;
    Ok(records.finish())
}

/// The records of `wrapper`, whose value was inflated to `set`.
pub(super) fn wrapped(wrapper: &Message<'_>, set: &[u8]) -> Result<Inflated, BadMessage> {
    let (first, last) = ends(set)?;
    let base = match wrapper.magic {
        0 => 0,
        // Some versions of librdkafka sent wrappers with offset 0, says Java.
        _ if wrapper.offset == 0 => 0,
        _ if wrapper.offset < last => {
            return Err(MessageFault::Offset { offset: last, bound: wrapper.offset }.at(0));
        }
        _ => wrapper.offset - last,
    };
    let stamp = wrapper.is_stamped().then_some(wrapper.timestamp);
    let absolute = |offset: i64| {
        let absolute = base.checked_add(offset).filter(|absolute| *absolute >= 0);
        absolute.ok_or(MessageFault::Offset { offset, bound: wrapper.offset })
    };
    let mut records = Records::new(absolute(first).map_err(|fault| fault.at(0))?, set.len());
    for (index, entry) in (0..).zip(Entries { rest: set }) {
        let push = |entry| {
            let message = Message::read(entry)?;
            let computed = message.computed_crc();
            if computed != message.crc {
                return Err(MessageFault::Crc { stored: message.crc, computed });
            }
            if message.compression() != Some(Compression::None) {
                return Err(MessageFault::Nested);
            }
            let offset = absolute(message.offset)?;
            if wrapper.magic == 0 && offset > wrapper.offset {
                return Err(MessageFault::Offset { offset, bound: wrapper.offset });
            }
            let timestamp = match (message.magic, stamp) {
                (1, Some(stamp)) => stamp,
                _ => message.timestamp,
            };
            records.push(&message, offset, timestamp)
        };
        entry.and_then(push).map_err(|fault| fault.at(index))?;
    }
    Ok(records.finish())
}

/// The offsets of the first and the last message.
fn ends(set: &[u8]) -> Result<(i64, i64), BadMessage> {
    let mut ends = None;
    for (index, entry) in (0..).zip(Entries { rest: set }) {
        let mut entry = entry.map_err(|fault| fault.at(index))?;
        let offset = entry.get_i64();
        ends = Some(ends.map_or((offset, offset), |(first, _)| (first, offset)));
    }
    ends.ok_or(MessageFault::Empty.at(0))
}

/// The messages of a set as their lengths say. A last one that is cut is not there, as in Java.
struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], MessageFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let [_, _, _, _, _, _, _, _, l0, l1, l2, l3] = *self.rest.first_chunk::<OVERHEAD>()?;
        let length = i32::from_be_bytes([l0, l1, l2, l3]);
        let Some(len) = usize::try_from(length).ok().filter(|len| *len >= MIN_LENGTH) else {
            self.rest = &[];
            return Some(Err(MessageFault::Length { length }));
        };
        let (entry, rest) = self.rest.split_at_checked(len.checked_add(OVERHEAD)?)?;
        self.rest = rest;
        Some(Ok(entry))
    }
}

/// Records as they are encoded in a batch of magic 2 with a base timestamp of 0.
struct Records {
    out: Vec<u8>,
    base_offset: i64,
    last_delta: Option<u32>,
    count: u32,
}

impl Records {
    /// For messages from `base_offset` on, of `len` bytes.
    fn new(base_offset: i64, len: usize) -> Self {
        Self { out: Vec::with_capacity(len), base_offset, last_delta: None, count: 0 }
    }

    fn push(
        &mut self,
        message: &Message<'_>,
        offset: i64,
        timestamp: i64,
    ) -> Result<(), MessageFault> {
        let (key, value) = message.fields()?;
        let delta =
            offset.checked_sub(self.base_offset).and_then(|delta| i32::try_from(delta).ok());
        let delta = delta
            .and_then(|delta| u32::try_from(delta).ok())
            .filter(|delta| self.last_delta.is_none_or(|last| *delta > last))
            .ok_or(MessageFault::Offset { offset, bound: self.last_offset() })?;
        let offset_delta = u64::from(delta) << 1;
        let timestamp_delta = zigzag_i64(timestamp);
        let body = 1
            + varint::len(timestamp_delta)
            + varint::len(offset_delta)
            + field_len(key)
            + field_len(value)
            + 1;
        self.out.reserve(size_len(body) + body);
        let mut prefix = Scratch::new();
        prefix.size(body);
        prefix.byte(0);
        prefix.varint(timestamp_delta);
        prefix.varint(offset_delta);
        self.out.extend_from_slice(prefix.as_slice());
        put_field(&mut self.out, key);
        put_field(&mut self.out, value);
        // No headers.
        self.out.push(0);
        self.last_delta = Some(delta);
        self.count += 1;
        Ok(())
    }

    fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_delta.unwrap_or(0))
    }

    fn finish(mut self) -> Inflated {
        // The records may be kept for long, and what is not used with them.
        self.out.shrink_to_fit();
        let frame = Frame {
            base_offset: self.base_offset,
            last_offset_delta: i32::MAX,
            base_timestamp: 0,
            append_time: None,
            count: self.count,
        };
        Inflated::new(Bytes::from(self.out), frame)
    }
}

fn take_field<'a>(
    rest: &mut &'a [u8],
    field: &'static str,
) -> Result<Option<&'a [u8]>, MessageFault> {
    let Some(length) = rest.first_chunk::<4>().map(|length| i32::from_be_bytes(*length)) else {
        return Err(MessageFault::Field { field, length: 0 });
    };
    rest.advance(4);
    let Ok(len) = usize::try_from(length) else { return Ok(None) };
    let Some((bytes, after)) = rest.split_at_checked(len) else {
        return Err(MessageFault::Field { field, length });
    };
    *rest = after;
    Ok(Some(bytes))
}

/// What is wrong with a message, and with which of its wrapper.
#[derive(Debug)]
pub(super) struct BadMessage {
    pub(super) index: u32,
    pub(super) fault: MessageFault,
}

/// What is wrong with a message of magic 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageFault {
    /// It is shorter than a message can be.
    #[error("its length {length} is less than a message's")]
    Length {
        /// As read.
        length: i32,
    },
    /// Its format is not one that a wrapper can hold.
    #[error("it has magic {magic}")]
    Magic {
        /// As read.
        magic: i8,
    },
    /// Its bytes are not those that were written.
    #[error("it has CRC {stored:#010x}, its bytes {computed:#010x}")]
    Crc {
        /// As read.
        stored: u32,
        /// Of the bytes.
        computed: u32,
    },
    /// Its key or value is longer than what remains of it.
    #[error("its {field} has length {length}, which the message cannot hold")]
    Field {
        /// Which.
        field: &'static str,
        /// As read.
        length: i32,
    },
    /// It is a wrapper within a wrapper, which Kafka does not have.
    #[error("it is compressed within a compressed message")]
    Nested,
    /// It is a wrapper with no message in it.
    #[error("it is compressed and holds no message")]
    Empty,
    /// It is a wrapper without a value.
    #[error("it is compressed and has no value")]
    Null,
    /// Its offset does not go with that of the message before it or of its wrapper.
    #[error("its offset {offset} does not go with {bound}")]
    Offset {
        /// As read.
        offset: i64,
        /// The other one.
        bound: i64,
    },
}

impl MessageFault {
    pub(super) const fn at(self, index: u32) -> BadMessage {
        BadMessage { index, fault: self }
    }
}

const NO_TIMESTAMP: i64 = -1;

#[cfg(test)]
mod tests;
