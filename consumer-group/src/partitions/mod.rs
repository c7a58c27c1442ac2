//! What is known of each partition: where it is read, what is buffered, what to ask for next.
//!
//! All of it is one machine behind one lock, without I/O or clock: brokers' answers and the
//! application's wishes come in, and fetch plans, look-ups, records and failures go out.

mod answers;
mod buffer;
mod fetch_plan;
mod fetch_size;
mod partition;
mod starts;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use buffer::RawEntry;
pub(crate) use fetch_plan::{Lane, Plan, Wanted};
pub(crate) use partition::{FetchFault, Leader};
pub(crate) use starts::{Lookups, StartLookup};
pub(crate) use table::{Limits, PartitionTable, Slot, Stay, Taken};
