//! A response that has not come yet.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ottla_protocol::ApiKey;
use ottla_protocol::wire::DecodeError;
use tokio::sync::oneshot;
use tracing::Span;

use super::state::State;
use crate::error::{Disconnect, MalformedResponse, RequestError};

/// The response to a request that has been queued for its connection.
///
/// It is read in the task that awaits it, not in the connection's. Dropping it cancels nothing:
/// the request is sent, and its response is thrown away when it comes.
#[must_use = "the request is sent, but nobody looks at its response"]
pub struct Pending<T> {
    pub(super) receiver: oneshot::Receiver<Result<Bytes, RequestError>>,
    pub(super) decode: fn(Bytes, i16) -> Result<(i32, T), DecodeError>,
    pub(super) api: ApiKey,
    pub(super) version: i16,
    pub(super) state: Arc<State>,
    pub(super) span: Span,
}

impl<T> Pending<T> {
    /// The version the request was written at, which is also the response's.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.version
    }
}

impl<T> std::fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("api", &self.api)
            .field("version", &self.version)
            .field("broker", &self.state.broker())
            .finish_non_exhaustive()
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let _entered = this.span.enter();
        let body = match ready!(Pin::new(&mut this.receiver).poll(cx)) {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => {
                tracing::debug!(%error, "request failed");
                return Poll::Ready(Err(error));
            }
            // The connection's task ended without a word: its runtime was shut down.
            Err(_) => {
                return Poll::Ready(Err(RequestError::Disconnected {
                    api: this.api,
                    broker: this.state.broker(),
                    sent: true,
                    cause: Disconnect::ClientClosed,
                }));
            }
        };
        tracing::trace!(bytes = body.len(), "response");
        Poll::Ready(match (this.decode)(body, this.version) {
            Ok((_, response)) => Ok(response),
            Err(source) => {
                let source = MalformedResponse::Decode(source);
                this.state.condemn(Disconnect::Garbage(source.clone()));
                Err(RequestError::Malformed { api: this.api, broker: this.state.broker(), source })
            }
        })
    }
}
