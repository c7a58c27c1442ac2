//! What a workload did and saw, and whether the cluster's logs agree with it.
//!
//! ```text
//! workload ── events ──► [`Journal`], a file ─┐
//!                                            ├─► [`check`] ─► [`Verdict`]s, none if all is well
//! Java client ── records, commits ─► [`Logs`] ┤
//! log files ── batches ──────────────────────┘
//! ```
//!
//! The workload writes every event down before it acts, or after it saw, and never interprets.
//! The logs are read by somebody else when everything is over. The checker is a function of the
//! two: it can be run again on a journal that was kept, and is itself tested with histories that
//! have one known flaw each.
//!
//! Nothing in here knows of any client: a checker must not share the bugs it looks for.

mod batch;
mod check;
mod commit;
mod event;
mod figures;
mod journal;
mod line;
mod logs;
mod payload;
mod reading;
#[cfg(test)]
mod tests;
mod verdict;

pub use batch::{Batch, read_batches};
pub use check::check;
pub use commit::Commit;
pub use event::{End, Event, Group, Occurrence, Outcome, Place, RecordId, Topic};
pub use figures::{Figures, Recovery};
pub use journal::{Journal, now, read_journal};
pub use line::NoEvent;
pub use logs::{Content, Logged, Logs};
pub use payload::{java_hash, payload, record_id};
pub use verdict::{Anomaly, Verdict};
