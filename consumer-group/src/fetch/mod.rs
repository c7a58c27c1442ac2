//! From the brokers into the partitions' buffers.

mod broker_loop;
mod budget;
mod prepare;
mod request;

pub(crate) use broker_loop::{BrokerLoop, Ended};
pub(crate) use budget::{Budget, Charge};
pub(crate) use prepare::{Job, Prepared};
#[cfg(test)]
pub(crate) use request::digest;
