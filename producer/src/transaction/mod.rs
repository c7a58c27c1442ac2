//! Transactions: records of many partitions, and the offsets they were made from, written together
//! or not at all (KIP-98, KIP-447, KIP-360, KIP-588, KIP-890).
//!
//! ```text
//!   Transaction ──── send ────► partitions ── first record of one ──► Roll
//!       │ begin, commit, abort, offsets                                 │ members, failures
//!       ▼                                                               ▼
//!   Coordinator (task) ◄───────────────── effects ───────────────── Machine
//!       │ InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn ──► transaction coordinator
//!       └ TxnOffsetCommit ──────────────────────────────────────────────► group coordinator
//! ```

mod builder;
mod coordinator;
mod error;
mod handle;
mod machine;
mod offsets;
mod producer;
mod requests;
mod roll;

pub use builder::TransactionalBuilder;
pub use error::{AbortCause, CommitError, Doubt, FatalCause, TransactionError};
pub use handle::Transaction;
pub use producer::TransactionalProducer;
pub(crate) use roll::Roll;
