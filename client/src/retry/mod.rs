//! When to try again: exponential, jittered, bounded.

mod backoff;
mod bounded;

pub use backoff::{Backoff, RetryPolicy};
pub use bounded::Retry;
