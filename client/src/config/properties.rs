//! Settings under the dotted names that Java's client and librdkafka give them.

use std::str::FromStr;
use std::time::Duration;

use super::{ClientBuilder, ConfigError, ConfigFault};
use crate::connector::TcpConnector;
use crate::retry::RetryPolicy;

/// Whose names and defaults a property map means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Kafka's own Java client.
    Java,
    /// librdkafka and what is built on it.
    Librdkafka,
}

/// What properties say about sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tcp {
    send_buffer: Option<u32>,
    receive_buffer: Option<u32>,
    nagle: bool,
    no_keepalive: bool,
}

impl Tcp {
    pub(super) fn connector(self) -> TcpConnector {
        let mut tcp = TcpConnector::new().nodelay(!self.nagle).keepalive(!self.no_keepalive);
        if let Some(bytes) = self.send_buffer {
            tcp = tcp.send_buffer(bytes);
        }
        if let Some(bytes) = self.receive_buffer {
            tcp = tcp.receive_buffer(bytes);
        }
        tcp
    }
}

/// A setting this crate has: its name in each dialect, empty where it has none, and what it does.
struct Property {
    java: &'static str,
    librdkafka: &'static str,
    set: fn(ClientBuilder, Value<'_>) -> ClientBuilder,
}

/// Where the dialects agree on a name it stands once.
const PROPERTIES: &[Property] = &[
    both("bootstrap.servers", |builder, value| builder.bootstrap(value.list())),
    librdkafka("metadata.broker.list", |builder, value| builder.bootstrap(value.list())),
    both("client.id", |builder, value| builder.client_id(value.text)),
    both("client.rack", |builder, value| builder.rack(value.text)),
    java("request.timeout.ms", |b, v| v.millis(b, |b, d| b.config.request_timeout = d)),
    librdkafka("socket.timeout.ms", |b, v| v.millis(b, |b, d| b.config.request_timeout = d)),
    java("default.api.timeout.ms", |b, v| v.millis(b, |b, d| b.config.api_timeout = d)),
    java("socket.connection.setup.timeout.ms", |b, v| {
        v.millis(b, |b, d| b.config.connection_setup_timeout = d)
    }),
    java("socket.connection.setup.timeout.max.ms", |b, v| {
        v.millis(b, |b, d| b.config.connection_setup_timeout_max = d)
    }),
    librdkafka("socket.connection.setup.timeout.ms", |b, v| {
        v.millis(b, |b, d| {
            b.config.connection_setup_timeout = d;
            b.config.connection_setup_timeout_max = d;
        })
    }),
    both("reconnect.backoff.ms", |b, v| v.millis(b, |b, d| b.config.reconnect.initial = d)),
    both("reconnect.backoff.max.ms", |b, v| v.millis(b, |b, d| b.config.reconnect.max = d)),
    both("retry.backoff.ms", |b, v| v.millis(b, |b, d| b.config.retry.initial = d)),
    both("retry.backoff.max.ms", |b, v| v.millis(b, |b, d| b.config.retry.max = d)),
    java("metadata.max.age.ms", |b, v| v.millis(b, |b, d| b.config.metadata_max_age = d)),
    librdkafka("topic.metadata.refresh.interval.ms", |b, v| {
        v.millis(b, |b, d| b.config.metadata_max_age = d)
    }),
    both("allow.auto.create.topics", |b, v| {
        v.read(b, TRUTH, |b, on| b.config.allow_auto_create_topics = on)
    }),
    java("connections.max.idle.ms", |b, v| {
        v.read(b, "milliseconds are expected, or -1 for never", |b, ms: i64| {
            b.config.connections_max_idle = u64::try_from(ms).ok().map(Duration::from_millis);
        })
    }),
    librdkafka("connections.max.idle.ms", |b, v| {
        v.read(b, "milliseconds are expected, or 0 for never", |b, ms: u64| {
            b.config.connections_max_idle = (ms > 0).then(|| Duration::from_millis(ms));
        })
    }),
    librdkafka("receive.message.max.bytes", |b, v| {
        v.read(b, "a number of bytes is expected", |b, bytes| b.config.max_response_size = bytes)
    }),
    java("send.buffer.bytes", |b, v| v.read(b, BUFFER, |b, n: i64| b.tcp.send_buffer = buffer(n))),
    java("receive.buffer.bytes", |b, v| {
        v.read(b, BUFFER, |b, n: i64| b.tcp.receive_buffer = buffer(n))
    }),
    librdkafka("socket.send.buffer.bytes", |b, v| {
        v.read(b, BUFFER, |b, n: i64| b.tcp.send_buffer = buffer(n))
    }),
    librdkafka("socket.receive.buffer.bytes", |b, v| {
        v.read(b, BUFFER, |b, n: i64| b.tcp.receive_buffer = buffer(n))
    }),
    librdkafka("socket.nagle.disable", |b, v| v.read(b, TRUTH, |b, off: bool| b.tcp.nagle = !off)),
    librdkafka("socket.keepalive.enable", |b, v| {
        v.read(b, TRUTH, |b, on: bool| b.tcp.no_keepalive = !on)
    }),
];

const TRUTH: &str = "true or false is expected";
const BUFFER: &str = "a number of bytes is expected, or the operating system's default by -1 or 0";

/// Both dialects mean the operating system's own choice by what is not a size.
fn buffer(bytes: i64) -> Option<u32> {
    u32::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

type Set = fn(ClientBuilder, Value<'_>) -> ClientBuilder;

const fn both(name: &'static str, set: Set) -> Property {
    Property { java: name, librdkafka: name, set }
}

const fn java(name: &'static str, set: Set) -> Property {
    Property { java: name, librdkafka: "", set }
}

const fn librdkafka(name: &'static str, set: Set) -> Property {
    Property { java: "", librdkafka: name, set }
}

impl Dialect {
    fn name_of(self, property: &Property) -> &'static str {
        match self {
            Self::Java => property.java,
            Self::Librdkafka => property.librdkafka,
        }
    }

    /// The defaults where they are not ours, which are Java's. Automatic creation of topics stays
    /// off in both: see [`ClientConfig::allow_auto_create_topics`](super::ClientConfig).
    pub(super) fn set_defaults(self, builder: &mut ClientBuilder) {
        if self == Self::Librdkafka {
            let config = &mut builder.config;
            config.client_id = "rdkafka".into();
            config.request_timeout = Duration::from_secs(60);
            config.connection_setup_timeout = Duration::from_secs(30);
            config.reconnect =
                RetryPolicy::doubling(Duration::from_millis(100), Duration::from_secs(10));
            config.connections_max_idle = None;
            config.max_response_size = 100_000_000;
            builder.tcp.nagle = true;
            builder.tcp.no_keepalive = true;
        }
    }
}

/// Sets one property.
pub(super) fn set(
    mut builder: ClientBuilder,
    dialect: Dialect,
    name: &str,
    text: &str,
) -> ClientBuilder {
    let names = PROPERTIES.iter().map(|property| (dialect.name_of(property), property));
    let mut names = names.filter(|(known, _)| !known.is_empty());
    if let Some((name, property)) = names.clone().find(|(known, _)| *known == name) {
        return (property.set)(builder, Value { name, text });
    }
    let nearest = names
        .by_ref()
        .map(|(known, _)| (distance(known, name), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 4);
    let fault = ConfigFault::Unknown { nearest: nearest.map(|(_, known)| known) };
    builder.errors.push(ConfigError { setting: name.to_owned().into(), fault });
    builder
}

/// A property's value as it was written.
#[derive(Clone, Copy)]
struct Value<'a> {
    name: &'static str,
    text: &'a str,
}

impl<'a> Value<'a> {
    fn list(self) -> impl Iterator<Item = &'a str> {
        self.text.split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    fn millis(
        self,
        builder: ClientBuilder,
        put: impl FnOnce(&mut ClientBuilder, Duration),
    ) -> ClientBuilder {
        self.read(builder, "milliseconds are expected", |builder, millis: u64| {
            put(builder, Duration::from_millis(millis));
        })
    }

    fn read<T: FromStr>(
        self,
        mut builder: ClientBuilder,
        expected: &'static str,
        put: impl FnOnce(&mut ClientBuilder, T),
    ) -> ClientBuilder {
        match self.text.parse() {
            Ok(value) => put(&mut builder, value),
            Err(_) => builder.errors.push(ConfigError::invalid(self.name, self.text, expected)),
        }
        builder
    }
}

/// How many letters have to be put in, left out or changed to make one name the other
/// (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, r) in row.iter_mut().skip(1).zip(right.chars()) {
            let above = *cell;
            before = (diagonal + usize::from(l != r)).min(above + 1).min(before + 1);
            *cell = before;
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}
