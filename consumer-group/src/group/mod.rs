//! Membership of a consumer group: who reads what.

mod action;
mod assignment;
mod assignor;
mod liveness;
mod machine;
mod membership;
mod state;

pub(crate) use action::{Action, Failure, GroupError};
pub(crate) use assignment::PartitionSet;
pub(crate) use assignor::RANGE;
pub(crate) use liveness::Liveness;
pub(crate) use machine::{GroupMachine, GroupSettings};
pub(crate) use membership::Membership;
