//! A client that does nothing on its own.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ottla_protocol::api::{
    ApiVersionsRequest, FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData,
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, Request, TopicProduceData,
};
use ottla_protocol::compression::Codecs;
use ottla_protocol::records::{
    BatchBuilder, BatchKind, Batches, ChunkPool, RecordParts, Records, SealedBatch, Sequence,
};
use ottla_protocol::{decode_response, encode_request};
use ottla_test_broker::TestCluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// One connection to one broker.
pub(crate) struct Peer {
    stream: DuplexStream,
    next_id: i32,
}

impl Peer {
    pub(crate) fn connect(cluster: &TestCluster, broker: i32) -> Self {
        let stream = cluster.connect(&format!("broker-{broker}"), 9092).expect("the broker is up");
        Self { stream, next_id: 1 }
    }

    /// Sends a request and reads its response.
    pub(crate) async fn ask<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let exchange = async {
            self.send(request, version).await;
            self.receive::<R>(version).await.expect("a response")
        };
        // An hour of paused time: longer than anything waits here.
        let answered = tokio::time::timeout(Duration::from_secs(3600), exchange).await;
        answered.expect("an answer within an hour")
    }

    pub(crate) async fn send<R: Request>(&mut self, request: &R, version: i16) {
        let frame = encode_request(request, version, self.next_id, Some("test")).expect("encodes");
        self.next_id += 1;
        self.write(&frame.to_bytes()).await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the pipe takes it");
    }

    /// The response to the request sent last, if there is one; `None` if the connection ends.
    pub(crate) async fn receive<R: Request>(&mut self, version: i16) -> Option<R::Response> {
        let frame = self.receive_frame().await?;
        let (id, response) = decode_response::<R>(frame, version).expect("the response decodes");
        assert_eq!(id, self.next_id - 1, "in order, under the id it was asked");
        Some(response)
    }

    /// Everything after the length of the next response; `None` if the connection ends instead.
    pub(crate) async fn receive_frame(&mut self) -> Option<Bytes> {
        let length = self.stream.read_i32().await.ok()?;
        let mut body = BytesMut::zeroed(usize::try_from(length).ok()?);
        self.stream.read_exact(&mut body).await.ok()?;
        Some(body.freeze())
    }

    /// The length that the next frame claims.
    pub(crate) async fn receive_length(&mut self) -> i32 {
        self.stream.read_i32().await.expect("a length")
    }

    /// All that comes until the connection ends.
    pub(crate) async fn receive_rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.expect("the pipe ends");
        rest
    }

    pub(crate) async fn is_cut(&mut self) -> bool {
        self.stream.read_u8().await.is_err()
    }

    /// Whether anything comes within `millis` of (paused) time; what comes is lost.
    pub(crate) async fn hears_within(&mut self, millis: u64) -> bool {
        let wait = std::time::Duration::from_millis(millis);
        tokio::time::timeout(wait, self.stream.read_u8()).await.is_ok()
    }

    /// The features that the broker has turned on.
    pub(crate) async fn features(&mut self) -> Vec<(String, i16)> {
        let request = ApiVersionsRequest {
            client_software_name: "test".to_owned(),
            client_software_version: "1".to_owned(),
        };
        let features = self.ask(&request, 3).await.finalized_features.into_iter();
        features.map(|it| (it.name, it.max_version_level)).collect()
    }

    /// Produces one batch to one partition.
    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        batch: impl Into<Records>,
    ) -> PartitionProduceResponse {
        self.produce_at(9, topic, partition, batch).await
    }

    pub(crate) async fn produce_at(
        &mut self,
        version: i16,
        topic: &str,
        partition: i32,
        batch: impl Into<Records>,
    ) -> PartitionProduceResponse {
        let response = self.ask(&produce(topic, partition, batch, -1), version).await;
        let [topic] = response.responses.try_into().expect("one topic");
        let [partition] = topic.partition_responses.try_into().expect("one partition");
        partition
    }

    /// Fetches one partition from `offset` without waiting.
    pub(crate) async fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> PartitionData {
        let request = fetch(topic, &[(partition, offset)]);
        only_partition(self.ask(&request, 11).await)
    }
}

pub(crate) fn produce(
    topic: &str,
    index: i32,
    batch: impl Into<Records>,
    acks: i16,
) -> ProduceRequest {
    let records = Some(batch.into());
    ProduceRequest {
        acks,
        timeout_ms: 1000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![PartitionProduceData { index, records }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A fetch of these partitions and offsets, with generous limits, that does not wait.
pub(crate) fn fetch(topic: &str, partitions: &[(i32, i64)]) -> FetchRequest {
    let wanted = partitions.iter().map(|&(partition, fetch_offset)| FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    });
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        max_bytes: 50 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: wanted.collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

pub(crate) fn only_partition(response: FetchResponse) -> PartitionData {
    let [topic] = response.responses.try_into().expect("one topic");
    let [partition] = topic.partitions.try_into().expect("one partition");
    partition
}

/// A batch of these values.
pub(crate) fn batch(values: &[&str]) -> Records {
    sequenced(values, Sequence::NONE)
}

/// A batch of an idempotent producer.
pub(crate) fn idempotent(
    producer_id: i64,
    epoch: i16,
    base_sequence: i32,
    values: &[&str],
) -> Records {
    sequenced(values, Sequence { producer_id, producer_epoch: epoch, base_sequence })
}

pub(crate) fn sequenced(values: &[&str], sequence: Sequence) -> Records {
    sealed(values).freeze(sequence, BatchKind::Plain)
}

/// A batch whose records have timestamps 1000, 1001 and so on.
pub(crate) fn sealed(values: &[&str]) -> SealedBatch {
    let pool = ChunkPool::new(0);
    let mut builder = BatchBuilder::new();
    for (value, timestamp) in values.iter().zip(1000..) {
        let record = RecordParts { value: Some(value.as_bytes()), ..Default::default() };
        builder.append(timestamp, &record, &pool).expect("a small record");
    }
    builder.seal().into()
}

/// The values in fetched records with their offsets; markers have none.
pub(crate) fn values(data: &PartitionData) -> Vec<(i64, String)> {
    let records = data.records.clone().expect("records, if none");
    let mut values = Vec::new();
    for batch in Batches::from(records) {
        let batch = batch.expect("a whole batch");
        batch.check_crc().expect("its checksum");
        if batch.is_control() {
            continue;
        }
        let records = batch.inflate(&Codecs::none(), 0).expect("records that are not compressed");
        for record in &records {
            let record = record.expect("a whole record");
            let value = String::from_utf8(record.value.expect("a value").to_vec()).expect("text");
            values.push((record.offset, value));
        }
    }
    values
}

/// `values`, as [`values`] gives them, from an offset on.
pub(crate) fn at(first: i64, values: &[&str]) -> Vec<(i64, String)> {
    (first..).zip(values.iter().map(|value| (*value).to_owned())).collect()
}
