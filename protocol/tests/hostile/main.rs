//! Hostile bytes: whatever a peer sends ends in a value or an error, within bounded memory.
//!
//! The targets are those of the fuzzer (`fuzz/`); what it found, and what was crafted, is replayed
//! here on stable Rust without it.
#![cfg(all(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, reason = "tests may panic")]

mod bombs;
mod claims;
mod corpus;
mod factors;
mod mutations;
#[path = "../../../fuzz/src/pack.rs"]
#[allow(unreachable_pub, reason = "public in the fuzzer's crate")]
mod pack;
#[path = "../../../fuzz/src/targets/mod.rs"]
#[allow(unreachable_pub, reason = "public in the fuzzer's crate")]
mod targets;
