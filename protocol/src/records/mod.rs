//! Record batches of magic 2 (KIP-98): written record by record, read lazily and borrowed. Message
//! sets of magic 0 and 1 are read alike.
//!
//! ```text
//! record ─► BatchBuilder ─seal─► RawBatch ─compress─► SealedBatch ─freeze(sequence)─► Records ─► request
//!             append encodes       retain, split_at     kept for retries                │ chunks
//!                                  record(index)                                        ▼
//! RecordView ◄─ RecordIter ◄─ Inflated ◄─inflate─ Batch ◄─ Batches ◄──────────────── response
//!   borrowed     or RecordCursor  ▲               check_crc
//!                                 └─ message_set: magic 0 and 1 become records of magic 2
//! ```
//!
//! Everything read is checked against the bytes that are there; nothing is reserved by a count or a
//! length that somebody sent. A batch is read as Kafka's own reader does: duplicate and null headers
//! are kept, the broker's time replaces the records' where it stamps batches, and the offset behind
//! a batch comes from its header, since its last records may have been compacted away.

mod batch;
mod batch_header;
mod batches;
mod builder;
mod chunk_pool;
mod control;
mod header;
mod inflated;
mod message_set;
mod raw_batch;
mod record;
mod record_iter;
mod record_set;
mod sealed_batch;
mod varint;

pub use batch::{Batch, BatchError, TimestampType};
pub use batch_header::BATCH_HEADER_LEN;
pub use batches::Batches;
pub use builder::{AppendError, BatchBuilder};
pub use chunk_pool::ChunkPool;
pub use control::{ControlError, ControlKind, ControlRecord};
pub use header::{Header, Headers, InvalidHeaderKey};
pub use inflated::Inflated;
pub use message_set::MessageFault;
pub use raw_batch::{RawBatch, RawRecords};
pub use record::{RecordFault, RecordParts, RecordSpan, RecordView};
pub use record_iter::{RecordCursor, RecordError, RecordIter};
pub use record_set::Records;
pub use sealed_batch::{BatchKind, CompressFailed, ReopenError, SealedBatch, Sequence};
pub use varint::VarintError;

#[cfg(test)]
mod tests;
