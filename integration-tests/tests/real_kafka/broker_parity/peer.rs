//! A client that does nothing on its own: it sends what it is told and gives back the answer.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::{Bytes, BytesMut};
use ottla::protocol::{
    api::Request,
    records::{BatchBuilder, BatchKind, ChunkPool, RecordParts, Records, SealedBatch, Sequence},
    {decode_response, encode_request},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longer than anything takes that is asked here.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection to the one broker of a cluster.
pub(super) struct Peer {
    stream: TcpStream,
    correlation_id: i32,
}

impl Peer {
    pub(super) async fn connect(bootstrap: &str) -> Self {
        let stream = TcpStream::connect(bootstrap).await.expect("the broker listens");
        Self { stream, correlation_id: 0 }
    }

    pub(super) async fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let asked = timeout(PATIENCE, self.exchange(version, request)).await;
        asked.unwrap_or_else(|_| panic!("no answer to {} v{version}", R::KEY.name()))
    }

    async fn exchange<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.correlation_id += 1;
        let frame = encode_request(request, version, self.correlation_id, Some("parity")).unwrap();
        self.stream.write_all(&frame.to_bytes()).await.unwrap();
        let length = self.stream.read_i32().await;
        let length = length.unwrap_or_else(|error| {
            panic!("no answer to {} v{version}: {error}", R::KEY.name());
        });
        let mut body = BytesMut::zeroed(usize::try_from(length).unwrap());
        self.stream.read_exact(&mut body).await.unwrap();
        let (id, response) = decode_response::<R>(Bytes::from(body), version).unwrap();
        assert_eq!(id, self.correlation_id);
        response
    }
}

/// One time for all records of this process. Near that of the markers, which brokers write: Kafka
/// begins a new segment where times lie far apart, and a fetch ends with a segment.
pub(super) fn timestamp() -> i64 {
    static NOW: OnceLock<i64> = OnceLock::new();
    *NOW.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(now.as_millis()).unwrap()
    })
}

/// A batch of so many records.
pub(super) fn batch(records: u16, sequence: Sequence, kind: BatchKind) -> Records {
    let mut builder = BatchBuilder::new();
    for value in 0..records {
        let value = value.to_string();
        let record = RecordParts { value: Some(value.as_bytes()), ..Default::default() };
        builder.append(timestamp(), &record, &ChunkPool::new(0)).unwrap();
    }
    SealedBatch::from(builder.seal()).freeze(sequence, kind)
}
