//! The variable-length integers inside a record: zigzag, seven bits a byte, lowest first
//! (Kafka's `ByteUtils`).
//!
//! Padded encodings such as `80 00` are read, since writers that reserve room for a length produce
//! them; more bytes than the type can need, or bits beyond it, are an error.

use thiserror::Error;

/// Why a variable-length integer could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VarintError {
    /// The bytes end inside the integer.
    #[error("ends inside a variable-length integer")]
    Truncated,
    /// The integer has more bytes or bits than its type.
    #[error("has a variable-length integer that is too long")]
    TooLong,
}

/// The longest encoding of an `i32`.
pub(super) const MAX_I32: usize = 5;
/// The longest encoding of an `i64`.
pub(super) const MAX_I64: usize = 10;

#[expect(clippy::cast_sign_loss, reason = "invariant: zigzag reinterprets the bits")]
#[inline]
pub(super) fn zigzag_i64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[expect(clippy::cast_possible_wrap, reason = "invariant: zigzag reinterprets the bits")]
#[inline]
fn unzigzag_u32(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

#[expect(clippy::cast_possible_wrap, reason = "invariant: zigzag reinterprets the bits")]
#[inline]
fn unzigzag_u64(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Bytes that `value`, already zigzagged, takes: 1 to 10.
#[inline]
pub(super) fn len(value: u64) -> usize {
    // ceil(bits / 7) without a division, for 1 to 64 bits.
    ((63 - (value | 1).leading_zeros()) as usize * 9 + 73) / 64
}

/// Bytes that a length or count takes: 1 to 5 for what fits an `i32`.
#[inline]
pub(super) fn size_len(value: usize) -> usize {
    len((value as u64) << 1)
}

#[inline]
pub(super) fn read_i32(input: &mut &[u8]) -> Result<i32, VarintError> {
    match **input {
        [a, ref rest @ ..] if a < 0x80 => {
            *input = rest;
            Ok(unzigzag_u32(u32::from(a)))
        }
        [a, b, ref rest @ ..] if b < 0x80 => {
            *input = rest;
            Ok(unzigzag_u32(u32::from(a & 0x7f) | u32::from(b) << 7))
        }
        _ => {
            let (value, rest) = read_long_i32(input)?;
            *input = rest;
            Ok(value)
        }
    }
}

#[inline]
pub(super) fn read_i64(input: &mut &[u8]) -> Result<i64, VarintError> {
    match **input {
        [a, ref rest @ ..] if a < 0x80 => {
            *input = rest;
            Ok(unzigzag_u64(u64::from(a)))
        }
        [a, b, ref rest @ ..] if b < 0x80 => {
            *input = rest;
            Ok(unzigzag_u64(u64::from(a & 0x7f) | u64::from(b) << 7))
        }
        _ => {
            let (value, rest) = read_long_i64(input)?;
            *input = rest;
            Ok(value)
        }
    }
}

// These take and give the input by value: a reference would keep the reader's out of registers.
#[inline(never)]
fn read_long_i32(input: &[u8]) -> Result<(i32, &[u8]), VarintError> {
    let (value, rest) = read_u64(input, MAX_I32)?;
    Ok((unzigzag_u32(u32::try_from(value).map_err(|_| VarintError::TooLong)?), rest))
}

#[inline(never)]
fn read_long_i64(input: &[u8]) -> Result<(i64, &[u8]), VarintError> {
    let (value, rest) = read_u64(input, MAX_I64)?;
    Ok((unzigzag_u64(value), rest))
}

fn read_u64(input: &[u8], longest: usize) -> Result<(u64, &[u8]), VarintError> {
    let mut value = 0_u64;
    for (index, &byte) in input.iter().take(longest).enumerate() {
        // The tenth byte of 64 bits has room for one; a shift would lose the others.
        if index == MAX_I64 - 1 && byte > 1 {
            return Err(VarintError::TooLong);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, input.get(index + 1..).unwrap_or_default()));
        }
    }
    Err(if input.len() < longest { VarintError::Truncated } else { VarintError::TooLong })
}

/// A few bytes put together on the stack before they go to a chunk in one copy.
pub(super) struct Scratch {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl Scratch {
    /// What a record without key has before its value takes at most 5 + 1 + 10 + 5 + 1 + 5.
    const CAPACITY: usize = 32;

    #[inline]
    pub(super) const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        debug_assert!(self.len < Self::CAPACITY, "a scratch takes one record's prefix");
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    /// Puts an already zigzagged integer.
    #[inline]
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.byte((value & 0x7f) as u8);
    }

    /// Puts a length or count.
    #[inline]
    pub(super) fn size(&mut self, value: usize) {
        self.varint((value as u64) << 1);
    }

    /// Puts the length of a nullable field, -1 for null.
    #[inline]
    pub(super) fn nullable_size(&mut self, field: Option<&[u8]>) {
        match field {
            Some(bytes) => self.size(bytes.len()),
            None => self.byte(NULL),
        }
    }

    /// Appends the bytes, which take no more than the capacity that `out` has.
    #[inline]
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        if out.capacity() - out.len() < Self::CAPACITY {
            out.extend_from_slice(self.as_slice());
        } else {
            // A copy of a size that the compiler knows costs a fraction of another.
            out.extend_from_slice(&self.bytes);
            out.truncate(end);
        }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// -1, zigzagged: the length of a null field.
const NULL: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(value: u64) -> Vec<u8> {
        let mut scratch = Scratch::new();
        scratch.varint(value);
        scratch.as_slice().to_vec()
    }

    #[test]
    fn known_encodings() {
        // The table of Protocol Buffers' encoding guide, which Kafka's varints share.
        for (value, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (8191, &[0xfe, 0x7f]),
            (-8192, &[0xff, 0x7f]),
            (8192, &[0x80, 0x80, 0x01]),
            (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            assert_eq!(put(zigzag_i64(i64::from(value))), bytes, "{value}");
            assert_eq!(read_i32(&mut &*bytes), Ok(value));
            assert_eq!(read_i64(&mut &*bytes), Ok(i64::from(value)));
        }
        let longest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(put(zigzag_i64(i64::MIN)), longest);
        assert_eq!(read_i64(&mut &longest[..]), Ok(i64::MIN));
    }

    #[test]
    fn too_long_is_refused_and_padding_is_not() {
        let too_many_bits = [0xff, 0xff, 0xff, 0xff, 0x1f];
        assert_eq!(read_i32(&mut &too_many_bits[..]), Err(VarintError::TooLong));
        let too_many_bytes = [0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(read_i32(&mut &too_many_bytes[..]), Err(VarintError::TooLong));
        let too_many_bits = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(read_i64(&mut &too_many_bits[..]), Err(VarintError::TooLong));
        assert_eq!(read_i64(&mut &[0xff_u8; 11][..]), Err(VarintError::TooLong));
        assert_eq!(read_i32(&mut &[0x84, 0x80, 0x80, 0x80, 0x00][..]), Ok(2));
        assert_eq!(read_i64(&mut &[0x84, 0x80, 0x00][..]), Ok(2));
    }

    proptest! {
        #[test]
        fn round_trip(value: i64, small in any::<i32>(), shift in 0_u32..63) {
            for value in [value, value >> shift, i64::from(small)] {
                let bytes = put(zigzag_i64(value));
                prop_assert_eq!(bytes.len(), len(zigzag_i64(value)));
                let mut rest = &bytes[..];
                prop_assert_eq!(read_i64(&mut rest), Ok(value));
                prop_assert!(rest.is_empty());
                for cut in 0..bytes.len() {
                    prop_assert_eq!(read_i64(&mut &bytes[..cut]), Err(VarintError::Truncated));
                }
            }
            let small = small >> (shift / 2);
            let bytes = put(zigzag_i64(small.into()));
            let mut rest = &bytes[..];
            prop_assert_eq!(read_i32(&mut rest), Ok(small));
            prop_assert!(rest.is_empty());
            for cut in 0..bytes.len() {
                prop_assert_eq!(read_i32(&mut &bytes[..cut]), Err(VarintError::Truncated));
            }
        }

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            if read_i32(&mut rest).is_ok() {
                prop_assert!(bytes.len() - rest.len() <= MAX_I32);
            }
            let mut rest = &bytes[..];
            if read_i64(&mut rest).is_ok() {
                prop_assert!(bytes.len() - rest.len() <= MAX_I64);
            }
        }
    }
}
