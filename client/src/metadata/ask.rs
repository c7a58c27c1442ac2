//! Asking the cluster something that any broker can answer.

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::broker::BrokerId;
use crate::cluster::Cluster;
use crate::connection::{Connection, Pool};
use crate::error::{ConnectError, Outcome, RequestError};
use crate::lane::Lane;
use crate::random::Seeds;

/// Finds a broker that answers.
#[derive(Debug)]
pub(crate) struct Asker {
    pool: Arc<Pool>,
    cluster: Arc<ArcSwap<Cluster>>,
    bootstrap: usize,
    seeds: Arc<Seeds>,
}

/// Whether a request may be sent to another broker when the first one may have acted on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing: always.
    Freely,
    /// Only if the first broker never got it.
    IfNotWritten,
}

/// What became of each broker that was asked in one round; read while the round is still going on
/// by whoever ran out of time.
pub(crate) type Attempts = Mutex<Vec<RequestError>>;

impl Asker {
    pub(crate) fn new(
        pool: Arc<Pool>,
        cluster: Arc<ArcSwap<Cluster>>,
        bootstrap: usize,
        seeds: Arc<Seeds>,
    ) -> Self {
        Self { pool, cluster, bootstrap, seeds }
    }

    /// Asks one broker after another until one answers. If it is none of the brokers the cluster
    /// named, the bootstrap addresses are asked again (KIP-899). Every failure goes to `attempts`.
    ///
    /// `None` if nobody answered.
    pub(crate) async fn ask<T, F>(
        &self,
        repeat: Repeat,
        attempts: &Attempts,
        ask: impl Fn(Connection) -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        attempts.lock().clear();
        for broker in self.candidates() {
            let error = match self.ask_one(broker, &ask).await {
                Ok(answer) => return Some(answer),
                Err(error) => error,
            };
            tracing::debug!(%broker, %error, "asking the next broker");
            let is_over = error.is_fatal()
                || matches!(error, RequestError::Encode { .. })
                || (repeat == Repeat::IfNotWritten && error.outcome() != Outcome::NotWritten);
            attempts.lock().push(error);
            if is_over {
                break;
            }
        }
        None
    }

    /// Asks one broker. A connection that ended for lack of use just before is replaced.
    async fn ask_one<T, F>(
        &self,
        broker: BrokerId,
        ask: impl Fn(Connection) -> F,
    ) -> Result<T, RequestError>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        let connection = self.connection(broker).await?;
        match ask(connection).await {
            Err(RequestError::Disconnected { sent: false, cause, .. }) if cause.is_quiet() => {
                ask(self.connection(broker).await?).await
            }
            outcome => outcome,
        }
    }

    async fn connection(&self, broker: BrokerId) -> Result<Connection, ConnectError> {
        self.pool.connection(broker, Lane::GENERAL).await
    }

    /// All brokers in the order in which to ask them: those that are connected, those that can be
    /// tried at once, those that failed a moment ago; the bootstrap addresses last within each.
    /// What is left is decided by chance, so that many clients do not all ask the same broker.
    fn candidates(&self) -> Vec<BrokerId> {
        let cluster = self.cluster.load();
        let known = cluster.brokers().map(|broker| broker.id);
        let mut candidates: Vec<_> = known.chain((0..self.bootstrap).map(BrokerId::seed)).collect();
        self.seeds.shuffle(&mut candidates);
        let now = Instant::now();
        candidates.sort_by_cached_key(|broker| {
            let backs_off = self.pool.backs_off_until(*broker).filter(|until| *until > now);
            (backs_off, !self.pool.is_open(*broker), broker.is_seed())
        });
        candidates
    }
}
