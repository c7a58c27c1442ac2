//! What went over the wire.

use std::sync::atomic::{AtomicU64, Ordering};

use ottla_protocol::ApiKey;

/// Room for every API key there is, with some to spare; stranger keys are not counted.
const KEYS: usize = 128;

/// What a cluster has counted since it was built. All numbers include length prefixes and headers.
#[derive(Debug)]
pub struct Counters {
    apis: [PerApi; KEYS],
    connections: AtomicU64,
    connected: AtomicU64,
    surplus: AtomicU64,
}

#[derive(Debug, Default)]
struct PerApi {
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            apis: std::array::from_fn(|_| PerApi::default()),
            connections: AtomicU64::new(0),
            connected: AtomicU64::new(0),
            surplus: AtomicU64::new(0),
        }
    }

    /// Requests received of this API, those not answered included.
    pub fn requests(&self, key: ApiKey) -> u64 {
        self.api(key).map_or(0, |api| api.requests.load(Ordering::Relaxed))
    }

    /// Bytes of the requests of this API.
    pub fn bytes_in(&self, key: ApiKey) -> u64 {
        self.api(key).map_or(0, |api| api.bytes_in.load(Ordering::Relaxed))
    }

    /// Bytes of the responses of this API.
    pub fn bytes_out(&self, key: ApiKey) -> u64 {
        self.api(key).map_or(0, |api| api.bytes_out.load(Ordering::Relaxed))
    }

    /// Connections open now, over all brokers.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections ever accepted.
    pub fn connections_accepted(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    /// Bytes that followed the end of a request within its frame: a client that writes what its
    /// version does not have. Brokers ignore them.
    pub fn surplus_bytes(&self) -> u64 {
        self.surplus.load(Ordering::Relaxed)
    }

    pub(crate) fn surplus(&self, bytes: usize) {
        self.surplus.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, key: ApiKey, bytes: usize) {
        if let Some(api) = self.api(key) {
            api.requests.fetch_add(1, Ordering::Relaxed);
            api.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn sent(&self, key: ApiKey, bytes: usize) {
        if let Some(api) = self.api(key) {
            api.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    fn api(&self, key: ApiKey) -> Option<&PerApi> {
        self.apis.get(usize::try_from(key.0).ok()?)
    }
}
