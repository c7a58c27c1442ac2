//! ottla's clients on mock brokers that were written elsewhere: librdkafka's mock cluster, and kfake
//! of franz-go. Built only with the feature `foreign`; `bash foreign/run.sh mocks` builds the mocks and
//! runs this. What is asserted is what librdkafka and franz-go read.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; so do its functions"
)]

mod broker;
mod consuming;
mod enrich;
mod groups;
mod judge;
mod processing;
mod producing;
