//! What a connection's handles, its pending responses and its task share.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::versions::ApiVersions;
use crate::broker::BrokerId;
use crate::connector::Address;
use crate::error::Disconnect;

#[derive(Debug)]
pub(super) struct State {
    broker: BrokerId,
    address: Address,
    pub(super) versions: ApiVersions,
    correlation: AtomicI32,
    ended: Mutex<Option<Disconnect>>,
    condemned: CancellationToken,
    muted_until: Mutex<Option<Instant>>,
}

impl State {
    /// The state of a new connection, which ends with `client` at the latest.
    pub(super) fn new(
        broker: BrokerId,
        address: Address,
        versions: ApiVersions,
        client: &CancellationToken,
    ) -> Self {
        Self {
            broker,
            address,
            versions,
            correlation: AtomicI32::new(0),
            ended: Mutex::new(None),
            condemned: client.child_token(),
            muted_until: Mutex::new(None),
        }
    }

    pub(super) fn broker(&self) -> BrokerId {
        self.broker
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// A number for the next request. Which request goes first is decided by the queue, not here.
    pub(super) fn next_correlation(&self) -> i32 {
        self.correlation.fetch_add(1, Ordering::Relaxed) & i32::MAX
    }

    /// Says why the connection takes no more requests. A fault takes the place of the client's
    /// end, and that of any other quiet reason; apart from that, the first reason stays.
    pub(super) fn give_reason(&self, why: Disconnect) {
        let weight = |why: &Disconnect| match why {
            Disconnect::ClientClosed => 1,
            why if why.is_quiet() => 0,
            _ => 2,
        };
        let mut ended = self.ended.lock();
        if ended.as_ref().is_none_or(|earlier| weight(earlier) < weight(&why)) {
            *ended = Some(why);
        }
    }

    /// Says why the connection ends, and ends it at once.
    pub(super) fn condemn(&self, why: Disconnect) {
        self.give_reason(why);
        self.condemned.cancel();
    }

    pub(super) fn condemned(&self) -> &CancellationToken {
        &self.condemned
    }

    /// Why the connection was condemned; if nobody did, the client has gone.
    pub(super) fn verdict(&self) -> Disconnect {
        self.give_reason(Disconnect::ClientClosed);
        self.ended()
    }

    /// Why the connection ended.
    pub(super) fn ended(&self) -> Disconnect {
        self.ended.lock().clone().unwrap_or(Disconnect::ClientClosed)
    }

    pub(super) fn mute(&self, until: Instant) {
        let mut muted = self.muted_until.lock();
        *muted = Some(muted.map_or(until, |at| at.max(until)));
    }

    pub(super) fn muted_until(&self) -> Option<Instant> {
        *self.muted_until.lock()
    }

    /// Ends the silence if its time is over; whether it was.
    pub(super) fn unmute(&self, now: Instant) -> bool {
        let mut muted = self.muted_until.lock();
        let over = muted.is_some_and(|until| until <= now);
        if over {
            *muted = None;
        }
        over
    }
}

/// The limits of one connection, from the client's configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long a request may take unless it says otherwise, and how long a frame may take
    /// between its first and its last byte.
    pub(crate) request_timeout: Duration,
    /// How long a connection may be without requests; `None` for ever.
    pub(crate) max_idle: Option<Duration>,
    /// The longest response.
    pub(crate) max_response: usize,
}
