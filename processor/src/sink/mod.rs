//! Where outputs go.

mod producer;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use ottla_client::Topic;

pub use self::producer::{ProducerDelivery, ProducerSink};
use crate::emit::Output;
use crate::failure::BoxError;

/// Where outputs go: a producer, or something that behaves like one.
///
/// Outputs to one partition of a topic are written in the order they were handed over, unless one
/// of them fails.
pub trait Sink: Send + 'static {
    /// Resolves when the output is acknowledged.
    type Delivery: Future<Output = Result<(), Undelivered>> + Send + Unpin + 'static;

    /// Hands an output over, if there is room for it now.
    fn try_send(&self, topic: &Topic, output: &Output) -> Result<Self::Delivery, Rejected>;

    /// Waits for room, and hands the output over.
    fn send(
        &self,
        topic: Topic,
        output: Output,
    ) -> impl Future<Output = Result<Self::Delivery, Undelivered>> + Send + 'static;

    /// Ends it; what has not been written within this time will not be.
    fn close(self, within: Duration) -> impl Future<Output = ()> + Send;
}

/// Why an output was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum Rejected {
    /// There is no room now.
    Full,
    /// It cannot be taken.
    Undelivered(Undelivered),
}

/// An output that was not acknowledged.
#[derive(Debug)]
#[non_exhaustive]
pub struct Undelivered {
    /// What can be done about it.
    pub remedy: Remedy,
    /// Whether it may have been written all the same.
    pub maybe_written: bool,
    /// Why.
    pub error: BoxError,
    /// The output itself, to be produced again.
    pub output: Option<Box<Output>>,
}

/// What can be done about an output that was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Producing it again may succeed.
    Again,
    /// This output will never be accepted, others may be: it is too large, say.
    Never,
    /// Nothing will be accepted any more: the producer is closed or fenced.
    Stop,
}

impl Undelivered {
    /// An output that was certainly not written.
    pub fn new(remedy: Remedy, error: impl Into<BoxError>) -> Self {
        Self { remedy, maybe_written: false, error: error.into(), output: None }
    }

    /// The same output may have been written.
    #[must_use]
    pub fn maybe_written(self) -> Self {
        Self { maybe_written: true, ..self }
    }

    /// Gives the output back.
    #[must_use]
    pub fn with_output(self, output: Output) -> Self {
        Self { output: Some(Box::new(output)), ..self }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.maybe_written { "may not have been written" } else { "was not written" };
        write!(f, "the output {what}: {}", self.error)
    }
}
