//! From settings to a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::compression::Codecs;

use super::properties::{self, Dialect, Tcp};
use super::{ClientConfig, ConfigError, ConfigErrors};
use crate::client::Client;
use crate::connector::{Address, Connector};
use crate::retry::RetryPolicy;

/// Collects the settings of a client. Of two calls for the same setting the later one counts.
///
/// ```
/// use ottla_client::{Client, Dialect};
///
/// let client = Client::builder()
///     .properties(Dialect::Java, [("bootstrap.servers", "localhost:9092")])
///     .client_id("billing")
///     .build()?;
/// # let _ = client;
/// # Ok::<(), ottla_client::ConfigErrors>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    pub(super) config: ClientConfig,
    pub(super) tcp: Tcp,
    connector: Option<Arc<dyn Connector>>,
    pub(super) errors: Vec<ConfigError>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            config: ClientConfig {
                bootstrap: Arc::from([]),
                client_id: Arc::from("ottla"),
                rack: None,
                request_timeout: Duration::from_secs(30),
                api_timeout: Duration::from_secs(60),
                connection_setup_timeout: Duration::from_secs(10),
                connection_setup_timeout_max: Duration::from_secs(30),
                reconnect: RetryPolicy::doubling(Duration::from_millis(50), Duration::from_secs(1)),
                retry: RetryPolicy::doubling(Duration::from_millis(100), Duration::from_secs(1)),
                metadata_max_age: Duration::from_secs(300),
                allow_auto_create_topics: false,
                connections_max_idle: Some(Duration::from_secs(540)),
                max_response_size: 100 * 1024 * 1024,
                codecs: Codecs::default(),
                connector: Arc::new(crate::connector::TcpConnector::new()),
                seed: None,
            },
            tcp: Tcp::default(),
            connector: None,
            errors: Vec::new(),
        }
    }

    /// Addresses to begin with, as `host:port`; see [`ClientConfig::bootstrap`].
    pub fn bootstrap<I>(mut self, addresses: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut bootstrap: Vec<Address> = Vec::new();
        for text in addresses {
            let text = text.as_ref().trim();
            match text.parse() {
                Ok(address) if bootstrap.contains(&address) => {}
                Ok(address) => bootstrap.push(address),
                Err(error) => {
                    let expected = format!("host:port is expected, but {error}");
                    self.errors.push(ConfigError::invalid("bootstrap.servers", text, expected));
                }
            }
        }
        self.config.bootstrap = bootstrap.into();
        self
    }

    /// Settings under their Java or librdkafka names.
    ///
    /// The two differ in defaults as well: with [`Dialect::Librdkafka`], whatever the map leaves
    /// out is as librdkafka has it. A name that this client does not know is an error.
    pub fn properties<I, K, V>(mut self, dialect: Dialect, properties: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        dialect.set_defaults(&mut self);
        for (name, value) in properties {
            self = properties::set(self, dialect, name.as_ref(), value.as_ref().trim());
        }
        self
    }

    /// See [`ClientConfig::client_id`].
    pub fn client_id(mut self, name: impl Into<Arc<str>>) -> Self {
        self.config.client_id = name.into();
        self
    }

    /// See [`ClientConfig::rack`].
    pub fn rack(mut self, rack: impl Into<Arc<str>>) -> Self {
        self.config.rack = Some(rack.into()).filter(|rack: &Arc<str>| !rack.is_empty());
        self
    }

    /// See [`ClientConfig::request_timeout`].
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// See [`ClientConfig::api_timeout`].
    pub fn api_timeout(mut self, timeout: Duration) -> Self {
        self.config.api_timeout = timeout;
        self
    }

    /// See [`ClientConfig::connection_setup_timeout`] and
    /// [`ClientConfig::connection_setup_timeout_max`].
    pub fn connection_setup_timeout(mut self, first: Duration, max: Duration) -> Self {
        self.config.connection_setup_timeout = first;
        self.config.connection_setup_timeout_max = max;
        self
    }

    /// See [`ClientConfig::reconnect`].
    pub fn reconnect(mut self, policy: RetryPolicy) -> Self {
        self.config.reconnect = policy;
        self
    }

    /// See [`ClientConfig::retry`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.config.retry = policy;
        self
    }

    /// See [`ClientConfig::metadata_max_age`].
    pub fn metadata_max_age(mut self, age: Duration) -> Self {
        self.config.metadata_max_age = age;
        self
    }

    /// See [`ClientConfig::allow_auto_create_topics`].
    pub fn allow_auto_create_topics(mut self, allow: bool) -> Self {
        self.config.allow_auto_create_topics = allow;
        self
    }

    /// See [`ClientConfig::connections_max_idle`].
    pub fn connections_max_idle(mut self, idle: Option<Duration>) -> Self {
        self.config.connections_max_idle = idle;
        self
    }

    /// See [`ClientConfig::max_response_size`].
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.config.max_response_size = bytes;
        self
    }

    /// See [`ClientConfig::codecs`].
    pub fn codecs(mut self, codecs: Codecs) -> Self {
        self.config.codecs = codecs;
        self
    }

    /// See [`ClientConfig::connector`]. Properties of sockets have no effect on it.
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// See [`ClientConfig::seed`].
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = Some(seed);
        self
    }

    /// The client.
    ///
    /// Does no I/O and needs no runtime: connections are opened, and tasks started, by the first
    /// use inside a tokio runtime.
    ///
    /// # Errors
    /// Everything that is wrong with the settings, at once.
    pub fn build(mut self) -> Result<Client, ConfigErrors> {
        self.config.connector = match self.connector.take() {
            Some(connector) => connector,
            None => Arc::new(self.tcp.connector()),
        };
        self.judge();
        ConfigErrors::unless_empty(self.errors)?;
        Ok(Client::new(self.config))
    }

    fn judge(&mut self) {
        let (config, errors) = (&self.config, &mut self.errors);
        let named = |error: &ConfigError| error.setting == "bootstrap.servers";
        if config.bootstrap.is_empty() && !errors.iter().any(named) {
            errors.push(ConfigError::missing("bootstrap.servers"));
        }
        if i16::try_from(config.client_id.len()).is_err() {
            let value = format!("{} bytes", config.client_id.len());
            errors.push(ConfigError::invalid("client.id", value, "at most 32767 bytes fit"));
        }
        if config.max_response_size < 1024 || i32::try_from(config.max_response_size).is_err() {
            let expected = "a length from 1 KiB to 2 GiB is expected";
            let (name, value) = ("receive.message.max.bytes", config.max_response_size);
            errors.push(ConfigError::invalid(name, value, expected));
        }
        for (name, duration) in [
            ("request.timeout.ms", config.request_timeout),
            ("default.api.timeout.ms", config.api_timeout),
            ("socket.connection.setup.timeout.ms", config.connection_setup_timeout),
            ("metadata.max.age.ms", config.metadata_max_age),
            ("connections.max.idle.ms", config.connections_max_idle.unwrap_or(LONGEST)),
        ] {
            if duration.is_zero() || duration > LONGEST {
                errors.push(ConfigError::invalid(
                    name,
                    Shown(duration),
                    "1 ms to 1 year is expected",
                ));
            }
        }
        for (name, least, max_name, max) in [
            (
                "socket.connection.setup.timeout.ms",
                config.connection_setup_timeout,
                "socket.connection.setup.timeout.max.ms",
                config.connection_setup_timeout_max,
            ),
            (
                "reconnect.backoff.ms",
                config.reconnect.initial,
                "reconnect.backoff.max.ms",
                config.reconnect.max,
            ),
            ("retry.backoff.ms", config.retry.initial, "retry.backoff.max.ms", config.retry.max),
        ] {
            if least > max {
                let reason = format!("{} is above its maximum {}", Shown(least), Shown(max));
                errors.push(ConfigError::contradiction(name, max_name, reason));
            }
            if max > LONGEST {
                errors.push(ConfigError::invalid(
                    max_name,
                    Shown(max),
                    "at most 1 year is expected",
                ));
            }
        }
    }
}

/// Longer than this no timer counts reliably, and nobody means it.
const LONGEST: Duration = Duration::from_secs(86_400 * 365);

struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
