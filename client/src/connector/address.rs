//! A broker's host and port.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// Where a broker listens: the name it is known by and, once resolved, one of its IP addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: Arc<str>,
    port: u16,
    ip: Option<IpAddr>,
}

impl Address {
    /// A host, not yet resolved, and a port. IPv6 addresses come without brackets.
    #[must_use]
    pub fn new(host: impl Into<Arc<str>>, port: u16) -> Self {
        Self { host: host.into(), port, ip: None }
    }

    /// The same name at one of its IP addresses.
    #[must_use]
    pub fn at(&self, ip: IpAddr) -> Self {
        Self { host: Arc::clone(&self.host), port: self.port, ip: Some(ip) }
    }

    /// The host's name as it was configured or advertised; what a certificate has to match.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The IP address, once resolved.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host.escape_debug(), self.port)?;
        } else {
            // The host may come from a peer: nothing in it may look like a log line of ours.
            write!(f, "{}:{}", self.host.escape_debug(), self.port)?;
        }
        match self.ip {
            Some(ip) if *ip.to_string() != *self.host => {
                write!(f, " ({})", SocketAddr::new(ip, self.port))
            }
            _ => Ok(()),
        }
    }
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no `:port` at the end.
    #[error("the port is missing")]
    NoPort,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// There is nothing in front of the port.
    #[error("the host is missing")]
    NoHost,
    /// The host has characters that no host name has.
    #[error("the host has a character that no host name has")]
    Host,
}

/// Reads `host:port`, `[ipv6]:port` and, as Java does, `PROTOCOL://host:port`, whose protocol is
/// ignored.
impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(host) => host,
            // An IPv6 address without brackets: its last group is not a port.
            None if host.contains(':') => return Err(AddressError::NoPort),
            None => host,
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if !host.chars().all(allowed) {
            return Err(AddressError::Host);
        }
        match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Self::new(host, port)),
            _ => Err(AddressError::Port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    #[test]
    fn reads_what_people_write() {
        for (text, host, port) in [
            ("localhost:9092", "localhost", 9092),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[::1]:9092", "::1", 9092),
            ("PLAINTEXT://kafka-1.example:65535", "kafka-1.example", 65535),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host(), address.port()), (host, port));
        }
    }

    #[test]
    fn refuses_what_is_not_an_address() {
        for (text, error) in [
            ("localhost", AddressError::NoPort),
            ("::1", AddressError::NoPort),
            ("localhost:", AddressError::Port),
            ("localhost:0", AddressError::Port),
            ("localhost:70000", AddressError::Port),
            (":9092", AddressError::NoHost),
            ("a b:9092", AddressError::Host),
            ("a\nb:9092", AddressError::Host),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn shows_the_name_and_what_it_stands_for() {
        let address = Address::new("kafka", 9092);
        assert_eq!(address.to_string(), "kafka:9092");
        assert_eq!(address.at([10, 0, 0, 1].into()).to_string(), "kafka:9092 (10.0.0.1:9092)");
        assert_eq!(Address::new("10.0.0.1", 1).at([10, 0, 0, 1].into()).to_string(), "10.0.0.1:1");
        assert_eq!(Address::new("::1", 1).to_string(), "[::1]:1");
    }
}
