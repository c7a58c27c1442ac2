//! A broker that says exactly what a test tells it to: scripts read as traces of the wire.
#![allow(dead_code, reason = "every test file takes what it needs of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail loudly")]

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_client::{BrokerId, Client, ClientBuilder, Connection, Lane, connector};
use ottla_protocol::api::{
    APIS, ApiVersion, ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse,
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic, Request,
};
use ottla_protocol::wire::{Decode, Encode, Reader};
use ottla_protocol::{ApiKey, RequestHeader, Uuid, decode_request, encode_response};
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// The bootstrap address' stand-in id.
pub(crate) const SEED: BrokerId = BrokerId(-1);

/// Longer than anything the client waits for: what is not over by then never will be. Costs
/// nothing under paused time.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Where clients of a test connect to.
pub(crate) struct Network {
    arrivals: mpsc::UnboundedReceiver<Peer>,
    refusals: Arc<Mutex<HashMap<String, io::ErrorKind>>>,
    attempts: Arc<Mutex<Vec<(String, tokio::time::Instant)>>>,
}

/// The broker's end of one connection.
pub(crate) struct Peer {
    pub(crate) host: String,
    pub(crate) stream: DuplexStream,
}

/// A request as it came over the wire.
#[derive(Debug)]
pub(crate) struct Asked<R> {
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) client_id: Option<String>,
    pub(crate) request: R,
}

impl Network {
    /// A network and a client on it, at whose bootstrap address `seed:9092` the network listens.
    pub(crate) fn new(
        pipe: usize,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> (Self, Client) {
        let (arriving, arrivals) = mpsc::unbounded_channel();
        let refusals: Arc<Mutex<HashMap<String, io::ErrorKind>>> = Arc::default();
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let (refused, counted) = (Arc::clone(&refusals), Arc::clone(&attempts));
        let connector = connector::from_fn(move |host: String, port: u16| {
            let named = format!("{host}:{port}");
            counted.lock().unwrap().push((named.clone(), tokio::time::Instant::now()));
            let outcome = match refused.lock().unwrap().get(&named) {
                Some(kind) => Err(io::Error::from(*kind)),
                None => {
                    let (ours, theirs) = tokio::io::duplex(pipe);
                    let arrived = arriving.send(Peer { host: named, stream: theirs });
                    arrived.map(|()| ours).map_err(|_| io::ErrorKind::ConnectionRefused.into())
                }
            };
            async move { outcome }
        });
        let builder = Client::builder().bootstrap(["seed:9092"]).seed(7).connector(connector);
        let client = configure(builder).build().unwrap();
        (Self { arrivals, refusals, attempts }, client)
    }

    /// The next connection that was opened; those that were refused do not arrive.
    pub(crate) async fn accept(&mut self) -> Peer {
        self.arrivals.recv().await.expect("the client is gone")
    }

    /// The next connection, through its handshake, at a broker that has all APIs.
    pub(crate) async fn accept_broker(&mut self) -> Peer {
        let mut peer = self.accept().await;
        peer.handshake().await;
        peer
    }

    pub(crate) fn refuse(&self, named: &str, kind: io::ErrorKind) {
        self.refusals.lock().unwrap().insert(named.to_owned(), kind);
    }

    pub(crate) fn admit(&self, named: &str) {
        self.refusals.lock().unwrap().remove(named);
    }

    /// Every attempt to connect so far.
    pub(crate) fn attempts(&self) -> Vec<(String, tokio::time::Instant)> {
        self.attempts.lock().unwrap().clone()
    }

    /// A client and one connection, shaken hands, with the broker's end of it.
    pub(crate) async fn connected(
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> (Self, Client, Connection, Peer) {
        let (mut network, client) = Self::new(1 << 20, configure);
        let (connection, peer) =
            tokio::join!(client.connection(SEED, Lane::GENERAL), network.accept_broker());
        (network, client, connection.unwrap(), peer)
    }
}

impl Peer {
    /// The next request, which has to be an `R`.
    pub(crate) async fn expect<R: Request + Decode>(&mut self) -> Asked<R> {
        let (header, reader) = self.header().await;
        assert_eq!(header.key, R::KEY, "another request was expected");
        let request = decode_request(reader, header.version).unwrap();
        Asked {
            version: header.version,
            correlation: header.correlation_id,
            client_id: header.client_id,
            request,
        }
    }

    /// The next request's header and what follows it.
    pub(crate) async fn header(&mut self) -> (RequestHeader, Reader) {
        let length = self.stream.read_i32().await.expect("the client closed");
        let mut body = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        let mut reader = Reader::new(Bytes::from(body));
        let flexible = |key: ApiKey| APIS.iter().find(|api| api.key == key).map(|api| api.flexible);
        (RequestHeader::decode(&mut reader, flexible).unwrap(), reader)
    }

    pub(crate) async fn answer<R: Request>(&mut self, asked: &Asked<R>, response: &R::Response)
    where
        R::Response: Encode,
    {
        let frame = encode_response::<R>(response, asked.version, asked.correlation).unwrap();
        self.send(&frame.to_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Waits until the client closes its end.
    pub(crate) async fn expect_close(&mut self) {
        let mut rest = Vec::new();
        let read = self.stream.read_to_end(&mut rest);
        tokio::time::timeout(LONG, read).await.expect("the client did not close").unwrap();
        assert!(rest.is_empty(), "{} bytes instead of a close", rest.len());
    }

    /// Asserts that nothing comes from the client for a while.
    pub(crate) async fn expect_silence(&mut self, during: Duration) {
        let mut byte = [0];
        let read = tokio::time::timeout(during, self.stream.read(&mut byte)).await;
        assert!(read.is_err(), "{read:?} instead of silence");
    }

    pub(crate) async fn handshake(&mut self) -> Asked<ApiVersionsRequest> {
        let asked = self.expect::<ApiVersionsRequest>().await;
        self.answer(&asked, &all_versions()).await;
        asked
    }
}

/// Everything this library has, offered by a broker.
pub(crate) fn all_versions() -> ApiVersionsResponse {
    let api = |api: &ottla_protocol::api::Api| ApiVersion {
        api_key: api.key.0,
        min_version: api.versions.min,
        max_version: api.versions.max,
    };
    ApiVersionsResponse { api_keys: APIS.iter().map(api).collect(), ..Default::default() }
}

/// A metadata answer: brokers `broker-<n>:9092`, and topics with (leader, epoch) per partition.
pub(crate) fn metadata(brokers: &[i32], topics: &[(&str, &[(i32, i32)])]) -> MetadataResponse {
    let brokers = brokers.iter().map(|&node_id| MetadataResponseBroker {
        node_id,
        host: format!("broker-{node_id}"),
        port: 9092,
        rack: None,
    });
    let topics = topics.iter().map(|(name, leaders)| MetadataResponseTopic {
        name: Some((*name).to_owned()),
        topic_id: Uuid([7; 16]),
        partitions: (0..)
            .zip(*leaders)
            .map(|(partition_index, &(leader_id, leader_epoch))| MetadataResponsePartition {
                partition_index,
                leader_id,
                leader_epoch,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    MetadataResponse {
        brokers: brokers.collect(),
        controller_id: 1,
        topics: topics.collect(),
        ..Default::default()
    }
}

/// The names a metadata request asks for.
pub(crate) fn names(request: &MetadataRequest) -> Vec<String> {
    let topics = request.topics.iter().flatten();
    topics.map(|topic| topic.name.clone().unwrap_or_default()).collect()
}
