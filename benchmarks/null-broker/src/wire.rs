//! Kafka's primitive types, in both encodings: the old one and the flexible one (KIP-482).

use anyhow::{Context, bail};

/// Takes values from the front of a request.
pub struct Reader<'a> {
    left: &'a [u8],
    pub flexible: bool,
}

macro_rules! fixed {
    ($($name:ident: $type:ty;)+) => {$(
        pub fn $name(&mut self) -> anyhow::Result<$type> {
            let bytes = self.take(size_of::<$type>())?;
            Ok(<$type>::from_be_bytes(bytes.try_into().expect("taken by size")))
        }
    )+};
}

impl<'a> Reader<'a> {
    pub const fn new(left: &'a [u8]) -> Self {
        Self { left, flexible: false }
    }

    pub fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count).context("request ends early")?;
        self.left = left;
        Ok(taken)
    }

    fixed! { i8: i8; i16: i16; i32: i32; i64: i64; u32: u32; }

    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Everything that was not taken.
    pub const fn rest(&self) -> &'a [u8] {
        self.left
    }

    pub const fn remaining(&self) -> usize {
        self.left.len()
    }

    pub fn unsigned_varint(&mut self) -> anyhow::Result<u64> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
            if shift > 63 {
                bail!("varint is too long");
            }
        }
    }

    /// A zig-zag varint, as records have them.
    pub fn varint(&mut self) -> anyhow::Result<i64> {
        let raw = self.unsigned_varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// A length; `None` is null.
    fn length(&mut self, small: bool) -> anyhow::Result<Option<usize>> {
        let length = if self.flexible {
            self.unsigned_varint()? as i64 - 1
        } else if small {
            self.i16()?.into()
        } else {
            self.i32()?.into()
        };
        Ok(usize::try_from(length).ok())
    }

    pub fn string(&mut self) -> anyhow::Result<Option<&'a str>> {
        let Some(length) = self.length(true)? else { return Ok(None) };
        Ok(Some(std::str::from_utf8(self.take(length)?)?))
    }

    pub fn bytes(&mut self) -> anyhow::Result<Option<&'a [u8]>> {
        match self.length(false)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    /// The length of an array; `None` is null.
    pub fn array(&mut self) -> anyhow::Result<Option<usize>> {
        self.length(false)
    }

    pub fn uuid(&mut self) -> anyhow::Result<[u8; 16]> {
        Ok(self.take(16)?.try_into().expect("taken by size"))
    }

    /// Skips tagged fields, if this message can have them.
    pub fn tags(&mut self) -> anyhow::Result<()> {
        if self.flexible {
            for _ in 0..self.unsigned_varint()? {
                self.unsigned_varint()?;
                let size = self.unsigned_varint()?;
                self.take(usize::try_from(size)?)?;
            }
        }
        Ok(())
    }
}

/// Appends values to a response.
pub struct Writer<'a> {
    pub out: &'a mut Vec<u8>,
    pub flexible: bool,
}

macro_rules! put {
    ($($name:ident: $type:ty;)+) => {$(
        pub fn $name(&mut self, value: $type) {
            self.out.extend_from_slice(&value.to_be_bytes());
        }
    )+};
}

impl Writer<'_> {
    put! { i8: i8; i16: i16; i32: i32; i64: i64; }

    pub fn unsigned_varint(&mut self, value: u64) {
        put_unsigned_varint(self.out, value);
    }

    fn length(&mut self, length: Option<usize>, small: bool) {
        if self.flexible {
            self.unsigned_varint(length.map_or(0, |length| length as u64 + 1));
        } else if small {
            self.i16(length.map_or(-1, |length| length as i16));
        } else {
            self.i32(length.map_or(-1, |length| length as i32));
        }
    }

    pub fn string(&mut self, value: Option<&str>) {
        self.length(value.map(str::len), true);
        self.out.extend_from_slice(value.unwrap_or_default().as_bytes());
    }

    pub fn array(&mut self, length: usize) {
        self.length(Some(length), false);
    }

    /// The length of bytes that are appended behind it.
    pub fn bytes_length(&mut self, length: usize) {
        self.length(Some(length), false);
    }

    pub fn tags(&mut self) {
        if self.flexible {
            self.out.push(0);
        }
    }
}

pub fn put_unsigned_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Zig-zag, as records have them.
pub fn put_varint(out: &mut Vec<u8>, value: i64) {
    put_unsigned_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}
