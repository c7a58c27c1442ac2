//! A record on its way through the processor.

use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::lanes::Lane;
use crate::tracker::Ticket;

/// A record on its way through the processor, from when it is received until it is done.
///
/// ```text
///             ┌──────────────────── retry ─────────────────────┐
///             ▼                                                 │
///  Queued ─► Ready ─► Executing ─► Held ─► Sending ─► (done)   Waiting, Parked
///    │                    │  └───────────────────────────────────▲
///    ▼                    ▼
///  Dropped ─► (gone)    Zombie ─► (gone)          when the life of its partition ends
/// ```
#[derive(Debug)]
pub(super) struct Slot<M> {
    /// Tells the records apart that use the same slot one after the other.
    pub(super) serial: u64,
    pub(super) partition: usize,
    pub(super) ticket: Ticket,
    pub(super) message: M,
    pub(super) size: usize,
    /// The lane the record is in, until its handler has ended for good.
    pub(super) lane: Option<Lane>,
    /// Whether it came in through a lane, so that its output has an order to keep.
    pub(super) in_order: bool,
    pub(super) state: State,
    /// Attempts started.
    pub(super) attempt: u32,
    pub(super) first_started: Option<Instant>,
    pub(super) ending: Ending,
}

#[derive(Debug)]
pub(super) enum State {
    /// Behind another record in its lane.
    Queued,
    /// At the head of its lane, for want of a place to execute.
    Ready,
    /// Its handler runs.
    Executing(AbortHandle),
    /// For the next attempt.
    Waiting { due: Instant },
    /// For somebody to unpark it.
    Parked,
    /// Its handler has succeeded; the results of earlier records are not there.
    Held,
    /// Its outputs have been given to the producer.
    Sending { unacknowledged: usize },
    /// Given up while queued: vanishes when its lane reaches it.
    Dropped,
    /// Given up while executing: keeps its lane until the task is gone.
    Zombie,
}

/// How a record comes to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Succeeded,
    Skipped,
    DeadLettered,
}

/// Names a record for as long as it is in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotRef {
    pub(super) slot: usize,
    pub(super) serial: u64,
}

impl<M> Slot<M> {
    /// Whether the record still counts: its partition's life has not ended.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self.state, State::Dropped | State::Zombie)
    }

    /// Whether neither its handler runs nor its result exists.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Queued | State::Ready | State::Waiting { .. } | State::Parked)
    }
}
