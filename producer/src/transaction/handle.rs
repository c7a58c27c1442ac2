use ottla_client::{GroupMetadata, GroupOffset, Topic, TopicPartition};

use super::{
    coordinator::Command,
    error::{CommitError, Doubt, FatalCause, TransactionError},
    offsets::GroupOffsets,
    producer::{Ended, TransactionalProducer},
};
use crate::{error::Refused, outcome::Delivery, record::Record};

/// An open transaction; made by [`TransactionalProducer::begin`].
///
/// It ends with [`commit`](Self::commit) or [`abort`](Self::abort). Dropped without either it is
/// aborted in the background, at the latest before the next one begins.
///
/// Once any of its records is not known to be written, or anything else of it was refused, it can
/// only be aborted: it takes no further record then, those that no broker may have come back as
/// [`Reason::TransactionAborted`](crate::Reason::TransactionAborted), and `commit` says what went
/// wrong first.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'a> {
    producer: &'a TransactionalProducer,
    ended: bool,
}

impl<'a> Transaction<'a> {
    pub(super) const fn new(producer: &'a mut TransactionalProducer) -> Self {
        Self { producer, ended: false }
    }

    /// Sends a record, waiting for room if the buffer is full; see
    /// [`Producer::send`](crate::Producer::send).
    ///
    /// Its [`Delivery`] tells whether it is in the log. Only a commit makes it visible to readers
    /// of committed records. It need not be awaited: `commit` waits for all of them.
    ///
    /// # Cancel safety
    /// Dropped before it returned, nothing was sent.
    ///
    /// # Errors
    /// [`Refused::TransactionAborted`] if the transaction can only be aborted; else as
    /// [`Producer::send`](crate::Producer::send).
    pub async fn send(&self, to: &Topic, record: Record<'_>) -> Result<Delivery, Refused> {
        self.producer.inner.send(to, record).await
    }

    /// Sends a record if there is room for it now; see
    /// [`Producer::try_send`](crate::Producer::try_send).
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`Refused::Full`].
    pub fn try_send(&self, to: &Topic, record: Record<'_>) -> Result<Delivery, Refused> {
        self.producer.inner.try_send(to, record)
    }

    /// Commits offsets of a consumer group with this transaction (KIP-447): they count if and when
    /// it is committed. `group` is who the consumer is in its group now; a member that has been
    /// replaced is refused, and the transaction with it.
    ///
    /// An offset is that of the next record to read. Take `group` before the poll that gave the
    /// records: if the group has gathered anew since, they may be another member's by now, and are
    /// refused. With the identity of a later moment they would be accepted.
    ///
    /// # Cancel safety
    /// Dropped early, the offsets are sent all the same; a failure then shows at the commit.
    ///
    /// # Errors
    /// [`TransactionError::Abortable`] if they were refused: the transaction cannot be committed
    /// without them.
    pub async fn send_offsets<O: Into<GroupOffset>>(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, O)>,
        group: &GroupMetadata,
    ) -> Result<(), TransactionError> {
        let offsets = offsets.into_iter().map(|(at, offset)| (at, offset.into()));
        let offsets = GroupOffsets::new(group, offsets);
        if offsets.is_empty() {
            return Ok(());
        }
        self.producer.ask(|reply| Command::Offsets(offsets, reply)).await
    }

    /// Waits until all records are written, and commits them with the offsets.
    ///
    /// # Cancel safety
    /// Dropped after it began, the commit goes on in the background; the next
    /// [`begin`](TransactionalProducer::begin) waits for what comes of it.
    ///
    /// # Errors
    /// What is known of the transaction is in the variant: see [`CommitError`].
    pub async fn commit(mut self) -> Result<(), CommitError> {
        self.ended = true;
        self.producer.ask(Command::Commit).await
    }

    /// Gives up the records that no broker has, and aborts those that are written.
    ///
    /// # Cancel safety
    /// Dropped early, the abort goes on in the background.
    ///
    /// # Errors
    /// [`TransactionError::Fatal`] if the producer cannot go on, [`TransactionError::TimedOut`] if
    /// the coordinator did not answer within `completion_timeout`. The transaction is not
    /// committed in any case.
    pub async fn abort(mut self) -> Result<(), TransactionError> {
        self.ended = true;
        self.producer.ask(Command::Abort).await
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // No more than a mark: it may be dropped outside of any runtime.
            self.producer.give_up();
        }
    }
}

impl From<Ended> for CommitError {
    fn from(_: Ended) -> Self {
        // Nobody is left who could say how far it came.
        Self::Unknown { cause: Doubt::Fatal { cause: FatalCause::Ended } }
    }
}
