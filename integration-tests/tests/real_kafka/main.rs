//! Tests against real Kafka: built only with the feature `real-kafka`, one program for all, so
//! that they can share a cluster.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; so do its functions"
)]

mod broker_parity;
mod clients;
mod codecs;
mod corpus;
mod enrich;
mod faults;
mod groups;
mod java;
mod launcher;
mod producing;
mod refusals;
mod segments;
mod transactions;
