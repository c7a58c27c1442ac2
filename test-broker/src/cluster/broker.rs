//! One node of the cluster.

use tokio_util::sync::CancellationToken;

use crate::fetch_session::FetchSessions;

#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) id: i32,
    /// Where clients are told to find it.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rack: Option<String>,
    pub(crate) up: bool,
    /// Cancelled to cut the connections of this broker; then replaced.
    pub(crate) connections: CancellationToken,
    pub(crate) fetch_sessions: FetchSessions,
}

impl Broker {
    pub(crate) fn new(id: i32, rack: Option<String>, ended: &CancellationToken) -> Self {
        Self {
            id,
            host: pipe_host(id),
            port: PIPE_PORT,
            rack,
            up: true,
            connections: ended.child_token(),
            fetch_sessions: FetchSessions::default(),
        }
    }

    pub(crate) fn cut_connections(&mut self, ended: &CancellationToken) {
        std::mem::replace(&mut self.connections, ended.child_token()).cancel();
    }
}

/// The name of a broker that is reached over in-memory pipes.
pub(crate) fn pipe_host(id: i32) -> String {
    format!("broker-{id}")
}

/// What a pipe calls its port.
pub(crate) const PIPE_PORT: u16 = 9092;
