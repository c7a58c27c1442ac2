//! A client's settings, under our names and under Kafka's.

mod builder;
mod error;
mod properties;

use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::compression::Codecs;

use crate::connector::{Address, Connector};
use crate::retry::RetryPolicy;

pub use self::builder::ClientBuilder;
pub use self::error::{ConfigError, ConfigErrors, ConfigFault};
pub use self::properties::Dialect;

/// The settings of a client after [`ClientBuilder::build`] has checked them.
///
/// Each names its Java property; librdkafka's is given where it differs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Where to begin (`bootstrap.servers`; `metadata.broker.list`).
    pub bootstrap: Arc<[Address]>,
    /// The name in the brokers' logs and quotas (`client.id`). Default: `ottla`.
    pub client_id: Arc<str>,
    /// The rack the client is in, for reading from a near replica (`client.rack`).
    pub rack: Option<Arc<str>>,
    /// How long a broker may take to answer (`request.timeout.ms`; `socket.timeout.ms`).
    /// Default: 30 s.
    pub request_timeout: Duration,
    /// How long an operation may take that states no deadline of its own, its retries included
    /// (`default.api.timeout.ms`). Default: 60 s.
    pub api_timeout: Duration,
    /// How long setting up a connection may take at first, name resolution and handshake included
    /// (`socket.connection.setup.timeout.ms`). Default: 10 s.
    pub connection_setup_timeout: Duration,
    /// How long it may take after repeated failures, each of which doubles it
    /// (`socket.connection.setup.timeout.max.ms`). Default: 30 s.
    pub connection_setup_timeout_max: Duration,
    /// Waits between attempts to connect to a broker (`reconnect.backoff.ms`,
    /// `reconnect.backoff.max.ms`). Default: 50 ms to 1 s.
    pub reconnect: RetryPolicy,
    /// Waits between attempts at a request (`retry.backoff.ms`, `retry.backoff.max.ms`). Default:
    /// 100 ms to 1 s.
    pub retry: RetryPolicy,
    /// When metadata is refreshed though nothing seems wrong with it (`metadata.max.age.ms`).
    /// Default: 5 minutes.
    pub metadata_max_age: Duration,
    /// Whether a topic is created by asking for it, where the brokers allow that
    /// (`allow.auto.create.topics`). Default: false, also for producers: a misspelt name is an
    /// error here, not a new topic with the brokers' default partitions.
    pub allow_auto_create_topics: bool,
    /// When a connection without requests is closed (`connections.max.idle.ms`); `None`: never.
    /// Default: 9 minutes, a minute before the brokers do it.
    pub connections_max_idle: Option<Duration>,
    /// The longest response that is read, in bytes (`receive.message.max.bytes` in librdkafka).
    /// Default: 100 MiB.
    pub max_response_size: usize,
    /// The codecs for record batches. Default: those of the enabled features.
    pub codecs: Codecs,
    /// What opens connections. Default: [`TcpConnector`](crate::connector::TcpConnector).
    pub connector: Arc<dyn Connector>,
    /// Where all randomness of the client begins; the same seed gives the same choices. Default:
    /// another one each time.
    pub seed: Option<u64>,
}
