//! Brokers on real sockets.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cluster::Shared;
use crate::connection;

/// Binds a port for every broker, and accepts on it until the cluster ends.
pub(crate) async fn listen(shared: &Arc<Shared>) -> std::io::Result<()> {
    let ids: Vec<i32> = shared.state.lock().brokers.keys().copied().collect();
    for id in ids {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = socket.local_addr()?.port();
        if let Some(broker) = shared.state.lock().brokers.get_mut(&id) {
            "127.0.0.1".clone_into(&mut broker.host);
            broker.port = port;
        }
        tokio::spawn(accept(Arc::clone(shared), id, socket));
    }
    Ok(())
}

async fn accept(shared: Arc<Shared>, id: i32, socket: TcpListener) {
    loop {
        let stream = tokio::select! {
            biased;
            () = shared.ended.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        // A connection that failed before it was accepted is its client's affair.
        let Ok((stream, _)) = stream else { continue };
        // A broker that is stopped keeps its port, so that it has it again when it starts.
        let Some(life) = life_of(&shared, id) else { continue };
        // Responses are written whole; waiting for more would only delay them.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        tokio::spawn(connection::serve(Arc::clone(&shared), id, stream, life));
    }
}

fn life_of(shared: &Shared, id: i32) -> Option<CancellationToken> {
    let state = shared.state.lock();
    state.brokers.get(&id).filter(|broker| broker.up).map(|broker| broker.connections.clone())
}
