//! Whether our messages are Kafka's: compared with the definitions in its jar, and byte for byte with
//! the classes made from them. Built only with the feature `real-kafka`: it needs Java and the jars,
//! but no broker.
//!
//! Every report is a list of differences that must be empty; `planted` and the mutations beside each
//! comparison show that it would not be.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails; so do its functions; tests tell what they have seen"
)]

mod absent;
mod bytes;
mod control;
mod conversions;
mod definitions;
mod description;
mod descriptions;
mod errors;
mod mutations;
mod oracle;
mod planted;

/// Fails with the differences, the first ones in full.
fn assert_empty(report: &[String]) {
    let shown: Vec<_> = report.iter().take(40).map(String::as_str).collect();
    assert!(report.is_empty(), "{} differences:\n{}", report.len(), shown.join("\n"));
}
