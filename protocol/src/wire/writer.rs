use bytes::{BufMut, Bytes, BytesMut};
use smallvec::SmallVec;

use super::{EncodeError, EncodeErrorKind, Frame};

/// Payloads shorter than this are copied: a piece of its own costs more than the copy.
const SPLICE_FROM: usize = 1024;

/// The length prefix in front of every frame.
const PREFIX: usize = 4;

/// Writes one message; large payloads are spliced in by reference.
#[derive(Debug, Default)]
pub struct Writer {
    /// Everything but the spliced payloads.
    buffer: BytesMut,
    /// Payloads with their places in `buffer`, ascending.
    splices: Vec<(usize, Bytes)>,
    spliced: usize,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer whose first four bytes will be the frame's length.
    pub(crate) fn framed() -> Self {
        let mut buffer = BytesMut::with_capacity(256);
        buffer.put_bytes(0, PREFIX);
        Self { buffer, ..Self::default() }
    }

    /// How many bytes have been written, spliced payloads included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len().saturating_add(self.spliced)
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends `bytes` by copying them.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// Appends a payload without copying it, unless it is short.
    pub fn put_payload(&mut self, payload: &Bytes) {
        if payload.len() < SPLICE_FROM {
            self.put(payload);
        } else {
            self.splices.push((self.buffer.len(), payload.clone()));
            self.spliced = self.spliced.saturating_add(payload.len());
        }
    }

    /// Appends an unsigned variable-length integer.
    pub fn put_uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buffer.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8((value & 0x7f) as u8);
    }

    /// Appends everything another writer holds.
    pub(crate) fn put_writer(&mut self, other: Self) {
        for chunk in other.into_chunks() {
            self.put_payload(&chunk);
        }
    }

    /// Everything written, as one piece of memory.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.splices.is_empty() {
            return self.buffer.freeze();
        }
        Frame::new(self.into_chunks()).to_bytes()
    }

    /// Ends a frame begun with [`framed`](Self::framed) by filling in its length.
    pub(crate) fn into_frame(mut self) -> Result<Frame, EncodeError> {
        let length = self.len().saturating_sub(PREFIX);
        let prefix = i32::try_from(length).map_err(|_| {
            EncodeError::new(EncodeErrorKind::TooLong { length, limit: i32::MAX as usize })
        })?;
        if let Some(start) = self.buffer.first_chunk_mut::<PREFIX>() {
            *start = prefix.to_be_bytes();
        }
        Ok(Frame::new(self.into_chunks()))
    }

    fn into_chunks(self) -> SmallVec<[Bytes; 4]> {
        let whole = self.buffer.freeze();
        let mut chunks = SmallVec::new();
        let mut from = 0;
        for (at, payload) in self.splices {
            if at > from {
                chunks.push(whole.slice(from..at));
            }
            chunks.push(payload);
            from = at;
        }
        if from < whole.len() {
            chunks.push(whole.slice(from..));
        }
        chunks
    }
}
