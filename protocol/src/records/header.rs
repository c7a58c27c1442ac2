//! Headers of a record: a list, in which keys may repeat and values may be null.

use std::fmt;

use super::record::RecordFault;
use super::varint;

/// One header of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The key; several headers of a record may have the same.
    pub key: &'a str,
    /// The value; null is not the same as empty.
    pub value: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// A header with a value.
    pub const fn new(key: &'a str, value: &'a [u8]) -> Self {
        Self { key, value: Some(value) }
    }
}

impl fmt::Debug for Header<'_> {
    /// The key and the value's length: values may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?} bytes", self.key, self.value.map(<[u8]>::len))
    }
}

/// A header whose key is not UTF-8.
///
/// Kafka only stores bytes there, so such a record is valid and is delivered; each of its headers
/// that cannot be a [`Header`] is this instead, with everything it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvalidHeaderKey<'a> {
    /// The key as it is stored.
    pub key: &'a [u8],
    /// The value.
    pub value: Option<&'a [u8]>,
}

impl fmt::Display for InvalidHeaderKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Enough to recognise a key, too little to flood a log.
        const SHOWN: usize = 64;
        let shown = self.key.get(..SHOWN).unwrap_or(self.key);
        write!(f, "a record header's key is not UTF-8: \"{}\"", shown.escape_ascii())?;
        if shown.len() < self.key.len() {
            write!(f, " and {} more bytes", self.key.len() - shown.len())?;
        }
        Ok(())
    }
}

impl fmt::Debug for InvalidHeaderKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvalidHeaderKey({self})")
    }
}

impl std::error::Error for InvalidHeaderKey<'_> {}

/// The headers of a record in their order, decoded one at a time.
#[derive(Clone, Default)]
pub struct Headers<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Headers<'a> {
    /// The headers in `bytes`, the part of a record that follows its header count.
    ///
    /// Bytes that are not `count` headers end the iteration early.
    pub(super) const fn new(bytes: &'a [u8], count: u32) -> Self {
        Self { rest: bytes, left: count }
    }

    /// The last header with this key, as Java's `Headers.lastHeader`.
    pub fn last(self, key: &str) -> Option<Header<'a>> {
        self.filter_map(Result::ok).filter(|header| header.key == key).last()
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<Header<'a>, InvalidHeaderKey<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // Checked when the record was decoded; only a span in foreign bytes can fail here.
        let Ok((key, value)) = take_header(&mut self.rest) else {
            self.left = 0;
            return None;
        };
        Some(match std::str::from_utf8(key) {
            Ok(key) => Ok(Header { key, value }),
            Err(_) => Err(InvalidHeaderKey { key, value }),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A header takes two bytes at least.
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        (0, Some(left.min(self.rest.len() / 2)))
    }
}

impl std::iter::FusedIterator for Headers<'_> {}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Checks that `bytes` are exactly `count` headers.
pub(super) fn check(mut bytes: &[u8], count: u32) -> Result<(), RecordFault> {
    for _ in 0..count {
        take_header(&mut bytes)?;
    }
    if bytes.is_empty() { Ok(()) } else { Err(RecordFault::Trailing { bytes: bytes.len() }) }
}

fn take_header<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), RecordFault> {
    const KEY: &str = "header key";
    let key = take_nullable(rest, KEY)?.ok_or(RecordFault::Length { field: KEY, length: -1 })?;
    Ok((key, take_nullable(rest, "header value")?))
}

/// Takes a field led by its length, -1 for null. Any negative length is null to Java, brokers included.
#[inline]
pub(super) fn take_nullable<'a>(
    rest: &mut &'a [u8],
    field: &'static str,
) -> Result<Option<&'a [u8]>, RecordFault> {
    let length = varint::read_i32(rest).map_err(|source| RecordFault::Varint { field, source })?;
    match usize::try_from(length) {
        Ok(length) => {
            let Some((bytes, after)) = rest.split_at_checked(length) else {
                return Err(RecordFault::Length { field, length: length_for_error(length) });
            };
            *rest = after;
            Ok(Some(bytes))
        }
        Err(_) => Ok(None),
    }
}

#[cold]
fn length_for_error(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
