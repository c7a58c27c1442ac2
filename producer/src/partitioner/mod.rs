//! Which partition a record goes to when it does not say.

mod chooser;
mod crc32;
mod custom;
mod fnv1a;
mod murmur2;
mod random;
mod round_robin;
mod routes;
mod settings;
mod sticky;
mod weights;

pub(crate) use chooser::{Choice, Chooser};
pub use custom::{ChoosePartition, Partition, Partitions};
pub(crate) use routes::{Route, Routes};
pub use settings::{HashedKeys, KeyHash, Keyless, Partitioner};
pub(crate) use sticky::{Queues, Waiting};
