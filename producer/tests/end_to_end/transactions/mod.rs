//! Transactions on the test broker, by both protocols, read back as readers of committed records
//! would.

mod committing;
mod ending;
mod failing;
mod fencing;
mod simulation;
mod support;
