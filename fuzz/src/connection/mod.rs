//! The client's frame reader, the same file as in the client: it needs only that crate's errors.
//!
//! The fuzzer's crate and a test of the client include this folder; each has a module `error` with
//! what the reader looks for there.

mod frame;
#[path = "../../../client/src/connection/reader.rs"]
mod reader;

pub use frame::frame;
