//! Membership of a consumer group: who reads what.

mod assignor;
mod liveness;
mod machine;
mod membership;

pub(crate) use assignor::RANGE;
pub(crate) use liveness::Liveness;
pub(crate) use machine::{Action, Failure, GroupError, GroupMachine, GroupSettings, PartitionSet};
pub(crate) use membership::Membership;
