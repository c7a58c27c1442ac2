//! Any async function as a connector: in-memory pipes, proxies, tunnels.

use std::fmt;
use std::future::Future;
use std::io;

use futures_util::future::BoxFuture;

use super::{Address, BoxTransport, Connector, Transport};

/// A connector made of an async function; see [`from_fn`].
pub struct FnConnector<F>(F);

/// Makes a connector of an async function from host and port to a byte stream.
///
/// ```
/// use ottla_client::connector;
///
/// let pipes = connector::from_fn(|host: String, port: u16| async move {
///     let (ours, _theirs) = tokio::io::duplex(64 * 1024); // give `_theirs` to whoever plays `host`
///     println!("connecting to {host}:{port}");
///     Ok(ours)
/// });
/// # let _ = pipes;
/// ```
pub fn from_fn<F, R, T>(connect: F) -> FnConnector<F>
where
    F: Fn(String, u16) -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<T>> + Send + 'static,
    T: Transport + 'static,
{
    FnConnector(connect)
}

impl<F> fmt::Debug for FnConnector<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnConnector")
    }
}

impl<F, R, T> Connector for FnConnector<F>
where
    F: Fn(String, u16) -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<T>> + Send + 'static,
    T: Transport + 'static,
{
    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxTransport>> {
        let connecting = (self.0)(address.host().to_owned(), address.port());
        Box::pin(async move { Ok(Box::new(connecting.await?) as BoxTransport) })
    }
}
