//! Why a processor ended before it was told to.

use ottla_client::TopicPartition;

use crate::counters::Report;
use crate::failure::BoxError;

/// Why a processor ended before it was told to, and what it had done by then. What was done has
/// been committed, unless the reason is [`StopReason::Close`].
#[derive(Debug, thiserror::Error)]
#[error("the processor stopped: {reason}")]
#[non_exhaustive]
pub struct ProcessorError {
    /// The first thing that made it stop.
    #[source]
    pub reason: StopReason,
    /// What was done.
    pub report: Report,
}

/// What made a processor stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// A handler said so, or a record's attempts were used up.
    #[error("the record at offset {offset} of {at} failed at attempt {attempt}")]
    Handler {
        /// Where the record is from.
        at: TopicPartition,
        /// Its offset.
        offset: i64,
        /// Which attempt it was.
        attempt: u32,
        /// What the handler said.
        source: BoxError,
    },
    /// An output, or a dead letter, cannot be written.
    #[error("the output of the record at offset {offset} of {at} cannot be written")]
    Output {
        /// Where the record is from.
        at: TopicPartition,
        /// Its offset.
        offset: i64,
        /// What the producer said.
        source: BoxError,
    },
    /// A partition stopped at something that cannot be read.
    #[error("{at} cannot be read, but could go on at offset {resume_at}")]
    Unreadable {
        /// The partition.
        at: TopicPartition,
        /// The first offset behind what could not be read.
        resume_at: i64,
        /// What the consumer said.
        source: BoxError,
    },
    /// The source failed for good.
    #[error("the source failed")]
    Source(#[source] BoxError),
    /// The last commit failed: what was done since the one before will be done again.
    #[error("the last commit failed")]
    Close(#[source] BoxError),
}

impl ProcessorError {
    /// Whether running the processor again, unchanged, can help.
    pub fn is_retriable(&self) -> bool {
        !self.is_fatal()
    }

    /// Whether running the processor again, unchanged, would end the same way: a record or a
    /// partition is in the way.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self.reason,
            StopReason::Handler { .. } | StopReason::Output { .. } | StopReason::Unreadable { .. }
        )
    }
}
