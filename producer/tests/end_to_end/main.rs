//! Whole producers on the test broker: in memory, on paused time, seeded.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly"
)]

mod support;

mod aborting;
mod batches;
mod ending;
mod events;
mod exclusion;
mod facades;
mod faults;
mod flushing;
mod leaders;
mod limits;
mod moving;
mod order;
mod overflow;
mod pacing;
mod partitioners;
mod pressure;
mod settings;
mod simulation;
mod splitting;
mod stall;
mod statistics;
mod topic_settings;
mod topics;
mod transactions;
mod tries;
mod ttl;
mod typed;
