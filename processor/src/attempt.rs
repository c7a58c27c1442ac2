//! Which attempt at a record this is.

use std::time::Duration;

use tokio::time::Instant;

/// Which attempt at a record this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub(crate) number: u32,
    pub(crate) first_started: Instant,
}

impl Attempt {
    /// The number of this attempt: 1 for the first. Attempts before a revocation, a rewind or a
    /// restart are not counted: nothing remembers them.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether the record was tried before.
    pub fn is_retry(&self) -> bool {
        self.number > 1
    }

    /// When the first attempt started.
    pub fn first_started(&self) -> Instant {
        self.first_started
    }

    /// How long ago the first attempt started.
    pub fn age(&self) -> Duration {
        self.first_started.elapsed()
    }
}
