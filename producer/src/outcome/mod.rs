//! What became of each record, at the cost of one cell for each batch.

mod callback;
mod cell;
mod delivery;
mod events;
mod outbox;
mod ranges;
mod waiting;

pub(crate) use cell::{Collected, Failure, Promise, Verdict, Why, WrittenBatch};
pub use delivery::{Delivery, Written};
pub use events::{Acknowledged, FailedRecords, ProducerEvents};
pub(crate) use outbox::Outbox;
pub(crate) use waiting::Woken;

#[cfg(test)]
mod tests;
