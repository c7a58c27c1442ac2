//! The fuzz targets: each takes bytes that anybody may have sent and must come back.
//!
//! A target panics when the library breaks a promise; it returns whether the bytes got far enough
//! to be worth keeping in a corpus. This folder is included by the fuzzer's crate and by the tests
//! of the protocol, so it uses only what is public.

mod compression;
mod consumer_protocol;
mod header;
mod memory;
mod messages;
mod records;

pub use compression::{gzip, lz4, snappy, zstd};
pub use consumer_protocol::consumer_protocol;
pub use header::header;
pub use messages::{request, response};
pub use records::{message_set, records};

/// A target with its name, which is also that of its corpus.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Every target that needs nothing but the protocol.
pub const TARGETS: &[Target] = &[
    ("response", response),
    ("request", request),
    ("header", header),
    ("consumer_protocol", consumer_protocol),
    ("records", records),
    ("message_set", message_set),
    ("gzip", gzip),
    ("snappy", snappy),
    ("lz4", lz4),
    ("zstd", zstd),
];
