//! TCP, without delay and with keep-alive.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpSocket;

use super::{Address, BoxTransport, Connector};

/// How long a connection may be silent before the operating system asks whether the peer is
/// still there: shorter than the idle limits of the usual load balancers and firewalls.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Connects over TCP, resolving names with the operating system's resolver.
#[derive(Clone, Debug)]
pub struct TcpConnector {
    nodelay: bool,
    keepalive: bool,
    send_buffer: Option<u32>,
    receive_buffer: Option<u32>,
}

impl Default for TcpConnector {
    fn default() -> Self {
        Self { nodelay: true, keepalive: true, send_buffer: None, receive_buffer: None }
    }
}

impl TcpConnector {
    /// No delay, keep-alive, and the operating system's buffer sizes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether small writes leave at once (`TCP_NODELAY`). Default: true.
    #[must_use]
    pub fn nodelay(mut self, on: bool) -> Self {
        self.nodelay = on;
        self
    }

    /// Whether the operating system probes silent peers (`SO_KEEPALIVE`). Default: true.
    #[must_use]
    pub fn keepalive(mut self, on: bool) -> Self {
        self.keepalive = on;
        self
    }

    /// The socket's send buffer in bytes (`send.buffer.bytes`). Default: the operating system's.
    #[must_use]
    pub fn send_buffer(mut self, bytes: u32) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// The socket's receive buffer in bytes (`receive.buffer.bytes`). Default: the operating
    /// system's.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    fn socket(&self, to: SocketAddr) -> io::Result<TcpSocket> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Buffers are set before connecting: the window's scale is agreed in the first packet.
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        Ok(socket)
    }

    async fn open(&self, to: SocketAddr) -> io::Result<BoxTransport> {
        let stream = self.socket(to)?.connect(to).await?;
        stream.set_nodelay(self.nodelay)?;
        if self.keepalive {
            let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
            SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        }
        Ok(Box::new(stream))
    }
}

impl Connector for TcpConnector {
    fn resolve<'a>(&'a self, named: &'a Address) -> BoxFuture<'a, io::Result<Vec<Address>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((named.host(), named.port())).await?;
            let mut addresses: Vec<Address> = Vec::new();
            for socket in found {
                let address = named.at(socket.ip());
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
            }
            Ok(addresses)
        })
    }

    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxTransport>> {
        Box::pin(async move {
            let Some(ip) = address.ip() else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "address not resolved"));
            };
            self.open(SocketAddr::new(ip, address.port())).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Connector, TcpConnector};

    #[tokio::test]
    async fn connects_to_what_it_resolved() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connector = TcpConnector::new().send_buffer(64 << 10).receive_buffer(64 << 10);
        let addresses = connector.resolve(&Address::new("127.0.0.1", port)).await.unwrap();
        assert_eq!(addresses.len(), 1);
        let (opened, accepted) = tokio::join!(connector.connect(&addresses[0]), listener.accept());
        opened.unwrap();
        accepted.unwrap();
    }

    /// The operating system may give more than it was asked for (Linux twice as much), not less.
    #[tokio::test]
    async fn buffers_are_as_large_as_they_are_asked_to_be() {
        let to = "127.0.0.1:9".parse().unwrap();
        let sizes = |connector: &TcpConnector| {
            let socket = connector.socket(to).unwrap();
            (socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap())
        };
        let (send, receive) = sizes(&TcpConnector::new().send_buffer(40 << 10));
        assert!((40 << 10..=80 << 10).contains(&send), "{send}");
        let (_, narrow) = sizes(&TcpConnector::new().receive_buffer(24 << 10));
        assert!((24 << 10..=48 << 10).contains(&narrow) && narrow != receive, "{narrow}");
    }
}
