//! A Kafka consumer that fetches in the background, hands records out borrowed from the
//! response they came in, and commits only what the application has marked as done.
//!
//! ```text
//!  broker ─► fetch loop ─► buffers of raw batches ─► prepared (checked, inflated) ─► poll · recv · stream
//!            one per        one per partition          current and next                   │
//!            broker                                                                      mark
//!  coordinator ◄─ group machine ─► assigned · revoked · lost                              ▼
//!             ◄─ commits ◄──────────────────────────────────────────────── marks by assignment epoch
//! ```
//!
//! | task | owns | fed by | gives |
//! |---|---|---|---|
//! | driver | group machine, callbacks, positions to look up | coordinator, metadata, control | assignments, positions |
//! | fetch loop, one per broker | what is in flight there | partitions below their low-water mark | raw batches |
//! | committer | the order of commits | marks, `commit`, the interval | committed offsets |
//! | the application | the records it polled | `poll` | marks |
//!
//! Nothing here waits for the application: heartbeats, fetches and rebalances go on while it
//! works. Only [`ConsumerConfig::max_poll_interval`] bounds how long it may be silent.

//! ```no_run
//! # async fn example(client: ottla_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use ottla_consumer_group::{Consumer, Fetched, OffsetReset};
//!
//! let mut consumer = Consumer::builder(&client)
//!     .group("readers")
//!     .topics(["in"])
//!     .offset_reset(OffsetReset::Earliest)
//!     .build()?;
//! let control = consumer.control();
//! loop {
//!     match consumer.poll(1000).await? {
//!         Fetched::Records(batch) => {
//!             for record in &batch {
//!                 println!("{}: {:?}", record.offset(), record.value());
//!             }
//!             // Refused if the partition has left meanwhile: then it is somebody else's.
//!             let _ = control.mark(batch.mark());
//!         }
//!         // Skip what cannot be read.
//!         Fetched::Failed { at, resume_at, .. } => control.seek(&at, resume_at)?,
//!         _ => {}
//!     }
//! }
//! # }
//! ```
//!
//! # What is committed
//!
//! Only what is marked. A [`Mark`] carries the assignment in which its record was handed out, and
//! is refused once that is over, also when the partition has come back. Marks are committed every
//! `commit_interval`, on [`commit`](ConsumerControl::commit), before a partition is handed over,
//! and by [`close`](Consumer::close).
//!
//! # What is delivered
//!
//! Every record of the log, in the order of its offsets, transactions that were aborted included
//! (`isolation.level` read_uncommitted, Kafka's default). A batch that cannot be read stops its
//! partition, once, with the offset to go on at.

mod builder;
mod config;
mod consumer;
mod control;
mod driver;
mod error;
mod fetch;
mod fetched;
mod group;
mod listener;
mod mark;
mod message;
mod offsets;
mod partitions;
mod record_batch;
mod shared;
mod stream;
mod watchdog;

pub use builder::ConsumerBuilder;
pub use config::{ConsumerConfig, OffsetReset, Start};
pub use consumer::Consumer;
pub use control::ConsumerControl;
pub use error::{
    AssignError, CloseError, CommitError, ConsumerError, Fenced, NotAssigned, OffsetRefused,
    PartitionError,
};
pub use fetched::Fetched;
pub use listener::{Callback, RebalanceListener};
pub use mark::{AssignmentEpoch, Mark};
pub use message::Message;
pub use record_batch::{ConsumedRecord, Messages, RecordBatch, Records};
pub use stream::MessageStream;
