//! What became of each record, at the cost of one cell for each batch.

mod cell;
mod delivery;

pub(crate) use cell::{Collected, Failure, Promise, Verdict, Why, WrittenBatch};
pub use delivery::{Delivery, Written};

#[cfg(test)]
mod tests;
