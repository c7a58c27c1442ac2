//! Signs of life.

use std::time::Instant;

use ottla_protocol::ErrorCode;

use super::{Group, GroupPhase};

impl Group {
    /// A member says that it lives (`GroupCoordinator.handleHeartbeat`).
    ///
    /// # Errors
    /// `REBALANCE_IN_PROGRESS` asks it to join again; the others say that it is not in the group
    /// under this id or generation.
    pub(crate) fn heartbeat(
        &mut self,
        now: Instant,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        if self.phase == GroupPhase::Dead {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        self.validate_member(member_id, instance_id)?;
        if generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        match self.phase {
            GroupPhase::Empty | GroupPhase::Dead => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            GroupPhase::PreparingRebalance => {
                self.touch(now, member_id);
                Err(ErrorCode::REBALANCE_IN_PROGRESS)
            }
            GroupPhase::CompletingRebalance | GroupPhase::Stable => {
                self.touch(now, member_id);
                Ok(())
            }
        }
    }
}
