//! One client's connection to one broker.
//!
//! Requests are handled strictly one after another: as Kafka mutes a channel while it handles a
//! request, so what follows a long poll or a join on the same connection waits
//! (`SocketServer.Processor`).

mod chunks;
mod mangle;

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ottla_protocol::wire::{Frame, Reader};
use ottla_protocol::{ApiKey, RequestHeader};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::api::{self, Answer, RequestContext};
use crate::cluster::Shared;
use crate::faults::Effect;
use chunks::Chunks;

/// What is read from a socket at once, unless a request is known to be longer.
const READ_SIZE: usize = 64 << 10;
/// The length in front of every frame.
const PREFIX: usize = 4;

/// Serves one connection until either side ends it.
pub(crate) async fn serve<S>(shared: Arc<Shared>, broker: i32, stream: S, life: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    shared.counters.opened();
    let open = Open(&shared);
    let connection = Connection { shared: &shared, broker, stream, buffer: BytesMut::new() };
    tokio::select! {
        biased;
        () = life.cancelled() => {}
        ended = connection.run() => {
            if let Err(error) = ended {
                tracing::debug!(broker, %error, "connection lost");
            }
        }
    }
    drop(open);
}

/// Counts the connection for as long as it is open, however it ends.
struct Open<'a>(&'a Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.counters.closed();
    }
}

struct Connection<'a, S> {
    shared: &'a Arc<Shared>,
    broker: i32,
    stream: S,
    buffer: BytesMut,
}

/// Whether the connection lives on after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    async fn run(mut self) -> io::Result<()> {
        while let Some(frame) = self.read_frame().await? {
            if self.handle(frame).await? == Then::Close {
                break;
            }
        }
        Ok(())
    }

    /// The next request, without its length; `None` when the client has closed or sent what
    /// cannot be a request.
    async fn read_frame(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(prefix) = self.buffer.first_chunk::<PREFIX>() {
                let Ok(length) = usize::try_from(i32::from_be_bytes(*prefix)) else {
                    return Ok(None);
                };
                if length > self.shared.settings.max_request_bytes {
                    return Ok(None);
                }
                if let Some(missing) = (PREFIX + length).checked_sub(self.buffer.len()) {
                    if missing == 0 {
                        let frame = self.buffer.split_to(PREFIX + length).freeze();
                        return Ok(Some(frame.slice(PREFIX..)));
                    }
                    self.buffer.reserve(missing.max(READ_SIZE));
                } else {
                    let frame = self.buffer.split_to(PREFIX + length).freeze();
                    return Ok(Some(frame.slice(PREFIX..)));
                }
            } else {
                self.buffer.reserve(READ_SIZE);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn handle(&mut self, frame: Bytes) -> io::Result<Then> {
        let received = PREFIX + frame.len();
        let mut body = Reader::new(frame);
        let header = match RequestHeader::decode(&mut body, api::flexible_from) {
            Ok(header) => header,
            Err(error) => {
                tracing::debug!(broker = self.broker, %error, "malformed header");
                return Ok(Then::Close);
            }
        };
        self.shared.counters.received(header.key, received);
        tracing::trace!(broker = self.broker, api = %header.key, version = header.version, "request");
        let mut faults = self.shared.faults.request(header.key, self.broker);
        let before = faults.before();
        for effect in &before {
            match effect {
                Effect::Cut => return Ok(Then::Close),
                Effect::Delay(by) => tokio::time::sleep(*by).await,
                _ => {}
            }
        }
        let mut context = RequestContext::new(self.shared, self.broker, &header, faults, &before);
        match api::answer(&mut context, &header, body).await {
            Answer::Reply(frame) => {
                let effects = context.faults.after();
                self.reply(header.key, frame, &effects).await
            }
            Answer::Nothing => Ok(Then::GoOn),
            Answer::Close => Ok(Then::Close),
        }
    }

    async fn reply(&mut self, key: ApiKey, frame: Frame, effects: &[Effect]) -> io::Result<Then> {
        let mut then = Then::GoOn;
        let mut chunks: Vec<Bytes> = frame.into_chunks().collect();
        for effect in effects {
            match *effect {
                Effect::DropReply => return Ok(Then::Close),
                Effect::Hang => std::future::pending::<()>().await,
                Effect::DelayReply(by) => tokio::time::sleep(by).await,
                Effect::Truncate(bytes) => {
                    chunks = vec![mangle::truncated(&chunks, bytes)];
                    then = Then::Close;
                }
                Effect::Garbage => {
                    let mut rng = self.shared.state.lock().rng.fork();
                    chunks = vec![mangle::garbage(&chunks, &mut rng)];
                }
                Effect::WrongCorrelation => chunks = vec![mangle::wrong_correlation(&chunks)],
                Effect::FrameLength(length) => {
                    chunks = vec![mangle::frame_length(&chunks, length)];
                }
                Effect::Error(_)
                | Effect::ErrorAfter(_)
                | Effect::Delay(_)
                | Effect::Cut
                | Effect::Throttle(_) => {}
            }
        }
        let mut chunks = Chunks::from(chunks);
        self.shared.counters.sent(key, chunks.len());
        self.stream.write_all_buf(&mut chunks).await?;
        self.stream.flush().await?;
        Ok(then)
    }
}
