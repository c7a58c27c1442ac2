//! What can go wrong, by operation.

use std::time::Duration;

use ottla_client::{Topic, TopicPartition};
use ottla_protocol::ErrorCode;
use thiserror::Error;

/// Why a poll yields no records. Nothing that was fetched is lost by it.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// The application was silent for longer than `max_poll_interval`, so the member left its
    /// group and its partitions went to others. Told once; the next poll joins the group again.
    #[error("silent for {after:?}, so the member left group {group} and lost its partitions")]
    MaxPollIntervalExceeded {
        /// The group.
        group: String,
        /// For how long the application was silent.
        after: Duration,
    },
    /// Another member has taken over this member's `group_instance`.
    #[error("another member of group {group} is called {instance} as well")]
    Fenced {
        /// The group.
        group: String,
        /// The name both use.
        instance: String,
    },
    /// The coordinator does not let this member into the group.
    #[error("group {group} refused {api}: {error}")]
    GroupRefused {
        /// The group.
        group: String,
        /// The request that was refused.
        api: &'static str,
        /// Why.
        error: ErrorCode,
    },
    /// A topic that is subscribed to cannot be read: the cluster refuses it, or has not had it for
    /// the client's `api_timeout`. Told once; the other topics are read, and this one will be if
    /// that changes.
    #[error("topic {topic} cannot be read: {error}")]
    TopicUnavailable {
        /// The topic.
        topic: Topic,
        /// What the cluster says about it.
        error: ErrorCode,
    },
    /// A partition stopped; from [`recv`](crate::Consumer::recv) and streams, which have no
    /// other way to say so. See [`Fetched::Failed`](crate::Fetched::Failed).
    #[error("{at} stopped, and could go on at offset {resume_at}")]
    Partition {
        /// The partition.
        at: TopicPartition,
        /// The first offset behind what could not be read.
        resume_at: i64,
        /// Why it stopped.
        source: PartitionError,
    },
    /// The consumer or its client was closed.
    #[error("the consumer is closed")]
    Closed,
}

impl ConsumerError {
    /// Whether polling again can help.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        !self.is_fatal()
    }

    /// Whether every further poll will end like this.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::GroupRefused { .. } | Self::Closed)
    }
}

/// Why a partition stopped.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// A batch does not match its checksum or does not hold the records it says.
    #[error("the batch at offset {base_offset} is corrupt: {reason}")]
    Corrupt {
        /// Where the batch begins.
        base_offset: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// A batch is larger than `max_inflated_batch` once inflated.
    #[error("the batch at offset {base_offset} inflates to more than {limit} bytes")]
    TooLarge {
        /// Where the batch begins.
        base_offset: i64,
        /// The limit.
        limit: usize,
    },
    /// A batch is in a format, or compressed in a way, that this build cannot read.
    #[error("the batch at offset {base_offset} cannot be read: {reason}")]
    Unsupported {
        /// Where the batch begins.
        base_offset: i64,
        /// What it would take.
        reason: String,
    },
    /// There is no committed offset, or the position is outside of the log, and
    /// [`OffsetReset::None`](crate::OffsetReset::None) forbids to choose another.
    #[error("no valid position: {}", match .out_of_range {
        Some(offset) => format!("offset {offset} is not in the log"),
        None => "nothing was committed".to_owned(),
    })]
    NoPosition {
        /// The position that is not in the log, if there was one.
        out_of_range: Option<i64>,
    },
    /// The broker refuses to serve the partition, for a reason that waiting will not change.
    #[error("the broker refuses: {0}")]
    Refused(ErrorCode),
}

impl PartitionError {
    /// Whether reading on from the same offset can help, after the cause has been removed.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether the rest of the consumer is affected: never.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        false
    }
}

/// An offset that was not committed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("offset {offset} of {at}: {error}")]
#[non_exhaustive]
pub struct OffsetRefused {
    /// The partition.
    pub at: TopicPartition,
    /// The offset that should have been committed.
    pub offset: i64,
    /// What the coordinator answered.
    pub error: ErrorCode,
}

/// Why a commit failed. Offsets that are not named in it were committed.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The consumer has no group.
    #[error("a consumer without a group has nowhere to commit to")]
    NoGroup,
    /// The group has gone on without this member: the partitions belong to others by now.
    #[error("group {group} has gone on without this member ({error}): not committed: {}", list(.offsets))]
    Fenced {
        /// The group.
        group: String,
        /// What the coordinator answered.
        error: ErrorCode,
        /// What was not committed.
        offsets: Vec<(TopicPartition, i64)>,
    },
    /// The coordinator refused some offsets for good.
    #[error("refused: {}", refusals(.0))]
    Refused(Vec<OffsetRefused>),
    /// It did not succeed within `commit_timeout`; some of it may have.
    #[error("not confirmed within {after:?} ({last}): {}", list(.offsets))]
    TimedOut {
        /// How long it was tried.
        after: Duration,
        /// What the last attempt ended with.
        last: String,
        /// What was not confirmed.
        offsets: Vec<(TopicPartition, i64)>,
    },
    /// The consumer or its client was closed before the commit was done.
    #[error("the consumer was closed before the commit was done")]
    Closed,
}

impl CommitError {
    /// Whether calling commit again can help.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// Whether no commit of this consumer can succeed any more.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::NoGroup | Self::Closed)
    }
}

/// A mark came too late: its partition has been revoked or lost since its record was handed out,
/// even if it is back by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the partition has left since the record was handed out")]
#[non_exhaustive]
pub struct Fenced;

/// The consumer does not have this partition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{at} is not assigned")]
#[non_exhaustive]
pub struct NotAssigned {
    /// The partition.
    pub at: TopicPartition,
}

/// Partitions cannot be assigned by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AssignError {
    /// The consumer subscribes to topics, so its group assigns the partitions.
    #[error("the group assigns the partitions of a consumer that subscribes to topics")]
    Subscribed,
    /// The consumer or its client was closed.
    #[error("the consumer is closed")]
    Closed,
}

/// What did not work out while closing. The consumer is closed all the same.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The last commit failed.
    #[error("the last commit failed")]
    Commit(#[from] CommitError),
    /// The time was over before everything was told to the group, which will notice by itself.
    #[error("not done within {within:?}")]
    TimedOut {
        /// The time that was given.
        within: Duration,
    },
}

fn list(offsets: &[(TopicPartition, i64)]) -> String {
    let all = offsets.iter().map(|(at, offset)| format!("{at} at {offset}"));
    all.collect::<Vec<_>>().join(", ")
}

fn refusals(refused: &[OffsetRefused]) -> String {
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
