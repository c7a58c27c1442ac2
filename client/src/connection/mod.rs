//! One connection to one broker.
//!
//! ```text
//!   enqueue ─► queue ─► FrameWriter ─► transport ─► FrameReader ─► InFlight ─► Pending
//!   (encodes)        └─► InFlight ──────────(order)────────────────────┘      (decodes)
//! ```
//!
//! A single task owns the transport. Handles encode requests and put them into a bounded queue;
//! the task writes many of them at once and gives each response, still as bytes, to whoever is in
//! front of the order. When anything goes wrong the connection ends as a whole, and everybody who
//! waits is told once.

mod command;
mod handshake;
mod in_flight;
mod open;
mod pending;
mod pool;
mod reader;
mod reconnect;
mod state;
mod task;
mod versions;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::api::Request;
use ottla_protocol::{ApiKey, decode_response, encode_request};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::Span;

use self::command::{Command, Silent, Slot};
use self::state::State;
use crate::broker::BrokerId;
use crate::connector::Address;
use crate::error::{Disconnect, RequestError};

pub(crate) use self::open::Opener;
pub use self::pending::Pending;
pub(crate) use self::pool::{Pace, Pool};
pub(crate) use self::state::Limits;
pub use self::versions::ApiVersions;

/// Requests that may wait for the task to take them. A producer has at most a few in flight, and
/// whoever finds the queue full waits in fair order.
const QUEUE: usize = 64;

/// A handle to a connection. Cheap to clone; the connection lives until it fails, is idle for too
/// long, or nobody holds it any more.
#[derive(Clone, Debug)]
pub struct Connection {
    queue: mpsc::Sender<Command>,
    state: Arc<State>,
    defaults: Defaults,
}

/// What every request of a connection carries.
#[derive(Clone, Debug)]
struct Defaults {
    client_id: Arc<str>,
    timeout: Duration,
}

/// How one request is to be treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestOptions {
    /// How long to wait for the response, from the moment the request is queued. `None`: the
    /// client's request timeout. Requests that the broker holds back on purpose (a join, a long
    /// poll) have to add that time.
    pub timeout: Option<Duration>,
    /// The newest version to send it in, where a newer one would mean something else. `None`: the
    /// newest that the broker and this library have in common.
    pub max_version: Option<i16>,
}

impl RequestOptions {
    /// A request with a timeout of its own.
    #[must_use]
    pub const fn timeout(after: Duration) -> Self {
        Self { timeout: Some(after), max_version: None }
    }

    /// The same in no newer version than this; any if `None`.
    #[must_use]
    pub const fn max_version(mut self, newest: Option<i16>) -> Self {
        self.max_version = newest;
        self
    }
}

impl Connection {
    /// The broker at the other end.
    #[must_use]
    pub fn broker(&self) -> BrokerId {
        self.state.broker()
    }

    /// The address that was connected to.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.state.address()
    }

    /// What the broker can do.
    #[must_use]
    pub fn versions(&self) -> &ApiVersions {
        &self.state.versions
    }

    /// Whether the connection takes no more requests. It may end at any moment after this said no.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed() || self.state.condemned().is_cancelled()
    }

    /// Keeps the connection silent for as long as the broker asked for in a response's
    /// `throttle_time_ms` (KIP-219). Requests wait meanwhile, and their timeouts run.
    pub fn throttle(&self, during: Duration) {
        if !during.is_zero() {
            self.state.mute(Instant::now() + during);
        }
    }

    /// Queues a request. What one caller queues goes out in the order of the calls; its responses
    /// come in the same order.
    ///
    /// Waits while the queue is full. Cancel safe: a call that is dropped has queued nothing.
    ///
    /// # Errors
    /// When the broker has no version of the request, when it cannot be encoded, or when the
    /// connection has ended. Nothing was written in any of these cases.
    pub async fn enqueue<R: Request>(
        &self,
        request: &R,
        options: RequestOptions,
    ) -> Result<Pending<R::Response>, RequestError> {
        let newest = options.max_version.unwrap_or(i16::MAX);
        let version = self.versions().negotiate_up_to::<R>(newest)?;
        let place = self.queue.reserve().await.map_err(|_| self.ended(R::KEY))?;
        let correlation = self.state.next_correlation();
        let frame = encode_request(request, version, correlation, Some(&self.defaults.client_id))
            .map_err(|source| RequestError::Encode { api: R::KEY, source })?;
        let span = self.span(R::KEY, version, correlation, frame.len());
        let timeout = options.timeout.unwrap_or(self.defaults.timeout);
        let (caller, receiver) = oneshot::channel();
        place.send(Command::Ask(
            frame,
            Slot {
                api: R::KEY,
                correlation,
                deadline: far(Instant::now(), timeout),
                timeout,
                caller: Some(caller),
            },
        ));
        Ok(Pending {
            receiver,
            decode: decode_response::<R>,
            api: R::KEY,
            version,
            state: Arc::clone(&self.state),
            span,
        })
    }

    /// Sends a request and waits for its response.
    ///
    /// Cancel safe in that nothing breaks; the request may still reach the broker.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn request<R: Request>(&self, request: &R) -> Result<R::Response, RequestError> {
        self.enqueue(request, RequestOptions::default()).await?.await
    }

    /// Sends a request that the broker does not answer, as Produce with `acks=0`, and waits until
    /// the transport has taken all of it.
    ///
    /// # Errors
    /// See [`RequestError`]; nothing tells whether the broker received what was written.
    pub async fn send_no_reply<R: Request>(&self, request: &R) -> Result<(), RequestError> {
        let version = self.versions().negotiate::<R>()?;
        let place = self.queue.reserve().await.map_err(|_| self.ended(R::KEY))?;
        let correlation = self.state.next_correlation();
        let frame = encode_request(request, version, correlation, Some(&self.defaults.client_id))
            .map_err(|source| RequestError::Encode { api: R::KEY, source })?;
        let (caller, written) = oneshot::channel();
        place.send(Command::Tell(frame, Silent { api: R::KEY, caller }));
        // A task that ended without a word was dropped with its runtime, maybe while writing.
        written.await.unwrap_or_else(|_| {
            Err(RequestError::Disconnected {
                api: R::KEY,
                broker: self.broker(),
                sent: true,
                cause: Disconnect::ClientClosed,
            })
        })
    }

    /// Lets the connection finish what it was asked and then end. New requests are refused.
    pub(crate) fn drain(&self) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(Command::Drain) {
            // So many requests wait that asking politely is not possible: the pool lets go of it,
            // and it ends when its users do, or when the client does.
            tracing::debug!(broker = %self.broker(), "busy connection is left to its users");
        }
    }

    fn ended(&self, api: ApiKey) -> RequestError {
        let cause = self.state.ended();
        match cause {
            Disconnect::ClientClosed => RequestError::Closed,
            cause => RequestError::Disconnected { api, broker: self.broker(), sent: false, cause },
        }
    }

    fn span(&self, api: ApiKey, version: i16, correlation: i32, bytes: usize) -> Span {
        tracing::debug_span!(
            "request",
            %api,
            version,
            broker = self.broker().0,
            correlation,
            bytes
        )
    }
}

/// A moment `after` from `now`; a year if that is farther than the clock counts.
fn far(now: Instant, after: Duration) -> Instant {
    now.checked_add(after.min(Duration::from_secs(86_400 * 365))).unwrap_or(now)
}
