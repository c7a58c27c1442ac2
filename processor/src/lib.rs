//! An async function applied to every record of topics, with offsets committed only when its output
//! is safe.
//!
//! ```text
//!  consumer ─► intake ─► lanes ─► handlers ─► results ─► producer ─► acknowledged
//!    ▲  ▲        │      by key,     tasks     in input      │              │
//!    │  │      permits  partition             order or on   │              ▼
//!    │  └─ pause, resume    ▲                 completion    │           tracker: highest position
//!    │                      └──── retry, backoff ◄──────────┘           all before which is done
//!    └────────────────────────── mark, commit ◄────────────────────────────┘
//! ```
//!
//! | task | owns | fed by | gives |
//! |---|---|---|---|
//! | driver: the future of [`Processor::run`] | trackers, lanes, permits, retries, drains | source, handlers, acknowledgements, [`ProcessorHandle`] | handlers, outputs, marks |
//! | handler, one per running record | its record | the driver | what to emit, or a [`Failure`] |
//!
//! # What it promises
//! - **At least once.** A position is committed only when every record before it is done: its
//!   outputs, or its dead letter, are acknowledged, or it was skipped. What is not done when a
//!   partition leaves or the program dies is received again by whoever has the partition next.
//! - **Order.** Under [`Order::Key`] handlers of one key of a partition never overlap and start in
//!   the order of their offsets, and so are their outputs produced; also when a partition is
//!   revoked and comes back while an old handler still runs. [`OutputOrder::Input`] gives the order
//!   of the whole partition. An output that fails rewinds its partition to the oldest undone
//!   record: it is never written behind its successors, but they are written again behind it. Only
//!   records without any order have their output produced again by itself.
//! - **Bounded.** Executing, waiting and uncommitted records are counted in one ledger; a partition
//!   that holds too much is paused, and neither retries nor a stuck record stop the others. The
//!   heartbeat waits for none of it.
//! - **No silent end.** A failure is retried with backoff ([`RetryPolicy`]) and then comes to the
//!   end that was chosen ([`Exhausted`]); a panic is a failure of its record. [`Report`] counts
//!   everything that was received.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ottla_client::Client;
//! use ottla_consumer_group::Message;
//! use ottla_processor::{Attempt, BoxError, Emit, Order, Processor};
//!
//! async fn enrich(message: Message, _: Attempt) -> Result<Emit, BoxError> {
//!     let text = std::str::from_utf8(message.value().unwrap_or_default())?;
//!     Ok(Emit::value(text.to_uppercase()).with_input_key())
//! }
//!
//! let client = Client::builder().bootstrap(["localhost:9092"]).build()?;
//! let processor = Processor::builder(&client)
//!     .name("enrich")
//!     .input(["in"])
//!     .output("out")
//!     .order(Order::Key)
//!     .concurrency(1000)
//!     .handler(enrich)
//!     .build()?;
//! let handle = processor.handle(); // handle.shutdown() ends it in good order
//! let report = processor.run().await?;
//! # drop(handle);
//! println!("{} records", report.succeeded);
//! # Ok(())
//! # }
//! ```

mod attempt;
mod builder;
mod counters;
mod dead_letter;
mod driver;
mod emit;
mod error;
mod failure;
mod handle;
mod handler;
mod lanes;
mod order;
mod output_queue;
mod permits;
mod processor;
mod retry;
mod settings;
mod sink;
mod source;
mod tracker;

pub use attempt::Attempt;
pub use builder::ProcessorBuilder;
pub use counters::{Report, Stats};
pub use dead_letter::header as dead_letter_header;
pub use emit::{Emit, IntoIter, Output, OutputHeader};
pub use error::{ProcessorError, StopReason};
pub use failure::{BoxError, Cause, Failure, When};
pub use handle::ProcessorHandle;
pub use handler::{Handler, Panicked};
pub use order::{NullKeys, Order, OutputOrder};
pub use processor::Processor;
pub use retry::{Exhausted, RetryPolicy};
pub use settings::Unreadable;
pub use sink::{ProducerDelivery, ProducerSink, Rejected, Remedy, Sink, Undelivered};
pub use source::{Batch, ConsumerSource, Epoch, Event, Handover, Input, Mark, Source, SourceError};
