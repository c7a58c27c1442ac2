//! Which broker coordinates a group or a transactional id.

use std::fmt;
use std::sync::Arc;

use foldhash::HashMap;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::broker::BrokerId;
use crate::cluster::Broker;
use crate::connection::Connection;
use crate::connector::Address;
use crate::error::{CoordinatorError, RequestError};
use crate::metadata::{Asker, Attempts, Metadata, Repeat};
use crate::retry::{Retry, RetryPolicy};

/// From which version on several keys are asked for at once (KIP-699).
const BATCHED: i16 = 4;

/// From which version on there are coordinators of something else than groups.
const TYPED: i16 = 1;

/// Of what a coordinator is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CoordinatorKind {
    /// A consumer group.
    Group,
    /// A transactional id.
    Transaction,
}

impl CoordinatorKind {
    fn number(self) -> i8 {
        match self {
            Self::Group => 0,
            Self::Transaction => 1,
        }
    }
}

impl fmt::Display for CoordinatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Group => "group",
            Self::Transaction => "transaction",
        })
    }
}

/// Coordinators that have been found, until somebody says that they no longer are.
#[derive(Debug)]
pub(crate) struct Coordinators {
    asker: Arc<Asker>,
    policy: RetryPolicy,
    found: Mutex<HashMap<CoordinatorKind, HashMap<Box<str>, BrokerId>>>,
}

impl Coordinators {
    pub(crate) fn new(asker: Arc<Asker>, policy: RetryPolicy) -> Self {
        Self { asker, policy, found: Mutex::default() }
    }

    /// The coordinator of `key`, looked up if it is not known.
    pub(crate) async fn find(
        &self,
        kind: CoordinatorKind,
        key: &str,
        deadline: Instant,
        metadata: &Metadata,
        seed: u64,
    ) -> Result<BrokerId, CoordinatorError> {
        if let Some(known) = self.found.lock().get(&kind).and_then(|found| found.get(key)) {
            return Ok(*known);
        }
        let mut retry = Retry::until(deadline, self.policy, seed);
        let attempts = Attempts::default();
        loop {
            let asked = self.asker.ask(Repeat::Freely, &attempts, |c| ask(c, kind, key));
            let answer = timeout_at(deadline, asked).await.ok().flatten();
            let code = answer.as_ref().map(|answer| answer.error_code);
            match (answer, code) {
                (Some(answer), Some(ErrorCode::NONE)) => {
                    return Ok(self.keep(kind, key, &answer, metadata).await);
                }
                (_, Some(code)) if !code.is_retriable() => {
                    return Err(CoordinatorError::Refused { kind, key: key.to_owned(), code });
                }
                _ => {}
            }
            if attempts.lock().iter().any(RequestError::is_fatal) {
                return Err(CoordinatorError::Closed);
            }
            if !retry.wait().await {
                let (key, attempts) = (key.to_owned(), attempts.into_inner().into());
                return Err(match code {
                    Some(code) => CoordinatorError::Unavailable { kind, key, code },
                    None => CoordinatorError::Unreachable { kind, key, attempts },
                });
            }
        }
    }

    /// Forgets who coordinates `key`, so that the next use looks it up.
    pub(crate) fn forget(&self, kind: CoordinatorKind, key: &str) {
        if let Some(found) = self.found.lock().get_mut(&kind) {
            found.remove(key);
        }
    }

    async fn keep(
        &self,
        kind: CoordinatorKind,
        key: &str,
        answer: &Coordinator,
        metadata: &Metadata,
    ) -> BrokerId {
        let id = BrokerId(answer.node_id);
        let port = u16::try_from(answer.port).unwrap_or(0);
        if port > 0 && metadata.cluster().broker(id).is_none() {
            let address = Address::new(answer.host.as_str(), port);
            metadata.learn(Broker { id, address, rack: None }).await;
        }
        tracing::debug!(%kind, key, broker = %id, "coordinator found");
        self.found.lock().entry(kind).or_default().insert(key.into(), id);
        id
    }
}

/// Asks one broker, in the words of its version.
async fn ask(
    connection: Connection,
    kind: CoordinatorKind,
    key: &str,
) -> Result<Coordinator, RequestError> {
    let version = connection.versions().negotiate::<FindCoordinatorRequest>()?;
    let mut request = FindCoordinatorRequest::default();
    if version >= TYPED || kind != CoordinatorKind::Group {
        request.key_type = kind.number();
    }
    if version >= BATCHED {
        request.coordinator_keys.push(key.to_owned());
    } else {
        key.clone_into(&mut request.key);
    }
    Ok(only(connection.request(&request).await?, version, key))
}

/// The one coordinator that was asked for, in the form of the newer versions.
fn only(response: FindCoordinatorResponse, version: i16, key: &str) -> Coordinator {
    if version < BATCHED {
        return Coordinator {
            key: key.to_owned(),
            node_id: response.node_id,
            host: response.host,
            port: response.port,
            error_code: response.error_code,
            error_message: response.error_message,
        };
    }
    let found = response.coordinators.into_iter().find(|coordinator| coordinator.key == key);
    found.unwrap_or_else(|| Coordinator {
        // An answer about something else is no answer: ask again.
        error_code: ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ..Coordinator::default()
    })
}
