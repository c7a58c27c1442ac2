//! How each of Kafka's types looks on the wire, plain and flexible (KIP-482).

use bytes::Bytes;

use super::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Version, Writer};
use crate::{ErrorCode, Uuid, records::Records};

/// A value that can be written into a message.
pub trait Encode {
    /// Writes the value. `nullable` says whether this version allows null here; only
    /// [`Option`] asks.
    ///
    /// # Errors
    /// When the version has no place for the value.
    fn encode(&self, w: &mut Writer, v: Version, nullable: bool) -> Result<(), EncodeError>;
}

/// A value that can be read from a message.
pub trait Decode: Sized {
    /// Reads the value. `nullable` says whether this version allows null here; only
    /// [`Option`] asks.
    ///
    /// # Errors
    /// When the bytes are not such a value.
    fn decode(r: &mut Reader, v: Version, nullable: bool) -> Result<Self, DecodeError>;

    /// The fewest bytes such a value takes: what bounds an array's count by the bytes that
    /// remain.
    fn min_len(v: Version) -> usize;
}

/// A type that has a null on the wire, for writing.
pub trait EncodeNullable: Encode {
    /// Writes a value where a null could stand.
    ///
    /// # Errors
    /// As [`Encode::encode`].
    fn encode_present(&self, w: &mut Writer, v: Version) -> Result<(), EncodeError> {
        self.encode(w, v, false)
    }

    /// Writes the null.
    fn encode_null(w: &mut Writer, v: Version);
}

/// A type that has a null on the wire, for reading.
pub trait DecodeNullable: Decode {
    /// Reads a value or the null.
    ///
    /// # Errors
    /// As [`Decode::decode`].
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Self>, DecodeError>;
}

impl<T: EncodeNullable> Encode for Option<T> {
    fn encode(&self, w: &mut Writer, v: Version, nullable: bool) -> Result<(), EncodeError> {
        match self {
            Some(value) if nullable => value.encode_present(w, v),
            Some(value) => value.encode(w, v, false),
            None if nullable => {
                T::encode_null(w, v);
                Ok(())
            }
            None => Err(EncodeError::new(EncodeErrorKind::Null { version: v.number })),
        }
    }
}

impl<T: DecodeNullable> Decode for Option<T> {
    fn decode(r: &mut Reader, v: Version, nullable: bool) -> Result<Self, DecodeError> {
        if nullable { T::decode_nullable(r, v) } else { T::decode(r, v, false).map(Some) }
    }

    fn min_len(_: Version) -> usize {
        1
    }
}

macro_rules! fixed {
    ($($ty:ty: $len:literal),+) => {$(
        impl Encode for $ty {
            #[inline]
            fn encode(&self, w: &mut Writer, _: Version, _: bool) -> Result<(), EncodeError> {
                w.put(&self.to_be_bytes());
                Ok(())
            }
        }

        impl Decode for $ty {
            #[inline]
            fn decode(r: &mut Reader, _: Version, _: bool) -> Result<Self, DecodeError> {
                r.array().map(Self::from_be_bytes)
            }

            fn min_len(_: Version) -> usize {
                $len
            }
        }
    )+};
}

fixed!(i8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, f64: 8);

impl Encode for bool {
    fn encode(&self, w: &mut Writer, _: Version, _: bool) -> Result<(), EncodeError> {
        w.put(&[u8::from(*self)]);
        Ok(())
    }
}

impl Decode for bool {
    fn decode(r: &mut Reader, _: Version, _: bool) -> Result<Self, DecodeError> {
        r.array().map(|[byte]| byte != 0)
    }

    fn min_len(_: Version) -> usize {
        1
    }
}

impl Encode for Uuid {
    fn encode(&self, w: &mut Writer, _: Version, _: bool) -> Result<(), EncodeError> {
        w.put(&self.0);
        Ok(())
    }
}

impl Decode for Uuid {
    fn decode(r: &mut Reader, _: Version, _: bool) -> Result<Self, DecodeError> {
        r.array().map(Self)
    }

    fn min_len(_: Version) -> usize {
        16
    }
}

impl Encode for ErrorCode {
    fn encode(&self, w: &mut Writer, v: Version, _: bool) -> Result<(), EncodeError> {
        self.0.encode(w, v, false)
    }
}

impl Decode for ErrorCode {
    fn decode(r: &mut Reader, v: Version, _: bool) -> Result<Self, DecodeError> {
        i16::decode(r, v, false).map(Self)
    }

    fn min_len(_: Version) -> usize {
        2
    }
}

/// The width of a length in front of a value when the version is not flexible.
#[derive(Clone, Copy)]
enum Plain {
    Short,
    Int,
}

impl Plain {
    const fn len(self) -> usize {
        match self {
            Self::Short => 2,
            Self::Int => 4,
        }
    }
}

fn put_length(w: &mut Writer, v: Version, plain: Plain, length: usize) -> Result<(), EncodeError> {
    let too_long = |limit: usize| EncodeError::new(EncodeErrorKind::TooLong { length, limit });
    match plain {
        // A compact length is one more than the length: zero means null. It could say more than
        // the plain one, but Kafka refuses longer strings in either form.
        _ if v.flexible => {
            let limit = match plain {
                Plain::Short => i16::MAX as usize,
                Plain::Int => i32::MAX as usize - 1,
            };
            let length = u32::try_from(length).ok().filter(|&n| n as usize <= limit);
            w.put_uvarint(length.ok_or_else(|| too_long(limit))?.saturating_add(1));
        }
        Plain::Short => {
            let length = i16::try_from(length).map_err(|_| too_long(i16::MAX as usize))?;
            w.put(&length.to_be_bytes());
        }
        Plain::Int => {
            let length = i32::try_from(length).map_err(|_| too_long(i32::MAX as usize))?;
            w.put(&length.to_be_bytes());
        }
    }
    Ok(())
}

fn put_null(w: &mut Writer, v: Version, plain: Plain) {
    match plain {
        _ if v.flexible => w.put_uvarint(0),
        Plain::Short => w.put(&(-1i16).to_be_bytes()),
        Plain::Int => w.put(&(-1i32).to_be_bytes()),
    }
}

/// A length, or `None` for null.
fn take_length(r: &mut Reader, v: Version, plain: Plain) -> Result<Option<usize>, DecodeError> {
    let length = match plain {
        _ if v.flexible => i64::from(r.uvarint()?) - 1,
        Plain::Short => i64::from(i16::decode(r, v, false)?),
        Plain::Int => i64::from(i32::decode(r, v, false)?),
    };
    match length {
        -1 => Ok(None),
        _ => usize::try_from(length)
            .map(Some)
            .map_err(|_| DecodeError::new(DecodeErrorKind::NegativeLength { length })),
    }
}

fn not_null<T>(value: Option<T>, v: Version) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::new(DecodeErrorKind::Null { version: v.number }))
}

/// The types whose null is a length of minus one (zero in the compact form).
macro_rules! length_prefixed {
    ($plain:expr; $(impl[$($generic:ident)?] $ty:ty);+ $(;)?) => {$(
        impl$(<$generic: Decode>)? Decode for $ty {
            fn decode(r: &mut Reader, v: Version, _: bool) -> Result<Self, DecodeError> {
                not_null(Self::decode_nullable(r, v)?, v)
            }

            fn min_len(v: Version) -> usize {
                if v.flexible { 1 } else { $plain.len() }
            }
        }

        impl$(<$generic: Encode>)? EncodeNullable for $ty {
            fn encode_null(w: &mut Writer, v: Version) {
                put_null(w, v, $plain);
            }
        }
    )+};
}

length_prefixed! { Plain::Short; impl[] String }
length_prefixed! { Plain::Int; impl[] Bytes; impl[] Records; impl[T] Vec<T> }

impl Encode for String {
    fn encode(&self, w: &mut Writer, v: Version, _: bool) -> Result<(), EncodeError> {
        put_length(w, v, Plain::Short, self.len())?;
        w.put(self.as_bytes());
        Ok(())
    }
}

impl DecodeNullable for String {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Self>, DecodeError> {
        let Some(length) = take_length(r, v, Plain::Short)? else { return Ok(None) };
        let text = std::str::from_utf8(r.take(length)?)
            .map_err(|_| DecodeError::new(DecodeErrorKind::Utf8))?;
        Ok(Some(text.to_owned()))
    }
}

impl Encode for Bytes {
    fn encode(&self, w: &mut Writer, v: Version, _: bool) -> Result<(), EncodeError> {
        put_length(w, v, Plain::Int, self.len())?;
        w.put_payload(self);
        Ok(())
    }
}

impl DecodeNullable for Bytes {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Self>, DecodeError> {
        let Some(length) = take_length(r, v, Plain::Int)? else { return Ok(None) };
        r.take_bytes(length).map(Some)
    }
}

impl Encode for Records {
    fn encode(&self, w: &mut Writer, v: Version, _: bool) -> Result<(), EncodeError> {
        put_length(w, v, Plain::Int, self.len())?;
        for chunk in self.chunks() {
            w.put_payload(chunk);
        }
        Ok(())
    }
}

impl DecodeNullable for Records {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Self>, DecodeError> {
        Ok(Bytes::decode_nullable(r, v)?.map(Self::from))
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, w: &mut Writer, v: Version, _: bool) -> Result<(), EncodeError> {
        put_length(w, v, Plain::Int, self.len())?;
        self.iter().try_for_each(|element| element.encode(w, v, false))
    }
}

/// Elements reserved before any has been read; the rest grows as it arrives, so that a count
/// costs nothing that its bytes do not pay for (H2).
const RESERVE_AT_MOST: usize = 256;

impl<T: Decode> DecodeNullable for Vec<T> {
    fn decode_nullable(r: &mut Reader, v: Version) -> Result<Option<Self>, DecodeError> {
        let Some(count) = take_length(r, v, Plain::Int)? else { return Ok(None) };
        let payable = |missing: usize, remaining: usize| {
            if missing <= remaining / T::min_len(v).max(1) {
                return Ok(());
            }
            Err(DecodeError::new(DecodeErrorKind::TooManyElements { count: missing, remaining }))
        };
        payable(count, r.remaining())?;
        // Room is made for the count, halved as often as it takes to be little to begin with, then
        // one time less whenever it is full: there is never room beyond the count, and while it
        // grows the old room beside the new one is half of it.
        let mut halvings = 0_u32;
        while count >> halvings > RESERVE_AT_MOST {
            halvings = halvings.saturating_add(1);
        }
        let mut elements = Self::new();
        for index in 0..count {
            if index == elements.capacity() {
                payable(count.saturating_sub(index), r.remaining())?;
                elements.reserve_exact((count >> halvings).saturating_sub(index).max(1));
                halvings = halvings.saturating_sub(1);
            }
            elements.push(T::decode(r, v, false)?);
        }
        Ok(Some(elements))
    }
}
