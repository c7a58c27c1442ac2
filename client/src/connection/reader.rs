//! Bytes into frames: lengths are judged before memory is reserved for them.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::MalformedResponse;

/// Small responses share a buffer of this size; larger ones are read straight into their own.
const SHARED: usize = 16 * 1024;

/// With less room than this left, the shared buffer is renewed before the next read.
const ROOM: usize = 4 * 1024;

/// A large response's buffer grows by this factor whenever it is full, up to the announced
/// length: a length that lies costs at most this many times the bytes that came.
const GROWTH: usize = 16;

/// The length in front of every frame.
const PREFIX: usize = 4;

/// The shortest response: its correlation id.
const SHORTEST: usize = 4;

/// Cuts what a peer sends into frames.
#[derive(Debug)]
pub(super) struct FrameReader {
    longest: usize,
    shared: BytesMut,
    own: Option<Own>,
}

/// A large frame that is being read.
#[derive(Debug)]
struct Own {
    bytes: BytesMut,
    length: usize,
}

impl FrameReader {
    pub(super) fn new(longest: usize) -> Self {
        Self { longest, shared: BytesMut::new(), own: None }
    }

    /// The next whole frame, without its length, out of what has been read.
    pub(super) fn next_frame(&mut self) -> Result<Option<Bytes>, MalformedResponse> {
        if let Some(own) = self.own.take_if(|own| own.bytes.len() >= own.length) {
            return Ok(Some(own.bytes.freeze()));
        }
        if self.own.is_some() {
            return Ok(None);
        }
        let Some(prefix) = self.shared.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = self.judge(i32::from_be_bytes(*prefix))?;
        if self.shared.len() >= PREFIX + length {
            self.shared.advance(PREFIX);
            return Ok(Some(self.shared.split_to(length).freeze()));
        }
        if length > SHARED - PREFIX {
            self.shared.advance(PREFIX);
            let mut bytes = BytesMut::with_capacity(length.min(SHARED));
            bytes.extend_from_slice(&self.shared);
            self.shared.clear();
            self.own = Some(Own { bytes, length });
        }
        Ok(None)
    }

    /// Whether a part of a frame has been read.
    pub(super) fn is_mid_frame(&self) -> bool {
        self.own.is_some() || !self.shared.is_empty()
    }

    /// Reads once; 0 bytes mean that the peer has closed. Cancel safe.
    pub(super) async fn fill<R: AsyncRead + Unpin>(&mut self, from: &mut R) -> io::Result<usize> {
        match &mut self.own {
            Some(own) => {
                if own.bytes.len() == own.bytes.capacity() {
                    let grown = own.bytes.len().saturating_mul(GROWTH).max(SHARED).min(own.length);
                    own.bytes.reserve(grown.saturating_sub(own.bytes.len()));
                }
                let missing = own.length.saturating_sub(own.bytes.len());
                from.read_buf(&mut (&mut own.bytes).limit(missing)).await
            }
            None => {
                if self.shared.capacity() - self.shared.len() < ROOM {
                    self.shared.reserve(SHARED);
                }
                from.read_buf(&mut self.shared).await
            }
        }
    }

    fn judge(&self, length: i32) -> Result<usize, MalformedResponse> {
        match usize::try_from(length) {
            Ok(sane) if (SHORTEST..=self.longest).contains(&sane) => Ok(sane),
            _ => Err(MalformedResponse::FrameLength { length, max: self.longest }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameReader, MalformedResponse, SHARED};

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut frame = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(body);
        frame
    }

    /// Feeds `bytes` in pieces of at most `piece` bytes and collects the frames.
    async fn read(
        bytes: &[u8],
        piece: usize,
        longest: usize,
    ) -> Result<Vec<Vec<u8>>, MalformedResponse> {
        let mut reader = FrameReader::new(longest);
        let mut frames = Vec::new();
        for mut piece in bytes.chunks(piece) {
            while !piece.is_empty() {
                reader.fill(&mut piece).await.unwrap();
                while let Some(frame) = reader.next_frame()? {
                    frames.push(frame.to_vec());
                }
            }
        }
        assert!(!reader.is_mid_frame());
        Ok(frames)
    }

    #[tokio::test]
    async fn frames_come_out_whole_however_they_arrive() {
        let bodies: Vec<Vec<u8>> =
            [4, 5, 100, SHARED - 5, SHARED - 4, SHARED - 3, SHARED, 300_000, 8]
                .iter()
                .map(|&length| (0u8..251).cycle().take(length).collect())
                .collect();
        let wire: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
        for piece in [1, 3, 1000, SHARED, usize::MAX] {
            assert_eq!(read(&wire, piece, 1 << 20).await.unwrap(), bodies, "pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn impossible_lengths_are_refused_before_memory_is_reserved() {
        for length in [-1, i32::MIN, 0, 3, 101, i32::MAX] {
            let refused = read(&length.to_be_bytes(), 64, 100).await.unwrap_err();
            assert_eq!(refused, MalformedResponse::FrameLength { length, max: 100 });
        }
    }

    #[tokio::test]
    async fn a_lying_length_reserves_little() {
        let mut reader = FrameReader::new(1 << 30);
        let mut wire: &[u8] = &[&(1i32 << 29).to_be_bytes()[..], &[0; 100_000]].concat();
        while !wire.is_empty() {
            reader.fill(&mut wire).await.unwrap();
            assert_eq!(reader.next_frame().unwrap(), None);
        }
        let reserved = reader.own.unwrap().bytes.capacity();
        assert!(reserved <= 100_000 * super::GROWTH, "{reserved} bytes reserved");
    }
}
