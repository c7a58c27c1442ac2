//! Kafka's wire format: messages, record batches and compression, without I/O.
//!
//! ```text
//!            schema (one file per API)                 records, encoded at append
//!                     │ message!                                 │
//!   request ──► encode_request ──► Frame ──► socket       BatchBuilder ──► Records
//!   response ◄─ decode_response ◄─ Bytes ◄── socket       Batches ◄── Batch ◄── Records
//! ```
//!
//! There is no socket, no clock and no runtime here. [`api`] holds a plain structure for every
//! request and response, written and read at any version this library has; [`records`] the
//! batches that carry the users' bytes; [`compression`] the codecs they are packed with.
//!
//! Whatever bytes a peer sends, reading them ends in a value or in a [`wire::DecodeError`], within
//! memory bounded by what it sent.
//!
//! # Features
//! | feature | what it adds |
//! |---|---|
//! | `gzip`, `snappy`, `lz4`, `zstd` (all default) | that codec, in pure Rust |
//! | `admin` | what producers and consumers never send: administration, share groups, Kafka Streams |
//! | `broker` | the broker's side of every message: requests read, responses written |

pub mod api;
mod api_key;
pub mod compression;
pub mod consumer_protocol;
mod error_code;
mod header;
mod message;
pub mod records;
pub mod schema;
mod uuid;
pub mod wire;

pub use api_key::ApiKey;
pub use error_code::ErrorCode;
#[cfg(any(test, feature = "broker"))]
pub use header::{RequestHeader, decode_request, encode_response};
pub use header::{decode_response, encode_request, peek_correlation_id};
pub use uuid::Uuid;
