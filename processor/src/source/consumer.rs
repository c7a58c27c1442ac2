//! Ottla's own consumer as a source.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_client::{ConfigErrors, TopicPartition};
use ottla_consumer_group::{
    AssignmentEpoch, Callback, Consumer, ConsumerBuilder, ConsumerControl, Fetched, Mark, Message,
    RebalanceListener, RecordBatch,
};
use tokio::sync::mpsc;

use super::{Batch, Epoch, Event, Handover, Input, Source, SourceError};
use crate::emit::Output;
use crate::failure::BoxError;

/// A member of a consumer group as a [`Source`].
///
/// What the listener is told comes through a channel, ahead of records; a revocation's callback
/// lasts until the processor has let go of the partitions.
#[derive(Debug)]
pub struct ConsumerSource {
    consumer: Consumer,
    control: ConsumerControl,
    events: mpsc::Receiver<Event<Message>>,
}

/// Callbacks come one at a time and wait for their answer; only assignments do not.
const EVENTS: usize = 4;

impl ConsumerSource {
    /// Starts a consumer with its listener taken by the source: another one set before is
    /// replaced.
    ///
    /// # Errors
    /// What the consumer's settings make impossible.
    pub fn new(builder: ConsumerBuilder) -> Result<Self, ConfigErrors> {
        let (sender, events) = mpsc::channel(EVENTS);
        let consumer = builder.rebalance_listener(Arc::new(Teller(sender))).build()?;
        let control = consumer.control();
        Ok(Self { consumer, control, events })
    }

    /// What steers the consumer.
    pub fn control(&self) -> &ConsumerControl {
        &self.control
    }
}

impl Source for ConsumerSource {
    type Message = Message;

    async fn next(&mut self, max: usize) -> Result<Event<Message>, SourceError> {
        tokio::select! {
            // What is assigned must be known before its records, and what is revoked before
            // records of others pile up.
            biased;
            Some(event) = self.events.recv() => Ok(event),
            fetched = self.consumer.poll(max) => match fetched {
                Ok(Fetched::Records(batch)) => Ok(Event::Records(batch.into())),
                Ok(Fetched::Failed { at, error, resume_at }) => {
                    Ok(Event::Failed { partition: at, error: error.into(), resume_at })
                }
                Ok(_) => Err(SourceError::fatal("the consumer yields what is not known here")),
                Err(error) if error.is_fatal() => Err(SourceError::fatal(error)),
                Err(error) => Err(SourceError::retriable(error)),
            }
        }
    }

    fn pause(&mut self, partition: &TopicPartition) {
        self.control.pause(std::slice::from_ref(partition));
    }

    fn resume(&mut self, partition: &TopicPartition) {
        self.control.resume(std::slice::from_ref(partition));
    }

    fn seek(&mut self, partition: &TopicPartition, offset: i64) {
        // Not assigned any more: whoever has it starts where it was committed.
        let _ = self.control.seek(partition, offset);
    }

    fn mark(&mut self, _: &TopicPartition, mark: Mark) {
        // Fenced: the partition is lost, and nothing of it can be committed.
        let _ = self.control.mark(mark);
    }

    fn alive(&mut self) {
        self.control.keep_alive();
    }

    async fn close(self, within: Duration) -> Result<(), BoxError> {
        // Callbacks that come now find nobody to wait for.
        drop(self.events);
        self.consumer.close(within).await.map_err(Into::into)
    }
}

impl super::Mark for Mark {
    fn next_offset(&self) -> i64 {
        Self::next_offset(self)
    }
}

impl Input for Message {
    type Mark = Mark;

    fn topic_partition(&self) -> &TopicPartition {
        Self::topic_partition(self)
    }

    fn offset(&self) -> i64 {
        Self::offset(self)
    }

    fn timestamp(&self) -> i64 {
        Self::timestamp(self)
    }

    fn key(&self) -> Option<&[u8]> {
        Self::key(self)
    }

    fn mark(&self) -> Mark {
        Self::mark(self)
    }

    fn size(&self) -> usize {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        // Headers are few, and to measure them they would have to be decoded.
        length(self.key()) + length(self.value()) + RECORD_OVERHEAD
    }

    fn detach(&self) -> Self {
        Self::detach(self)
    }

    /// Headers whose keys are not UTF-8 keep what of them is.
    fn to_output(&self) -> Output {
        let mut output = Output::default();
        if let Some(key) = self.key_bytes() {
            output = output.key(key);
        }
        output.value = self.value_bytes();
        for header in self.headers() {
            let (key, value) = match header {
                Ok(header) => (header.key.to_owned(), header.value),
                Err(header) => (String::from_utf8_lossy(header.key).into_owned(), header.value),
            };
            output = output.nullable_header(key, value.map(Bytes::copy_from_slice));
        }
        output
    }
}

/// What a record takes in its batch besides key and value, about.
const RECORD_OVERHEAD: usize = 16;

impl From<RecordBatch> for Batch<Message> {
    fn from(batch: RecordBatch) -> Self {
        Self {
            partition: batch.partition().clone(),
            epoch: batch.epoch().into(),
            end: batch.mark(),
            messages: batch.into_messages().collect(),
        }
    }
}

impl From<AssignmentEpoch> for Epoch {
    fn from(epoch: AssignmentEpoch) -> Self {
        Self(epoch.get())
    }
}

/// Tells the source what the listener is told.
struct Teller(mpsc::Sender<Event<Message>>);

type Changed = Vec<(TopicPartition, AssignmentEpoch)>;

impl Teller {
    async fn tell(&self, event: Event<Message>) {
        // Nobody listens any more: the processor has ended, and has let go of everything.
        let _ = self.0.send(event).await;
    }
}

fn epochs(changed: Changed) -> Vec<(TopicPartition, Epoch)> {
    changed.into_iter().map(|(at, epoch)| (at, epoch.into())).collect()
}

impl RebalanceListener for Teller {
    fn assigned<'a>(&'a self, _: &'a ConsumerControl, partitions: Changed) -> Callback<'a> {
        Box::pin(self.tell(Event::Assigned(epochs(partitions))))
    }

    fn revoked<'a>(&'a self, _: &'a ConsumerControl, partitions: Changed) -> Callback<'a> {
        Box::pin(async move {
            let (handover, over) = Handover::new();
            self.tell(Event::Revoked(epochs(partitions), handover)).await;
            let _ = over.await;
        })
    }

    fn lost<'a>(&'a self, _: &'a ConsumerControl, partitions: Changed) -> Callback<'a> {
        Box::pin(async move {
            let (handover, over) = Handover::new();
            self.tell(Event::Lost(epochs(partitions), handover)).await;
            let _ = over.await;
        })
    }
}
