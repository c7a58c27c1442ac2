//! Frames onto the wire: many at a time, without copying them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use ottla_protocol::wire::Frame;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::command::Silent;
use crate::error::RequestError;

/// Pieces offered to the operating system in one write. It takes up to 1024; beyond a few dozen
/// the call's own cost no longer shows.
const SLICES: usize = 64;

/// Frames that are being written, in order.
#[derive(Debug, Default)]
pub(super) struct FrameWriter {
    chunks: VecDeque<Bytes>,
    frames: VecDeque<Unwritten>,
    dirty: bool,
}

/// A frame some of whose bytes are still to be written.
#[derive(Debug)]
struct Unwritten {
    remaining: usize,
    started: bool,
    /// Who waits for the write, of a request that gets no response.
    silent: Option<Silent>,
}

impl FrameWriter {
    pub(super) fn push(&mut self, frame: Frame, silent: Option<Silent>) {
        self.frames.push_back(Unwritten { remaining: frame.len(), started: false, silent });
        self.chunks.extend(frame.into_chunks().filter(|chunk| !chunk.is_empty()));
    }

    /// Whether every frame has been handed over.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether there is anything left to write or flush.
    pub(super) fn has_work(&self) -> bool {
        self.dirty || !self.chunks.is_empty()
    }

    /// Writes once and, when everything is written, flushes. Returns how many frames that expect
    /// a response this began to write, an error included. Cancel safe.
    pub(super) async fn write<W>(&mut self, to: &mut W, begun: &mut usize) -> io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        if !self.chunks.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut offered = 0;
            for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                *slice = IoSlice::new(chunk);
                offered += chunk.len();
            }
            match to.write_vectored(slices.get(..self.chunks.len()).unwrap_or(&slices)).await {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => *begun += self.advance(written),
                Err(error) => {
                    // A transport that buffers, as TLS does, may have sent a part before it failed.
                    *begun += self.mark_started(offered);
                    return Err(error);
                }
            }
            self.dirty = true;
        }
        if self.chunks.is_empty() {
            to.flush().await?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Tells everybody who waits for a write that it will not happen.
    pub(super) fn fail(&mut self, error: impl Fn(&Silent, bool) -> RequestError) {
        self.chunks.clear();
        for frame in self.frames.drain(..) {
            if let Some(silent) = frame.silent {
                let error = error(&silent, frame.started);
                silent.tell(Err(error));
            }
        }
    }

    fn advance(&mut self, written: usize) -> usize {
        let begun = self.mark_started(written);
        let mut left = written;
        while let Some(chunk) = self.chunks.front_mut() {
            if chunk.len() > left {
                chunk.advance(left);
                break;
            }
            left -= chunk.len();
            self.chunks.pop_front();
        }
        let mut left = written;
        while let Some(frame) = self.frames.front_mut() {
            if frame.remaining > left {
                frame.remaining -= left;
                break;
            }
            left -= frame.remaining;
            if let Some(silent) = self.frames.pop_front().and_then(|frame| frame.silent) {
                silent.tell(Ok(()));
            }
        }
        begun
    }

    /// Marks the frames that lie within the next `bytes`; how many of them expect a response and
    /// were not marked before.
    fn mark_started(&mut self, bytes: usize) -> usize {
        let mut begun = 0;
        let mut left = bytes;
        for frame in &mut self.frames {
            if left == 0 {
                break;
            }
            if !frame.started {
                frame.started = true;
                begun += usize::from(frame.silent.is_none());
            }
            left = left.saturating_sub(frame.remaining);
        }
        begun
    }
}

#[cfg(test)]
mod tests;
