//! What can be done to a consumer besides polling it.

use std::fmt;
use std::sync::Arc;

use ottla_client::{GroupMetadata, TopicPartition};

use crate::config::Start;
use crate::error::{AssignError, CommitError, Fenced, NotAssigned};
use crate::mark::{AssignmentEpoch, Mark};
use crate::shared::Shared;

/// Steers a [`Consumer`](crate::Consumer), from any task, also inside the callbacks of a
/// [`RebalanceListener`](crate::RebalanceListener).
///
/// Cloning costs a refcount. Once the consumer is closed or dropped, nothing here has an effect
/// any more: nothing is assigned, marks are refused, and commits fail with
/// [`CommitError::Closed`].
///
/// Positions, offsets and lag are read from what the consumer knows, without a request.
#[derive(Clone)]
pub struct ConsumerControl {
    pub(crate) shared: Arc<Shared>,
}

impl ConsumerControl {
    /// Notes that everything of a partition before the mark is done. Of several marks the highest
    /// counts. It is committed by [`commit`](Self::commit), every `commit_interval`, before the
    /// partition is handed over, and at close.
    ///
    /// # Errors
    /// [`Fenced`] if the partition has been revoked or lost since the record was handed out.
    pub fn mark(&self, mark: Mark) -> Result<(), Fenced> {
        self.shared.marks.lock().mark(mark)
    }

    /// As [`mark`](Self::mark), for those who count in records themselves.
    ///
    /// # Errors
    /// [`Fenced`] unless the partition is assigned under this epoch.
    pub fn mark_offset(
        &self,
        at: &TopicPartition,
        epoch: AssignmentEpoch,
        next_offset: i64,
    ) -> Result<(), Fenced> {
        let slot = self.shared.partitions.lock().slot_of(at).ok_or(Fenced)?;
        self.mark(Mark { slot, epoch, next_offset, leader_epoch: -1 })
    }

    /// Commits all marks made before the call.
    ///
    /// Commits happen in the order of the calls, so that a later one is never overwritten by an
    /// earlier one. Not cancelled by dropping the future: the commit is made all the same.
    ///
    /// # Errors
    /// What was not committed and why; see [`CommitError`].
    pub async fn commit(&self) -> Result<(), CommitError> {
        let asked = self.shared.marks.lock().asked();
        self.shared.commits.commit(asked).await
    }

    /// Reads a partition from another offset on. Buffered records of it are dropped, and none
    /// from before the call are handed out after it. Its marks start over: what is marked from
    /// now on counts, even if it is lower. What was marked before is still committed, as far as it
    /// lies before `offset`.
    ///
    /// # Errors
    /// [`NotAssigned`].
    pub fn seek(&self, at: &TopicPartition, offset: i64) -> Result<(), NotAssigned> {
        self.seek_to(at, Start::Offset(offset))
    }

    /// As [`seek`](Self::seek), also to the beginning, the end, or the committed offset.
    ///
    /// # Errors
    /// [`NotAssigned`].
    pub fn seek_to(&self, at: &TopicPartition, start: Start) -> Result<(), NotAssigned> {
        self.shared.seek(at, start)
    }

    /// Stops handing out records of these partitions, keeping what is buffered; they are not
    /// fetched further than their buffers reach, and the others go on undisturbed. Partitions
    /// that are not assigned are passed over. Ends with the assignment.
    pub fn pause(&self, partitions: &[TopicPartition]) {
        self.shared.pause(partitions, true);
    }

    /// Undoes [`pause`](Self::pause).
    pub fn resume(&self, partitions: &[TopicPartition]) {
        self.shared.pause(partitions, false);
    }

    /// Says that the application is alive although it does not poll: `max_poll_interval` counts
    /// from here again. A record that was finished is the best moment.
    pub fn keep_alive(&self) {
        self.shared.liveness.touch();
    }

    /// What is assigned, with the epochs; in no particular order.
    #[must_use]
    pub fn assignment(&self) -> Vec<(TopicPartition, AssignmentEpoch)> {
        self.shared.partitions.lock().assignment()
    }

    /// Replaces what is read, in a consumer without a subscription. Partitions that are assigned
    /// already go on where they are, whatever start is given here.
    ///
    /// # Errors
    /// [`AssignError`] if the group assigns the partitions of this consumer.
    pub fn assign(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, Start)>,
    ) -> Result<(), AssignError> {
        self.shared.assign(&partitions.into_iter().collect::<Vec<_>>())
    }

    /// The offset of the next record to be handed out, once it is known.
    ///
    /// Records that [`recv`](crate::Consumer::recv) and streams have taken from the buffers but
    /// not yet yielded count as handed out.
    #[must_use]
    pub fn position(&self, at: &TopicPartition) -> Option<i64> {
        self.shared.partitions.lock().position(at)
    }

    /// The offset this consumer has committed last or, before it did, found committed.
    #[must_use]
    pub fn committed(&self, at: &TopicPartition) -> Option<i64> {
        let slot = self.shared.partitions.lock().slot_of(at)?;
        self.shared.marks.lock().committed(slot)
    }

    /// The offset behind the last record that can be read, as of the last fetch.
    #[must_use]
    pub fn high_watermark(&self, at: &TopicPartition) -> Option<i64> {
        self.shared.partitions.lock().high_watermark(at)
    }

    /// How many offsets lie between the position and the high watermark.
    #[must_use]
    pub fn lag(&self, at: &TopicPartition) -> Option<i64> {
        let partitions = self.shared.partitions.lock();
        let (end, position) = (partitions.high_watermark(at)?, partitions.position(at)?);
        Some(end.saturating_sub(position).max(0))
    }

    /// Who this member is in its group, for requests that must state it; `None` without a group.
    #[must_use]
    pub fn group_metadata(&self) -> Option<GroupMetadata> {
        self.shared.membership.current()
    }
}

impl fmt::Debug for ConsumerControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerControl")
            .field("group", &self.shared.config.group)
            .field("assignment", &self.assignment())
            .finish_non_exhaustive()
    }
}
