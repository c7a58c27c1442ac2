use bytes::Bytes;

use super::{DecodeError, DecodeErrorKind};

/// Reads a message from a frame; every length is taken out of what remains.
///
/// Byte fields come out as slices that share the frame's memory; whoever keeps one keeps the
/// frame. Strings are copied, so a topic name never pins a response.
#[derive(Debug)]
pub struct Reader {
    bytes: Bytes,
    position: usize,
}

impl Reader {
    /// A reader at the beginning of `bytes`.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self { bytes, position: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// The next `count` bytes, borrowed.
    ///
    /// # Errors
    /// When fewer remain.
    pub fn take(&mut self, count: usize) -> Result<&[u8], DecodeError> {
        let start = self.advance(count)?;
        self.bytes.get(start..self.position).ok_or_else(|| self.truncated(count))
    }

    /// The next `count` bytes as a slice that shares the frame's memory.
    ///
    /// # Errors
    /// When fewer remain.
    pub fn take_bytes(&mut self, count: usize) -> Result<Bytes, DecodeError> {
        let start = self.advance(count)?;
        Ok(self.bytes.slice(start..self.position))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When bytes are left over: the sender and we do not mean the same message.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(DecodeError::new(DecodeErrorKind::TrailingBytes { count })),
        }
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// When fewer remain.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let here = self.bytes.get(self.position..).and_then(|rest| rest.first_chunk::<N>());
        match here {
            Some(chunk) => {
                self.position = self.position.saturating_add(N);
                Ok(*chunk)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// An unsigned variable-length integer of up to five bytes.
    ///
    /// # Errors
    /// When it does not end within them or does not fit 32 bits.
    pub fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in [0u32, 7, 14, 21, 28] {
            let [byte] = self.array::<1>()?;
            let part = u32::from(byte & 0x7f);
            if shift == 28 && part > 0x0f {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::new(DecodeErrorKind::Varint))
    }

    fn advance(&mut self, count: usize) -> Result<usize, DecodeError> {
        if count > self.remaining() {
            return Err(self.truncated(count));
        }
        let start = self.position;
        self.position = start.saturating_add(count);
        Ok(start)
    }

    fn truncated(&self, needed: usize) -> DecodeError {
        DecodeError::new(DecodeErrorKind::Truncated { needed, remaining: self.remaining() })
    }
}
