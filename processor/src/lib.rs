//! An async function applied to every record of a topic, with offsets committed only when its output is safe.

mod attempt;
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
mod retry;
mod settings;
mod sink;
mod source;
mod tracker;

pub use attempt::Attempt;
pub use counters::{Report, Stats};
pub use dead_letter::header as dead_letter_header;
pub use emit::{Emit, IntoIter, Output, OutputHeader};
pub use error::{ProcessorError, StopReason};
pub use failure::{BoxError, Cause, Failure, When};
pub use handle::ProcessorHandle;
pub use handler::{Handler, Panicked};
pub use order::{NullKeys, Order, OutputOrder};
pub use retry::{Exhausted, RetryPolicy};
pub use settings::Unreadable;
pub use sink::{Rejected, Remedy, Sink, Undelivered};
pub use source::{Batch, Epoch, Event, Handover, Input, Mark, Source, SourceError};
