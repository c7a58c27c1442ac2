//! All connections of a client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::Connection;
use super::open::Opener;
use super::reconnect::Reconnect;
use crate::broker::BrokerId;
use crate::cluster::Cluster;
use crate::connector::Address;
use crate::error::ConnectError;
use crate::lane::{Lane, OwnerId};
use crate::random::Seeds;
use crate::retry::RetryPolicy;
use crate::tasks::Tasks;

/// What a connection is kept under.
type Key = (BrokerId, Lane);

type Opened = Result<Connection, ConnectError>;

/// An attempt that any number of callers may be waiting for. They are woken in the order in which
/// they came, in every run (a `watch` channel wakes them by chance).
type Opening = Shared<oneshot::Receiver<Opened>>;

/// Opens connections when they are first used and keeps them until they end.
///
/// The map is locked only to look and to put; nothing is awaited under its lock.
#[derive(Debug)]
pub(crate) struct Pool {
    opener: Opener,
    cluster: Arc<ArcSwap<Cluster>>,
    bootstrap: Arc<[Address]>,
    reconnect: RetryPolicy,
    setup: RetryPolicy,
    seeds: Arc<Seeds>,
    tasks: Tasks,
    closed: AtomicBool,
    places: Mutex<BTreeMap<Key, Place>>,
    reconnects: Mutex<BTreeMap<BrokerId, Reconnect>>,
}

#[derive(Debug)]
enum Place {
    /// Being opened by a task, to the address named here.
    Opening(Address, Opening),
    /// Open, at least when it was last looked at, to the address named here.
    Open(Address, Connection),
}

/// How a pool waits between attempts and how long each may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) reconnect: RetryPolicy,
    pub(crate) setup: RetryPolicy,
}

impl Pool {
    pub(crate) fn new(
        opener: Opener,
        cluster: Arc<ArcSwap<Cluster>>,
        bootstrap: Arc<[Address]>,
        pace: Pace,
        seeds: Arc<Seeds>,
        tasks: Tasks,
    ) -> Self {
        Self {
            opener,
            cluster,
            bootstrap,
            reconnect: pace.reconnect,
            setup: pace.setup,
            seeds,
            tasks,
            closed: AtomicBool::new(false),
            places: Mutex::default(),
            reconnects: Mutex::default(),
        }
    }

    /// The connection to `broker` for `lane`, opened if there is none.
    ///
    /// However many callers ask at once, one attempt is made, after the broker's backoff. Cancel
    /// safe: an attempt goes on without its callers.
    pub(crate) async fn connection(
        self: &Arc<Self>,
        broker: BrokerId,
        lane: Lane,
    ) -> Result<Connection, ConnectError> {
        let opening = match self.look(broker, lane)? {
            Ok(open) => return Ok(open),
            Err(opening) => opening,
        };
        // An attempt that says nothing was dropped with its runtime.
        opening.await.unwrap_or(Err(ConnectError::Closed))
    }

    /// Whether requests to the broker can go out at once on the general lane.
    pub(crate) fn is_open(&self, broker: BrokerId) -> bool {
        let places = self.places.lock();
        matches!(places.get(&(broker, Lane::GENERAL)), Some(Place::Open(_, open)) if !open.is_closed())
    }

    /// Until when no attempt to connect to the broker will be made, if so.
    pub(crate) fn backs_off_until(&self, broker: BrokerId) -> Option<Instant> {
        self.reconnects.lock().get(&broker).and_then(Reconnect::not_before)
    }

    /// Lets all connections of an owner end once they have no requests left.
    pub(crate) fn release(&self, owner: OwnerId) {
        self.drain(|(_, lane)| lane.owner() == owner);
    }

    /// Lets the connections to bootstrap addresses end: the brokers have names now.
    pub(crate) fn release_bootstrap(&self) {
        self.drain(|(broker, _)| broker.is_seed());
    }

    /// Opens no more connections and lets those that are open finish what they were asked.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.drain(|_| true);
    }

    /// Where a broker listens.
    pub(crate) fn address(&self, broker: BrokerId) -> Option<Address> {
        match broker.seed_index() {
            Some(index) => self.bootstrap.get(index).cloned(),
            None => self.cluster.load().broker(broker).map(|known| known.address.clone()),
        }
    }

    fn drain(&self, which: impl Fn(&Key) -> bool) {
        self.places.lock().retain(|key, place| {
            let kept = !which(key);
            if let (false, Place::Open(_, connection)) = (kept, place) {
                connection.drain();
            }
            kept
        });
    }

    /// The open connection, or the attempt to wait for.
    fn look(
        self: &Arc<Self>,
        broker: BrokerId,
        lane: Lane,
    ) -> Result<Result<Connection, Opening>, ConnectError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(ConnectError::Closed);
        }
        let named = self.address(broker).ok_or(ConnectError::UnknownBroker { broker })?;
        let mut places = self.places.lock();
        match places.get(&(broker, lane)) {
            Some(Place::Open(at, open)) if !open.is_closed() => {
                if *at == named {
                    return Ok(Ok(open.clone()));
                }
                // The broker has moved to another address; what was asked there is finished there.
                open.drain();
            }
            Some(Place::Opening(at, opening)) if *at == named => return Ok(Err(opening.clone())),
            _ => {}
        }
        let (done, opening) = oneshot::channel();
        let opening = opening.shared();
        places.insert((broker, lane), Place::Opening(named.clone(), opening.clone()));
        drop(places);
        let attempt = Arc::clone(self).attempt((broker, lane), named, opening.clone(), done);
        self.tasks.spawn(attempt);
        Ok(Err(opening))
    }

    /// Makes one attempt, puts the connection in its place and runs it until it ends.
    async fn attempt(
        self: Arc<Self>,
        key: Key,
        named: Address,
        attempt: Opening,
        done: oneshot::Sender<Opened>,
    ) {
        let client = self.opener.client.clone();
        let opened = tokio::select! {
            biased;
            () = client.cancelled() => Err(ConnectError::Closed),
            opened = self.open(key.0, &named) => opened,
        };
        let (connection, task) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.forget(key, &attempt);
                let _nobody_waits = done.send(Err(error));
                return;
            }
        };
        tracing::debug!(broker = %key.0, lane = ?key.1, address = %connection.address(), "connected");
        self.settle(key, named, &connection, &attempt);
        let _nobody_waits = done.send(Ok(connection));
        // From here on only handles keep the connection: the attempt holds one until it is dropped.
        drop(attempt);
        // The pool may be gone long before the connection is.
        let pool = Arc::downgrade(&self);
        drop(self);
        task.run().await;
        if let Some(pool) = pool.upgrade() {
            pool.sweep(key);
        }
    }

    async fn open(
        &self,
        broker: BrokerId,
        named: &Address,
    ) -> Result<(Connection, super::task::Task), ConnectError> {
        let not_before = self.backs_off_until(broker);
        if let Some(at) = not_before {
            sleep_until(at).await;
        }
        let began = Instant::now();
        let patience = self.with_reconnect(broker, |reconnect| reconnect.patience());
        let opened = self.opener.open(broker, named, patience).await;
        match &opened {
            Ok(_) => self.with_reconnect(broker, Reconnect::succeeded),
            Err(error) => {
                tracing::debug!(%broker, %error, "connecting failed");
                let now = Instant::now();
                self.with_reconnect(broker, |reconnect| reconnect.failed(began, now));
            }
        }
        opened
    }

    fn with_reconnect<T>(&self, broker: BrokerId, f: impl FnOnce(&mut Reconnect) -> T) -> T {
        let mut reconnects = self.reconnects.lock();
        f(reconnects
            .entry(broker)
            .or_insert_with(|| Reconnect::new(self.reconnect, self.setup, self.seeds.next())))
    }

    /// Puts an open connection where its attempt stood. If the place has been given to another
    /// meanwhile, or the pool been closed, the connection serves those who waited for it.
    fn settle(&self, key: Key, named: Address, open: &Connection, attempt: &Opening) {
        let mut places = self.places.lock();
        match places.get_mut(&key) {
            Some(place) if place.is_attempt(attempt) => *place = Place::Open(named, open.clone()),
            _ => {}
        }
    }

    fn forget(&self, key: Key, attempt: &Opening) {
        let mut places = self.places.lock();
        if places.get(&key).is_some_and(|place| place.is_attempt(attempt)) {
            places.remove(&key);
        }
    }

    fn sweep(&self, key: Key) {
        let mut places = self.places.lock();
        if matches!(places.get(&key), Some(Place::Open(_, ended)) if ended.is_closed()) {
            places.remove(&key);
        }
    }
}

impl Place {
    fn is_attempt(&self, attempt: &Opening) -> bool {
        matches!(self, Self::Opening(_, opening) if opening.ptr_eq(attempt))
    }
}
