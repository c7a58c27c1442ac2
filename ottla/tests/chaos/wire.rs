//! What the members send, as it goes over the wire.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use ottla::protocol::ApiKey;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::Instant;

/// A request: when it was sent, and over which of all connections, counted as they were opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    after: Duration,
    connection: usize,
    api: ApiKey,
    correlation: i32,
    bytes: usize,
    /// Of all its bytes.
    hash: u64,
}

/// All requests of a run, in order.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Log>>);

struct Log {
    begin: Instant,
    connections: usize,
    sent: Vec<Sent>,
}

/// A connection that is listened to.
pub(crate) struct Tapped {
    pipe: DuplexStream,
    wire: Wire,
    connection: usize,
    /// The part of a request that was written so far.
    part: BytesMut,
}

impl Wire {
    /// Time begins here.
    pub(crate) fn new() -> Self {
        let log = Log { begin: Instant::now(), connections: 0, sent: Vec::new() };
        Self(Arc::new(Mutex::new(log)))
    }

    pub(crate) fn tap(&self, pipe: DuplexStream) -> Tapped {
        let mut log = self.0.lock().unwrap();
        log.connections += 1;
        Tapped { pipe, wire: self.clone(), connection: log.connections, part: BytesMut::new() }
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap().sent.clone()
    }
}

impl Tapped {
    fn wrote(&mut self, bytes: &[u8]) {
        self.part.extend_from_slice(bytes);
        while self.part.len() >= 4 {
            let length = usize::try_from((&self.part[..]).get_i32()).unwrap();
            if self.part.len() < 4 + length {
                return;
            }
            let frame = self.part.split_to(4 + length);
            let mut hasher = DefaultHasher::new();
            hasher.write(&frame);
            let mut header = &frame[4..];
            let (api, _version, correlation) =
                (ApiKey(header.get_i16()), header.get_i16(), header.get_i32());
            let mut log = self.wire.0.lock().unwrap();
            let after = log.begin.elapsed();
            let (connection, bytes, hash) = (self.connection, frame.len(), hasher.finish());
            log.sent.push(Sent { after, connection, api, correlation, bytes, hash });
        }
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.pipe).poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = written {
            self.wrote(&buf[..count]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
