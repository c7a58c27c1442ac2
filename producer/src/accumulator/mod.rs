//! Records on their way to a sink: encoded into their partition's open batch under its lock.

mod batch;
mod begun;
mod budget;
mod ledger;
mod lives;
mod partition;
mod pile;
mod removal;
mod reply;
mod sizing;
mod slots;
mod staging;
mod topic;
mod topics;
mod turns;

pub(crate) use batch::{DrainedBatch, QueuedBatch};
pub(crate) use budget::{Budget, Limits};
pub(crate) use ledger::{Entry, Ledger};
pub(crate) use lives::Life;
pub(crate) use partition::{Next, Numbered, Oversized, PartitionQueue};
pub(crate) use reply::Reply;
pub(crate) use sizing::Sizing;
pub(crate) use topic::TopicQueues;
pub(crate) use topics::Topics;
pub(crate) use turns::Turns;
