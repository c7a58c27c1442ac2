//! A cluster, a client, records that can be told apart, and a trace of what was written when.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use ottla_client::{Client, ClientBuilder, Topic, connector};
use ottla_producer::{Delivery, Producer, ProducerBuilder, Record, SendError, Written};
use ottla_test_broker::{TestCluster, TestClusterBuilder};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::Instant;

/// A time by which everything healthy is long done, on a clock that costs nothing.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) struct World {
    pub(crate) cluster: TestCluster,
    pub(crate) client: Client,
    pub(crate) topic: Topic,
    pub(crate) network: Network,
}

/// The wires between a client and its cluster.
#[derive(Clone, Default)]
pub(crate) struct Network {
    unreachable: Arc<Mutex<BTreeSet<String>>>,
    trace: Arc<Mutex<Vec<Write>>>,
}

/// One write of the client: when, to whom, what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Write {
    at: Duration,
    host: String,
    bytes: Vec<u8>,
}

impl Write {
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// How many of the client's requests end with this write or lie within it, if it begins one.
    pub(crate) fn frames(&self) -> usize {
        let (mut rest, mut frames) = (&self.bytes[..], 0);
        while let Some((length, body)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
            frames += 1;
            rest = body.get(length..).unwrap_or_default();
        }
        frames
    }
}

impl Write {
    /// The APIs and versions of the requests that begin with or in this write.
    pub(crate) fn requests(&self) -> Vec<(i16, i16)> {
        let (mut rest, mut requests) = (&self.bytes[..], Vec::new());
        while let Some((&[l0, l1, l2, l3, a0, a1, v0, v1], _)) = rest.split_first_chunk::<8>() {
            requests.push((i16::from_be_bytes([a0, a1]), i16::from_be_bytes([v0, v1])));
            let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap();
            rest = rest.get(4 + length..).unwrap_or_default();
        }
        requests
    }
}

impl World {
    /// A cluster with the topic `in`, whose partitions are led by the brokers in turn.
    pub(crate) fn new(brokers: u16, partitions: i32) -> Self {
        Self::on(TestCluster::builder().brokers(brokers).topic("in", partitions))
    }

    pub(crate) fn on(cluster: TestClusterBuilder) -> Self {
        let cluster = cluster.build();
        let network = Network::default();
        let client = network.client(&cluster).build().unwrap();
        let topic = client.topic("in");
        Self { cluster, client, topic, network }
    }

    pub(crate) fn builder(&self) -> ProducerBuilder {
        Producer::builder(&self.client)
    }

    pub(crate) fn producer(&self) -> Producer {
        self.builder().build().unwrap()
    }

    /// Sends the numbers to a partition of `in`.
    pub(crate) async fn send(
        &self,
        producer: &Producer,
        partition: i32,
        numbers: impl IntoIterator<Item = u32>,
    ) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for number in numbers {
            let value = number.to_be_bytes();
            let record = Record::value(&value).partition(partition);
            deliveries.push(producer.send(&self.topic, record).await.unwrap());
        }
        deliveries
    }

    /// Sends one number and waits for its outcome.
    pub(crate) async fn send_one(
        &self,
        producer: &Producer,
        partition: i32,
        number: u32,
    ) -> Result<Written, SendError> {
        self.send(producer, partition, [number]).await.remove(0).await
    }

    /// The numbers in the log of a partition of `in`.
    pub(crate) fn log(&self, partition: i32) -> Vec<u32> {
        let records = self.cluster.records("in", partition);
        records.iter().map(|record| number(record.value.as_deref())).collect()
    }
}

pub(crate) fn number(value: Option<&[u8]>) -> u32 {
    u32::from_be_bytes(*value.unwrap().first_chunk().unwrap())
}

/// The offsets of records that are all written.
pub(crate) async fn offsets(deliveries: Vec<Delivery>) -> Vec<i64> {
    let mut offsets = Vec::new();
    for delivery in deliveries {
        offsets.push(delivery.await.unwrap().offset.unwrap());
    }
    offsets
}

/// What `future` gives, and after how long.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let output = tokio::time::timeout(LONG, future).await.unwrap();
    (output, began.elapsed())
}

impl Network {
    pub(crate) fn client(&self, cluster: &TestCluster) -> ClientBuilder {
        let (network, cluster) = (self.clone(), cluster.clone());
        let began = Instant::now();
        let bootstrap = cluster.bootstrap();
        let connect = move |host: String, port: u16| {
            let reachable = !network.unreachable.lock().unwrap().contains(&host);
            let stream = if reachable {
                cluster.connect(&host, port)
            } else {
                Err(io::ErrorKind::ConnectionRefused.into())
            };
            let trace = Arc::clone(&network.trace);
            async move { Ok(Recorded { stream: stream?, trace, began, host }) }
        };
        Client::builder().bootstrap(bootstrap).connector(connector::from_fn(connect)).seed(7)
    }

    /// Refuses new connections to a broker.
    pub(crate) fn block(&self, broker: i32) {
        self.unreachable.lock().unwrap().insert(format!("broker-{broker}"));
    }

    /// Refuses none any longer.
    pub(crate) fn unblock(&self) {
        self.unreachable.lock().unwrap().clear();
    }

    pub(crate) fn trace(&self) -> Vec<Write> {
        self.trace.lock().unwrap().clone()
    }
}

/// A pipe that writes down what is written to it.
struct Recorded {
    stream: DuplexStream,
    trace: Arc<Mutex<Vec<Write>>>,
    began: Instant,
    host: String,
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = written {
            let (at, host) = (self.began.elapsed(), self.host.clone());
            let write = Write { at, host, bytes: buf[..written].to_vec() };
            self.trace.lock().unwrap().push(write);
        }
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        self.poll_write(cx, &all)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
