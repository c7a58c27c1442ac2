//! Why a record was not accepted, or not written, or why nobody knows.

use std::fmt;
use std::time::Duration;

use ottla_client::{Outcome, Topic};
use ottla_protocol::ErrorCode;
use thiserror::Error;

use crate::record::OwnedRecord;
use crate::transaction::{AbortCause, FatalCause};

/// Why a record was not accepted. Nothing was done with it; it is still the caller's.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is no room for the record: [`try_send`](crate::Producer::try_send) does not wait for
    /// it, nor does `send` with [`Overflow::Fail`](crate::Overflow::Fail), or longer than
    /// [`max_wait`](crate::ProducerBuilder::max_wait).
    #[error("the buffer of {limit} {unit}{} is full", topic.as_ref().map(|topic| format!(" for topic {}", topic.name())).unwrap_or_default())]
    Full {
        /// What is full holds so many bytes or records.
        limit: usize,
        /// Which of the two.
        unit: BufferUnit,
        /// The topic whose own buffer is full; `None` if it is the producer's.
        topic: Option<Topic>,
    },
    /// The record's time to live was over before there was room for it (only
    /// [`send`](crate::Producer::send), which waits).
    #[error("no room for the record within its time to live of {ttl:?}")]
    Expired {
        /// Its time to live.
        ttl: Duration,
    },
    /// The record is larger than a batch may be.
    #[error("a record of {size} bytes exceeds the {limit} bytes of `max_batch_size`")]
    TooLarge {
        /// Bytes of the encoded record with the overhead of a batch.
        size: usize,
        /// The most a batch may have.
        limit: usize,
    },
    /// The topic has no such partition.
    #[error("topic {topic} has {count} partitions, and none with number {partition}")]
    NoSuchPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// How many partitions the topic has.
        count: usize,
    },
    /// The user's partitioner ([`ChoosePartition`](crate::ChoosePartition)) named a partition that
    /// is not there.
    #[error("the partitioner named partition {partition} of topic {topic}, which has {count}")]
    BadPartition {
        /// The topic.
        topic: String,
        /// What the partitioner named.
        partition: i32,
        /// How many partitions the topic has.
        count: usize,
    },
    /// The topic handle belongs to another client.
    #[error("topic {topic} was made by another client than the producer's")]
    ForeignTopic {
        /// The topic.
        topic: String,
    },
    /// The transaction can only be aborted: see [`AbortCause`].
    #[error("the transaction can only be aborted: {cause}")]
    TransactionAborted {
        /// What went wrong first.
        cause: AbortCause,
    },
    /// The producer is closed or closing.
    #[error("the producer is closed")]
    Closed,
    /// The producer met an error that no record can get past.
    #[error("the producer cannot go on: {0}")]
    Fatal(Reason),
}

/// What a buffer is measured in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BufferUnit {
    /// Bytes of allocated memory.
    Bytes,
    /// Records.
    Records,
}

impl fmt::Display for BufferUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Records => "records",
        })
    }
}

impl Refused {
    /// Whether the same record may be accepted later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Expired { .. })
    }

    /// Whether the topic may have grown since.
    pub(crate) const fn may_be_outgrown(&self) -> bool {
        matches!(self, Self::NoSuchPartition { partition, .. } if *partition >= 0)
    }

    /// Whether no record will ever be accepted again.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Closed | Self::Fatal(_))
    }

    /// A refused record is not written.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        Outcome::NotWritten
    }
}

/// Why a record that was accepted is not known to be written; the record comes back.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// It is not in the log and will not come into it.
    #[error("record not written: {reason}")]
    NotWritten {
        /// Why.
        reason: Reason,
        /// The record as it was sent.
        record: Box<OwnedRecord>,
    },
    /// It may or may not be in the log; sending it again may double it.
    #[error("record may or may not be written: {reason}")]
    Unknown {
        /// Why nobody knows.
        reason: Unsure,
        /// The record as it was sent.
        record: Box<OwnedRecord>,
    },
}

impl SendError {
    /// What is known of the write.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::NotWritten { .. } => Outcome::NotWritten,
            Self::Unknown { .. } => Outcome::Unknown,
        }
    }

    /// Whether the same record may be written if it is sent again later. A record whose outcome is
    /// unknown is not retriable: it could be doubled.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::NotWritten { reason, .. } => reason.is_retriable(),
            Self::Unknown { .. } => false,
        }
    }

    /// Whether the producer cannot go on.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::NotWritten { reason: Reason::Identity { .. } | Reason::Transactional { .. }, .. }
        )
    }

    /// The record.
    #[must_use]
    pub fn into_record(self) -> OwnedRecord {
        match self {
            Self::NotWritten { record, .. } | Self::Unknown { record, .. } => *record,
        }
    }
}

/// Why a record is not in the log.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The broker refused it.
    #[error("the broker refused it: {code}{}", message.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Broker {
        /// Kafka's code.
        code: ErrorCode,
        /// What the broker said of it (KIP-467).
        message: Option<String>,
    },
    /// Its time to live was over before it was sent (kafka-sharp's `MessageExpired`).
    #[error("it was not sent within its time to live of {ttl:?}")]
    Expired {
        /// The record's time to live.
        ttl: Duration,
    },
    /// The buffer was full, and the record dropped for others:
    /// [`Overflow::DropNewest`](crate::Overflow::DropNewest) or
    /// [`Overflow::DropOldest`](crate::Overflow::DropOldest).
    #[error("it was dropped because the buffer is full")]
    Overflow,
    /// The delivery timeout passed before it could be written.
    #[error("not delivered within {after:?}{}", last.as_deref().map(|text| format!(", last because {text}")).unwrap_or_default())]
    TimedOut {
        /// The delivery timeout.
        after: Duration,
        /// What went wrong last, if anything did.
        last: Option<String>,
    },
    /// It was tried as often as [`max_tries`](crate::ProducerBuilder::max_tries) allows, and refused
    /// each time.
    #[error("refused {tries} times, last because {last}")]
    TooManyTries {
        /// The tries.
        tries: u32,
        /// What went wrong last.
        last: String,
    },
    /// The topic did not become known in time, or cannot be used.
    #[error("topic {topic} cannot be used: {cause}")]
    Topic {
        /// The topic.
        topic: String,
        /// Why.
        cause: String,
    },
    /// The broker gave the producer no identity (`InitProducerId`).
    #[error("no producer id to be had: {cause}")]
    Identity {
        /// Why.
        cause: String,
    },
    /// Its transaction was aborted before it was sent.
    #[error("its transaction is aborted")]
    TransactionAborted,
    /// The transactional producer came to its end.
    #[error("the transactional producer cannot go on: {cause}")]
    Transactional {
        /// Why.
        cause: FatalCause,
    },
    /// The batch could not be compressed.
    #[error("the batch could not be compressed: {cause}")]
    Compression {
        /// Why.
        cause: String,
    },
    /// The producer was closed before it could be written.
    #[error("the producer was closed")]
    Closed,
    /// The producer was [aborted](crate::Producer::abort) before it was sent.
    #[error("the producer was aborted")]
    Aborted,
    /// The runtime that the producer ran on ended.
    #[error("the producer's tasks ended")]
    Abandoned,
}

impl Reason {
    /// Whether sending the record again later may help.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Broker { code, .. } => code.is_retriable(),
            Self::Expired { .. }
            | Self::Overflow
            | Self::TimedOut { .. }
            | Self::TooManyTries { .. }
            | Self::TransactionAborted => true,
            _ => false,
        }
    }

    /// Whether the record's time was over: what [`ProducerEvents`](crate::ProducerEvents) calls
    /// expired.
    #[must_use]
    pub const fn is_expiry(&self) -> bool {
        matches!(self, Self::Expired { .. } | Self::TimedOut { .. })
    }
}

/// Why nobody knows whether a record is in the log.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Unsure {
    /// It was sent, and the delivery timeout passed without a clear answer.
    #[error("sent, but not clearly answered within {after:?}{}", last.as_deref().map(|text| format!(", last because {text}")).unwrap_or_default())]
    TimedOut {
        /// The delivery timeout.
        after: Duration,
        /// What went wrong last, if anything did.
        last: Option<String>,
    },
    /// It was sent as often as [`max_tries`](crate::ProducerBuilder::max_tries) allows, and at least
    /// once without a clear answer.
    #[error("sent {tries} times, not always clearly answered, last because {last}")]
    TooManyTries {
        /// The tries.
        tries: u32,
        /// What went wrong last.
        last: String,
    },
    /// It was sent without a clear answer, and the broker no longer knows the producer's
    /// sequence, so that sending it again could double it.
    #[error("sent without a clear answer, and the broker lost the producer's sequence: {code}")]
    SequenceLost {
        /// Kafka's code.
        code: ErrorCode,
    },
    /// It was sent without a clear answer, and then refused.
    #[error("sent without a clear answer, then refused: {code}")]
    Refused {
        /// Kafka's code.
        code: ErrorCode,
    },
    /// It was sent, and without retries its answer did not come.
    #[error("sent once, without a clear answer: {cause}")]
    NotRetried {
        /// What went wrong.
        cause: String,
    },
    /// It was sent without a clear answer, and its transaction was aborted: if it is in the log,
    /// readers of committed records do not see it.
    #[error("sent without a clear answer, and its transaction is aborted")]
    TransactionAborted,
    /// The producer was closed before the answer came.
    #[error("the producer was closed before the answer came")]
    Closed,
    /// The runtime that the producer ran on ended before the answer came.
    #[error("the producer's tasks ended before the answer came")]
    Abandoned,
}

/// Some of the records that were sent before a [`flush`](crate::Producer::flush) are not known to
/// be written. Each of them told its own [`Delivery`](crate::Delivery) why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{not_written} records were not written, and of {unknown} it is not known")]
#[non_exhaustive]
pub struct FlushError {
    /// Records that are not in the log.
    pub not_written: u64,
    /// Records that may or may not be in the log.
    pub unknown: u64,
}
