use std::borrow::Cow;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::error::EncodeError;

/// A type that knows its own bytes as a key or a value.
///
/// Integers and floats are written big endian, text as UTF-8, bytes as they are: what Java's
/// serializers of the same names write and their deserializers read.
///
/// ```
/// use bytes::{BufMut as _, BytesMut};
/// use ottla_producer::typed::{Encode, EncodeError};
///
/// struct Point(i32, i32);
///
/// impl Encode for Point {
///     fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
///         self.0.encode(out)?;
///         self.1.encode(out)
///     }
/// }
///
/// let mut out = BytesMut::new();
/// Point(1, 2).encode(&mut out)?;
/// assert_eq!(&out[..], [0, 0, 0, 1, 0, 0, 0, 2]);
/// # Ok::<(), EncodeError>(())
/// ```
pub trait Encode {
    /// Appends the bytes to `out`, which may hold others already.
    ///
    /// # Errors
    /// If the value has no bytes; what was appended is then thrown away.
    fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError>;

    /// Whether it is a null, which has no bytes: [`encode`](Self::encode) is then not called.
    fn is_null(&self) -> bool {
        false
    }
}

macro_rules! encode {
    ($(#[$doc:meta] $type:ty: $value:ident, $out:ident => $encode:expr;)*) => {$(
        #[$doc]
        impl Encode for $type {
            fn encode(&self, $out: &mut BytesMut) -> Result<(), EncodeError> {
                let $value = self;
                $encode;
                Ok(())
            }
        }
    )*};
}

encode! {
    /// Java: `ByteArraySerializer`.
    [u8]: value, out => out.extend_from_slice(value);
    /// Java: `ByteArraySerializer`.
    Vec<u8>: value, out => out.extend_from_slice(value);
    /// Java: `BytesSerializer`.
    Bytes: value, out => out.extend_from_slice(value);
    /// Java: `StringSerializer`.
    str: value, out => out.extend_from_slice(value.as_bytes());
    /// Java: `StringSerializer`.
    String: value, out => out.extend_from_slice(value.as_bytes());
    /// One byte, 0 or 1; Java: `BooleanSerializer`.
    bool: value, out => out.put_u8((*value).into());
    /// Java: `ShortSerializer`.
    i16: value, out => out.put_i16(*value);
    /// Java: `IntegerSerializer`.
    i32: value, out => out.put_i32(*value);
    /// Java: `LongSerializer`.
    i64: value, out => out.put_i64(*value);
    /// Two bytes, big endian.
    u16: value, out => out.put_u16(*value);
    /// Four bytes, big endian.
    u32: value, out => out.put_u32(*value);
    /// Eight bytes, big endian.
    u64: value, out => out.put_u64(*value);
    /// Java: `FloatSerializer`.
    f32: value, out => out.put_f32(*value);
    /// Java: `DoubleSerializer`.
    f64: value, out => out.put_f64(*value);
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        self[..].encode(out)
    }
}

/// A null; Java: `VoidSerializer`.
impl Encode for () {
    fn encode(&self, _out: &mut BytesMut) -> Result<(), EncodeError> {
        Ok(())
    }

    fn is_null(&self) -> bool {
        true
    }
}

/// `None` is a null: as a value, a deletion in a compacted topic.
impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        self.as_ref().map_or(Ok(()), |value| value.encode(out))
    }

    fn is_null(&self) -> bool {
        self.as_ref().is_none_or(Encode::is_null)
    }
}

macro_rules! encode_through {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> Encode for $type {
            fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
                (**self).encode(out)
            }

            fn is_null(&self) -> bool {
                (**self).is_null()
            }
        }
    )*};
}

encode_through! {
    [T: Encode + ?Sized] &T;
    [T: Encode + ?Sized] Box<T>;
    [T: Encode + ?Sized] Arc<T>;
    [T: Encode + ToOwned + ?Sized] Cow<'_, T>;
}
