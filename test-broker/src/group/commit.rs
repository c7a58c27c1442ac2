//! Who may commit offsets, and when.

use std::time::Instant;

use ottla_protocol::ErrorCode;

use super::{Group, GroupPhase};

/// Who commits. A consumer that only stores its offsets here has no member id and a negative
/// generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Committer<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) generation: i32,
    /// The offsets count once a transaction is committed.
    pub(crate) transactional: bool,
}

impl Group {
    /// Whether a commit is accepted now; if so it counts as a heartbeat
    /// (`GroupCoordinator.validateOffsetCommit`, `doCommitOffsets`).
    ///
    /// # Errors
    /// The committer is not a member of this generation, or has learned of a generation that has
    /// not got its assignment yet (`REBALANCE_IN_PROGRESS`).
    pub(crate) fn may_commit(
        &mut self,
        now: Instant,
        committer: Committer<'_>,
    ) -> Result<(), ErrorCode> {
        if self.phase == GroupPhase::Dead {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        let Committer { member_id, instance_id, generation, transactional } = committer;
        if generation < 0 && member_id.is_empty() && instance_id.is_none() {
            // While a group has members only they may commit, but a producer of before KIP-447
            // does not say on whose behalf it acts.
            let empty = self.phase == GroupPhase::Empty;
            return if empty || transactional { Ok(()) } else { Err(ErrorCode::UNKNOWN_MEMBER_ID) };
        }
        if generation < 0 && self.phase == GroupPhase::Empty {
            return Ok(());
        }
        self.validate_member(member_id, instance_id)?;
        if generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        if self.phase == GroupPhase::CompletingRebalance && !transactional {
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        // While the group gathers, commits are still welcome: heartbeats tell of the rebalance.
        self.touch(now, member_id);
        Ok(())
    }
}
