//! How bytes get to a broker: TCP, or whatever the application brings.

mod address;
mod closure;
mod tcp;

use std::fmt;
use std::io;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

pub use address::{Address, AddressError};
pub use closure::{FnConnector, from_fn};
pub use tcp::TcpConnector;

/// A byte stream to a broker.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Transport for T {}

/// A transport of a type only its connector knows.
pub type BoxTransport = Box<dyn Transport>;

/// Opens transports.
///
/// Whatever secures a transport (TLS, a proxy) belongs into the connector: what it returns is
/// trusted to lead to the broker that was asked for. Neither method needs a time-out of its own:
/// the caller bounds them by the connection setup timeout and drops them when it has passed.
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// The addresses behind a broker's name, in the order in which they are to be tried (KIP-302).
    ///
    /// By default the name itself, unresolved.
    fn resolve<'a>(&'a self, named: &'a Address) -> BoxFuture<'a, io::Result<Vec<Address>>> {
        Box::pin(async move { Ok(vec![named.clone()]) })
    }

    /// Opens a transport to one of the addresses that [`resolve`](Self::resolve) gave.
    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxTransport>>;
}
