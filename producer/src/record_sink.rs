use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use ottla_client::{Outcome, Topic};
use thiserror::Error;

use crate::{
    core::Hurry,
    error::{Refused, SendError},
    outcome::Delivery,
    producer::Producer,
    record::OwnedRecord,
};

/// A `futures::Sink` of records for one topic; made by [`Producer::sink`].
///
/// It is ready while the producer has room; records are sent as they are given to it, and batched
/// with all others. A flush waits until each of them has its outcome, and tells the first that is not
/// known to be written; so does any call that comes upon one. After an error the sink goes on with
/// the next record. Closing it is flushing it: the producer goes on.
///
/// While there is room a record costs no allocation.
pub struct RecordSink {
    producer: Producer,
    topic: Topic,
    /// The record that waits for room.
    waiting: Option<Sending>,
    /// Outcomes that nobody has looked at, in the order sent.
    deliveries: VecDeque<Delivery>,
    /// While a flush is under way requests do not linger.
    flushing: Option<Hurry>,
}

type Sending = Pin<Box<dyn Future<Output = Result<Delivery, SinkError>> + Send>>;

/// What went wrong with a record that was given to a [`RecordSink`].
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It was not accepted.
    #[error("{refused}")]
    Refused {
        /// Why.
        refused: Refused,
        /// The record.
        record: Box<OwnedRecord>,
    },
    /// It was accepted, and is not known to be written.
    #[error(transparent)]
    Failed(#[from] SendError),
}

impl SinkError {
    /// What is known of the write.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Refused { refused, .. } => refused.outcome(),
            Self::Failed(error) => error.outcome(),
        }
    }

    /// Whether the same record may be written if it is sent again later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Refused { refused, .. } => refused.is_retriable(),
            Self::Failed(error) => error.is_retriable(),
        }
    }

    /// Whether the producer cannot go on.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::Refused { refused, .. } => refused.is_fatal(),
            Self::Failed(error) => error.is_fatal(),
        }
    }

    /// The record.
    #[must_use]
    pub fn into_record(self) -> OwnedRecord {
        match self {
            Self::Refused { record, .. } => *record,
            Self::Failed(error) => error.into_record(),
        }
    }
}

impl RecordSink {
    pub(crate) const fn new(producer: Producer, topic: Topic) -> Self {
        Self { producer, topic, waiting: None, deliveries: VecDeque::new(), flushing: None }
    }

    /// Sees the record that waits for room off.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(Ok(())) };
        let sent = ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        self.deliveries.push_back(sent?);
        Poll::Ready(Ok(()))
    }

    /// Looks at the outcomes that are there, up to the first that is not.
    fn poll_outcomes(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        while let Some(delivery) = self.deliveries.front_mut() {
            let outcome = ready!(Pin::new(delivery).poll(cx));
            self.deliveries.pop_front();
            outcome?;
        }
        Poll::Ready(Ok(()))
    }
}

impl Sink<OwnedRecord> for RecordSink {
    type Error = SinkError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        ready!(self.poll_waiting(cx))?;
        // What has been told need not be kept; what has not does not keep the sink from going on.
        match self.poll_outcomes(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn start_send(mut self: Pin<&mut Self>, record: OwnedRecord) -> Result<(), SinkError> {
        let sent = record.with_borrowed(|borrowed| self.producer.try_send(&self.topic, borrowed));
        match sent {
            Ok(delivery) => self.deliveries.push_back(delivery),
            Err(full) if full.is_retriable() => {
                let (producer, topic) = (self.producer.clone(), self.topic.clone());
                self.waiting = Some(Box::pin(async move {
                    let headers = record.borrowed_headers();
                    let sent = producer.send(&topic, record.borrowed(&headers)).await;
                    drop(headers);
                    let refused = |refused| SinkError::Refused { refused, record: record.into() };
                    sent.map_err(refused)
                }));
            }
            Err(refused) => return Err(SinkError::Refused { refused, record: record.into() }),
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        if self.flushing.is_none() {
            self.flushing = Some(self.producer.hurry());
        }
        let flushed = match self.poll_waiting(cx) {
            Poll::Ready(Ok(())) => self.poll_outcomes(cx),
            other => other,
        };
        if flushed.is_ready() {
            self.flushing = None;
        }
        flushed
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for RecordSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordSink")
            .field("topic", &self.topic)
            .field("without_outcome", &self.deliveries.len())
            .finish_non_exhaustive()
    }
}
