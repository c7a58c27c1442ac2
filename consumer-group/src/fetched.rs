//! What one poll yields.

use ottla_client::TopicPartition;

use crate::error::PartitionError;
use crate::record_batch::RecordBatch;

/// What [`Consumer::poll`](crate::Consumer::poll) yields: records of one partition, or the news
/// that one partition stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fetched {
    /// Records of one partition, in the order of their offsets.
    Records(RecordBatch),
    /// A partition stopped at something that cannot be read. It is reported once, and the
    /// partition stays stopped until it is assigned anew or told where to go on, usually with
    /// [`seek`](crate::ConsumerControl::seek) to `resume_at`; the others are not disturbed.
    Failed {
        /// The partition.
        at: TopicPartition,
        /// Why it stopped.
        error: PartitionError,
        /// The first offset behind what could not be read.
        resume_at: i64,
    },
}
