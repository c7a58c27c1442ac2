//! What is known of each partition: where it is read, what is buffered, what to ask for next.
//!
//! All of it is one machine behind one lock, without I/O or clock: brokers' answers and the
//! application's wishes come in, and fetch plans, look-ups, records and failures go out.

mod buffer;
mod fetch_plan;
mod partition;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use buffer::RawEntry;
pub(crate) use fetch_plan::{Lane, Plan, Wanted};
pub(crate) use partition::{FetchFault, Leader};
pub(crate) use table::{Limits, Lookups, PartitionTable, Slot, StartLookup, Stay, Taken};
