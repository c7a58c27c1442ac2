//! Free ports on the loopback.

use std::{fs, io, net::TcpListener, ops::Range};

/// Ports that are kept free by listening on them until this is dropped. Afterwards another process
/// may take one before a node does: whoever starts nodes must be ready to try again.
#[derive(Debug)]
pub(crate) struct Ports {
    listeners: Vec<TcpListener>,
    numbers: Vec<u16>,
}

impl Ports {
    /// Finds `count` free ports.
    ///
    /// They lie outside the range from which the kernel picks the ports of outgoing connections:
    /// while a node is down, a client that retries must not be given that node's port as its own
    /// end, and so connect to itself or keep the node from coming back.
    pub(crate) fn find(count: usize) -> io::Result<Self> {
        let range = usable();
        let mut found = Self { listeners: Vec::new(), numbers: Vec::new() };
        for _ in 0..TRIES {
            if found.numbers.len() == count {
                return Ok(found);
            }
            let port = fastrand::u16(range.clone());
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
                found.listeners.push(listener);
                found.numbers.push(port);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("no {count} free ports among {TRIES} tried in {range:?}"),
        ))
    }

    /// The ports found.
    pub(crate) fn numbers(&self) -> &[u16] {
        &self.numbers
    }
}

fn usable() -> Range<u16> {
    // Linux says where its own range begins; elsewhere it begins at 49152 (IANA).
    let outgoing = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<u16>().ok());
    below(outgoing.unwrap_or(FIRST_OUTGOING))
}

fn below(outgoing: u16) -> Range<u16> {
    if outgoing >= LOWEST + SPREAD { LOWEST..outgoing } else { LOWEST..FIRST_OUTGOING }
}

/// Below this, ports have well-known owners.
const LOWEST: u16 = 12_000;

/// Fewer ports than this to choose from would make collisions likely.
const SPREAD: u16 = 2_000;

const FIRST_OUTGOING: u16 = 32_768;

const TRIES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_and_free_again_once_released() {
        let ports = Ports::find(6).unwrap();
        let taken = ports.numbers()[0];
        assert!(TcpListener::bind(("127.0.0.1", taken)).is_err(), "kept while not released");
        let mut numbers = ports.numbers().to_vec();
        drop(ports);
        // A process that another thread starts holds our listeners until it runs its program.
        while TcpListener::bind(("127.0.0.1", taken)).is_err() {}
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 6);
    }

    #[test]
    fn ports_of_outgoing_connections_are_avoided() {
        assert_eq!(below(32_768), 12_000..32_768);
        assert_eq!(below(20_000), 12_000..20_000);
        assert_eq!(below(1_024), 12_000..32_768, "where there is no room below, any will do");
    }
}
