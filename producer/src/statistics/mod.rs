//! What a producer counts: for each batch and each request, never for a record.
//!
//! ```text
//!   Tally   of a partition, and of the records that wait for their topic
//!   Meter   of a sink: requests; of the producer: sizes and time in the queue
//!       └──────► snapshots, made when they are asked for
//! ```

mod histogram;
mod meter;
mod snapshot;
mod tally;

pub use histogram::Distribution;
pub(crate) use meter::{Meter, RequestMeter};
pub use snapshot::{
    BrokerStatistics, PartitionStatistics, ProducerStatistics, RecordStatistics, TopicStatistics,
};
pub(crate) use tally::Tally;
