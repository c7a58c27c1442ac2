//! The driver over a source and a sink in memory, under paused time.

mod backpressure;
mod commits;
mod failures;
mod handovers;
mod ordering;
mod outputs;
mod simulation;
mod world;
