//! From a broker's address to a connection.

use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::api::{ApiVersionsRequest, ApiVersionsResponse, Request};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::handshake::{handshake, is_worth_version_zero};
use super::state::{Limits, State};
use super::task::Task;
use super::versions::ApiVersions;
use super::{Connection, Defaults, QUEUE};
use crate::broker::BrokerId;
use crate::connector::{Address, BoxTransport, Connector};
use crate::error::{AddressFailure, ConnectError, ConnectFailure, HandshakeError};
use crate::features::Features;

/// Opens connections: resolves, connects, shakes hands.
#[derive(Debug)]
pub(crate) struct Opener {
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) client_id: Arc<str>,
    pub(crate) limits: Limits,
    pub(crate) features: Features,
    /// Cancelled when the client ends; every connection ends with it.
    pub(crate) client: CancellationToken,
}

impl Opener {
    /// Tries all addresses behind `named` in turn (KIP-302), each for at most `patience`: name
    /// resolution, connecting and the handshake included (KIP-601).
    ///
    /// Returns the connection's handle and the task that has to run for it.
    pub(super) async fn open(
        &self,
        broker: BrokerId,
        named: &Address,
        patience: Duration,
    ) -> Result<(Connection, Task), ConnectError> {
        let mut failures = Vec::new();
        let deadline = Instant::now() + patience;
        let addresses = match timeout_at(deadline, self.connector.resolve(named)).await {
            Ok(Ok(addresses)) => addresses,
            failed => {
                let failure = match failed {
                    Ok(Err(error)) => ConnectFailure::Resolve(Arc::new(error)),
                    _ => ConnectFailure::TimedOut(patience),
                };
                failures.push(AddressFailure { address: named.clone(), failure });
                Vec::new()
            }
        };
        for (index, address) in addresses.into_iter().enumerate() {
            // Resolving counts as a part of the first attempt.
            let deadline = if index == 0 { deadline } else { Instant::now() + patience };
            match timeout_at(deadline, self.attempt(&address)).await {
                Ok(Ok((transport, response))) => {
                    return Ok(self.assemble(broker, address, transport, response));
                }
                Ok(Err(failure)) => failures.push(AddressFailure { address, failure }),
                Err(_) => failures
                    .push(AddressFailure { address, failure: ConnectFailure::TimedOut(patience) }),
            }
        }
        Err(ConnectError::Unreachable { broker, named: named.clone(), failures: failures.into() })
    }

    async fn attempt(
        &self,
        address: &Address,
    ) -> Result<(BoxTransport, ApiVersionsResponse), ConnectFailure> {
        let newest = ApiVersionsRequest::VERSIONS.max;
        match self.attempt_at(address, newest).await {
            Err(ConnectFailure::Handshake(error)) if is_worth_version_zero(&error, newest) => {
                tracing::debug!(%address, %error, "asking again with ApiVersions 0");
                self.attempt_at(address, 0).await
            }
            outcome => outcome,
        }
    }

    async fn attempt_at(
        &self,
        address: &Address,
        version: i16,
    ) -> Result<(BoxTransport, ApiVersionsResponse), ConnectFailure> {
        let mut transport = self
            .connector
            .connect(address)
            .await
            .map_err(|error| ConnectFailure::Connect(Arc::new(error)))?;
        let response = handshake(&mut transport, &self.client_id, version)
            .await
            .map_err(ConnectFailure::Handshake)?;
        Ok((transport, response))
    }

    fn assemble(
        &self,
        broker: BrokerId,
        address: Address,
        transport: BoxTransport,
        response: ApiVersionsResponse,
    ) -> (Connection, Task) {
        let throttled = u64::try_from(response.throttle_time_ms).unwrap_or(0);
        self.features.learn(&response);
        let versions = ApiVersions::new(broker, response);
        let state = Arc::new(State::new(broker, address, versions, &self.client));
        let (queue, commands) = mpsc::channel(QUEUE);
        let task = Task::new(Arc::clone(&state), self.limits, commands, transport);
        let defaults = Defaults {
            client_id: Arc::clone(&self.client_id),
            timeout: self.limits.request_timeout,
        };
        let connection = Connection { queue, state, defaults };
        connection.throttle(Duration::from_millis(throttled));
        (connection, task)
    }
}

impl From<HandshakeError> for ConnectFailure {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}
