//! What the driver needs to know.

use std::time::Duration;

use ottla_client::Topic;

use crate::order::{NullKeys, Order, OutputOrder};
use crate::permits::Limits;
use crate::retry::{Exhausted, RetryPolicy};

/// What becomes of a partition that stopped at something that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// The processor stops. The default: going on would lose records silently.
    #[default]
    Stop,
    /// The partition goes on behind it, which is logged and counted.
    Skip,
}

/// What the driver needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) instance: String,
    pub(crate) output: Option<Topic>,
    pub(crate) dead_letter: Option<Topic>,
    pub(crate) order: Order,
    pub(crate) output_order: OutputOrder,
    pub(crate) null_keys: NullKeys,
    pub(crate) limits: Limits,
    pub(crate) retry: RetryPolicy,
    pub(crate) exhausted: Exhausted,
    pub(crate) unreadable: Unreadable,
    pub(crate) drain_timeout: Duration,
    pub(crate) close_timeout: Duration,
    /// For the jitter of retries.
    pub(crate) seed: u64,
}
