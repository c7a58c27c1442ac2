//! Where records come from.

mod consumer;

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use ottla_client::TopicPartition;

pub use self::consumer::ConsumerSource;
use crate::emit::Output;
use crate::failure::BoxError;

/// Where records come from: a member of a consumer group, or something that behaves like one.
///
/// Ottla's own consumer is one ([`ConsumerSource`](crate::ConsumerSource)); tests and other
/// clients can be one too.
pub trait Source: Send + 'static {
    /// The records.
    type Message: Input;

    /// The next thing to know; at most `max` records, all of one partition. Events of one
    /// partition come in order, and records only between its assignment and its revocation or
    /// loss.
    ///
    /// Must be cancel-safe: the future is dropped and made anew all the time.
    fn next(
        &mut self,
        max: usize,
    ) -> impl Future<Output = Result<Event<Self::Message>, SourceError>> + Send;

    /// Hands out no records of this partition until [`resume`](Self::resume). It is not paused
    /// when it is assigned.
    fn pause(&mut self, partition: &TopicPartition);

    /// Hands out records of this partition again.
    fn resume(&mut self, partition: &TopicPartition);

    /// Continues at this offset: nothing read from elsewhere is handed out after this call. Marks
    /// start over: what is marked from now on counts, even if it is lower than before.
    fn seek(&mut self, partition: &TopicPartition, offset: i64);

    /// Everything before the mark is done and may be committed. The source commits marks now and
    /// then by itself, always before a [handover](Handover) is over, and when it is closed. Marks
    /// of an assignment that has ended are ignored.
    fn mark(&mut self, partition: &TopicPartition, mark: <Self::Message as Input>::Mark);

    /// Records were finished: the application is alive, although it may take in nothing new.
    fn alive(&mut self) {}

    /// Commits what is marked and leaves the group.
    fn close(self, within: Duration) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A record as a source hands it out. Cloning must be cheap.
pub trait Input: Clone + Send + Sync + 'static {
    /// How far a partition is done.
    type Mark: Mark;

    /// Where the record is from.
    fn topic_partition(&self) -> &TopicPartition;

    /// Its offset.
    fn offset(&self) -> i64;

    /// Its timestamp, in milliseconds since the Unix epoch, -1 if it has none.
    fn timestamp(&self) -> i64;

    /// Its key.
    fn key(&self) -> Option<&[u8]>;

    /// Says that this record and all before it are done.
    fn mark(&self) -> Self::Mark;

    /// How many bytes the record is long: key, value and headers.
    fn size(&self) -> usize;

    /// The record in memory of its own, if it shares memory with others: called for what stays
    /// long, so that it does not keep the others' memory too.
    #[must_use]
    fn detach(&self) -> Self {
        self.clone()
    }

    /// The record as an output with its key, value and headers: what becomes a dead letter.
    fn to_output(&self) -> Output;
}

/// Says that everything of a partition before an offset is done.
pub trait Mark: Copy + Debug + Send + Sync + 'static {
    /// The first offset that is not covered.
    fn next_offset(&self) -> i64;
}

/// What a source has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<M: Input> {
    /// These partitions are now ours.
    Assigned(Vec<(TopicPartition, Epoch)>),
    /// Records of one partition.
    Records(Batch<M>),
    /// A partition stopped at something that cannot be read; it could go on at `resume_at`.
    Failed {
        /// The partition.
        partition: TopicPartition,
        /// Why it stopped.
        error: BoxError,
        /// The first offset behind what could not be read.
        resume_at: i64,
    },
    /// These partitions are about to leave in good order, when the handover is dropped.
    Revoked(Vec<(TopicPartition, Epoch)>, Handover),
    /// These partitions are gone already; nothing of them can be committed any more. They must not
    /// be assigned again before the handover is dropped, which is at once: until then, calls may
    /// come that are meant for the lost assignment.
    Lost(Vec<(TopicPartition, Epoch)>, Handover),
}

/// Which assignment of a partition: grows each time it is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Records of one partition and assignment, in the order of their offsets.
#[derive(Debug)]
pub struct Batch<M: Input> {
    /// Where they are from.
    pub partition: TopicPartition,
    /// The assignment in which they were read.
    pub epoch: Epoch,
    /// The records; may be none.
    pub messages: Vec<M>,
    /// The position once all of them are done. It may lie behind the last record's own mark, past
    /// offsets that hold no record for us.
    pub end: M::Mark,
}

/// Partitions are being let go of: it is over when this is dropped.
#[derive(Debug)]
pub struct Handover(Option<tokio::sync::oneshot::Sender<()>>);

impl Handover {
    /// A handover, and what resolves when it is over.
    pub fn new() -> (Self, tokio::sync::oneshot::Receiver<()>) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        (Self(Some(sender)), receiver)
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            // Nobody waits any more: the source's own deadline has passed.
            let _ = sender.send(());
        }
    }
}

/// The source failed.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct SourceError {
    /// Why.
    #[source]
    pub error: BoxError,
    /// Whether asking again can help.
    pub retriable: bool,
}

impl SourceError {
    /// An error after which the source can be asked again.
    pub fn retriable(error: impl Into<BoxError>) -> Self {
        Self { error: error.into(), retriable: true }
    }

    /// An error that stops the processor.
    pub fn fatal(error: impl Into<BoxError>) -> Self {
        Self { error: error.into(), retriable: false }
    }
}
