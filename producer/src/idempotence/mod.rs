//! Who the producer is to the brokers, and how its batches are numbered (KIP-98, KIP-360).

mod identity;
mod sequencer;

pub(crate) use identity::Identity;
pub(crate) use sequencer::{Answer, GivenUp, Sequencer, Settled, Ticket};

#[cfg(test)]
mod tests;
