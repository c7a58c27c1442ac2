//! Ottla's own producer as a sink.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ottla_client::{Outcome, Topic};
use ottla_producer::{
    Delivery, Header, OwnedRecord, Producer, Reason, Record, Refused, SendError, Unsure,
};
use ottla_protocol::ErrorCode;
use smallvec::SmallVec;

use super::{Rejected, Remedy, Sink, Undelivered};
use crate::emit::{Output, OutputHeader};

/// A producer as a [`Sink`].
#[derive(Debug)]
pub struct ProducerSink(Producer);

/// The delivery of an output to a producer.
#[derive(Debug)]
#[must_use]
pub struct ProducerDelivery(Delivery);

impl ProducerSink {
    /// Sends outputs through this producer.
    pub fn new(producer: Producer) -> Self {
        Self(producer)
    }
}

impl Sink for ProducerSink {
    type Delivery = ProducerDelivery;

    fn try_send(&self, topic: &Topic, output: &Output) -> Result<ProducerDelivery, Rejected> {
        let headers = headers(&output.headers);
        match self.0.try_send(topic, record(output, &headers)) {
            Ok(delivery) => Ok(ProducerDelivery(delivery)),
            Err(Refused::Full { .. }) => Err(Rejected::Full),
            Err(refused) => Err(Rejected::Undelivered(refused.into())),
        }
    }

    fn send(
        &self,
        topic: Topic,
        output: Output,
    ) -> impl Future<Output = Result<ProducerDelivery, Undelivered>> + Send + 'static {
        let producer = self.0.clone();
        async move {
            let headers = headers(&output.headers);
            let sent = producer.send(&topic, record(&output, &headers)).await;
            sent.map(ProducerDelivery).map_err(Into::into)
        }
    }

    async fn close(self, within: Duration) {
        let _ = self.0.close(within).await;
    }
}

impl Future for ProducerDelivery {
    type Output = Result<(), Undelivered>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| match result {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        })
    }
}

fn headers(headers: &[OutputHeader]) -> SmallVec<[Header<'_>; 8]> {
    headers
        .iter()
        .map(|header| Header { key: &header.key, value: header.value.as_deref() })
        .collect()
}

fn record<'a>(output: &'a Output, headers: &'a [Header<'a>]) -> Record<'a> {
    Record {
        key: output.key_bytes().map(|key| &**key),
        value: output.value.as_deref(),
        headers,
        partition: output.partition,
        timestamp: output.timestamp,
        ..Record::default()
    }
}

impl From<Refused> for Undelivered {
    fn from(refused: Refused) -> Self {
        let remedy = match refused {
            Refused::Full { .. } | Refused::Expired { .. } => Remedy::Again,
            Refused::TooLarge { .. } | Refused::NoSuchPartition { .. } => Remedy::Never,
            // Closed, fatal, or a topic of another client: a mistake in the program.
            _ => Remedy::Stop,
        };
        Self::new(remedy, refused)
    }
}

impl From<SendError> for Undelivered {
    fn from(error: SendError) -> Self {
        let remedy = match &error {
            SendError::NotWritten { reason, .. } => remedy(reason),
            SendError::Unknown { reason: Unsure::Closed | Unsure::Abandoned, .. } => Remedy::Stop,
            // It may be there twice then: at least once.
            SendError::Unknown { .. } => Remedy::Again,
            _ => Remedy::Stop,
        };
        let unknown = error.outcome() != Outcome::NotWritten;
        let text = error.to_string();
        let undelivered = Self::new(remedy, text).with_output(error.into_record().into());
        if unknown { undelivered.maybe_written() } else { undelivered }
    }
}

fn remedy(reason: &Reason) -> Remedy {
    match reason {
        reason if reason.is_retriable() => Remedy::Again,
        Reason::Compression { .. } => Remedy::Never,
        // About this record; other refusals (no permission, an unsupported setting) meet them all.
        Reason::Broker { code, .. } if OF_THE_RECORD.contains(code) => Remedy::Never,
        _ => Remedy::Stop,
    }
}

/// What brokers say of a record that they will not take, whoever sends it.
const OF_THE_RECORD: [ErrorCode; 4] = [
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::RECORD_LIST_TOO_LARGE,
    ErrorCode::INVALID_TIMESTAMP,
    ErrorCode::INVALID_RECORD,
];

/// What came back, to be produced again.
impl From<OwnedRecord> for Output {
    fn from(record: OwnedRecord) -> Self {
        let mut output = Self::default();
        if let Some(key) = record.key {
            output = output.key(key);
        }
        output.value = record.value;
        output.partition = record.partition;
        output.timestamp = Some(record.timestamp);
        for (key, value) in record.headers {
            output = output.nullable_header(key, value);
        }
        output
    }
}
