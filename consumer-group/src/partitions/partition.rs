//! One partition.

use std::time::Duration;

use ottla_client::{Backoff, BrokerId, RetryPolicy, TopicPartition};
use ottla_protocol::Uuid;
use tokio::time::Instant;

use super::buffer::Buffer;
use super::fetch_size::FetchSize;
use crate::config::Start;
use crate::error::PartitionError;
use crate::mark::AssignmentEpoch;

/// `retry.backoff.ms` and `retry.backoff.max.ms`.
const RETRY: RetryPolicy =
    RetryPolicy::doubling(Duration::from_millis(100), Duration::from_secs(1));

/// Who serves a partition, as metadata says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) broker: BrokerId,
    pub(crate) epoch: i32,
    pub(crate) topic_id: Uuid,
}

/// Why a partition was not served.
#[derive(Debug)]
pub(crate) enum FetchFault {
    /// Try again after a while, perhaps elsewhere.
    Retry,
    /// The offset is not in the log.
    OutOfRange,
    /// It will not be served from here on.
    Stop(PartitionError, i64),
}

/// Where the reading of a partition stands.
///
/// ```text
///   Finding ──found──► Fetching ──out of range──► Finding
///      ▲                  │
///      └──────seek────────┴──cannot be read──► Stopped ──seek──► Finding
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The start is being looked up; `asked` while a request for it is under way.
    Finding {
        start: Start,
        asked: bool,
    },
    Fetching,
    Stopped,
}

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) at: TopicPartition,
    /// Of the present assignment; `None` without one.
    pub(super) epoch: Option<AssignmentEpoch>,
    /// Counts assignments and seeks: what was asked for before the last one is stale. So one
    /// number in an answer stands for both assignment epoch and seek.
    pub(super) generation: u64,
    pub(super) phase: Phase,
    /// The application has not been told of the assignment yet.
    pub(super) held: bool,
    /// The application is finishing with it: nothing more is handed out.
    pub(super) revoking: bool,
    pub(super) paused: bool,
    /// The next record to hand out.
    pub(super) position: Option<i64>,
    /// The next record to ask a broker for.
    pub(super) fetch_offset: i64,
    pub(super) fetch_size: FetchSize,
    pub(super) buffer: Buffer,
    pub(super) leader: Option<Leader>,
    /// A fetch that lists it is under way.
    pub(super) in_flight: bool,
    /// The spare connection found nothing; the next regular fetch is to list it.
    pub(super) waits_for_regular: bool,
    pub(super) retry_at: Option<Instant>,
    pub(super) backoff: Backoff,
    pub(super) high_watermark: Option<i64>,
    pub(super) log_start: Option<i64>,
    /// In the queue of those that have something to hand out.
    pub(super) queued: bool,
}

impl Partition {
    pub(super) fn new(at: TopicPartition, fetch_bytes: usize, seed: u64) -> Self {
        Self {
            at,
            epoch: None,
            generation: 0,
            phase: Phase::Stopped,
            held: false,
            revoking: false,
            paused: false,
            position: None,
            fetch_offset: 0,
            fetch_size: FetchSize::new(fetch_bytes),
            buffer: Buffer::default(),
            leader: None,
            in_flight: false,
            waits_for_regular: false,
            retry_at: None,
            backoff: Backoff::new(RETRY, seed),
            high_watermark: None,
            log_start: None,
            queued: false,
        }
    }

    /// A new stay begins.
    pub(super) fn assign(&mut self, epoch: AssignmentEpoch, start: Start, held: bool) {
        self.restart(start);
        self.epoch = Some(epoch);
        self.held = held;
        self.revoking = false;
        self.paused = false;
        self.high_watermark = None;
        self.log_start = None;
    }

    /// The stay is over.
    pub(super) fn unassign(&mut self) {
        self.restart(Start::default());
        self.phase = Phase::Stopped;
        self.epoch = None;
        self.revoking = false;
        self.held = false;
        self.position = None;
    }

    /// Reads from elsewhere: all that is buffered or on its way is stale.
    pub(super) fn restart(&mut self, start: Start) {
        self.generation = self.generation.wrapping_add(1);
        self.buffer = Buffer::default();
        self.in_flight = false;
        self.waits_for_regular = false;
        self.retry_at = None;
        self.backoff.reset();
        match start {
            Start::Offset(offset) => self.start_at(offset),
            start => {
                self.phase = Phase::Finding { start, asked: false };
                self.position = None;
            }
        }
    }

    /// The start is known.
    pub(super) fn start_at(&mut self, offset: i64) {
        self.phase = Phase::Fetching;
        self.fetch_offset = offset;
        if self.buffer.is_drained() {
            self.position = Some(offset);
        }
    }

    /// Nothing more can be read; what is buffered is still handed out before the failure.
    pub(super) fn stop(&mut self, error: PartitionError, resume_at: i64) {
        self.phase = Phase::Stopped;
        self.buffer.fail(error, resume_at);
    }

    pub(super) fn back_off(&mut self, now: Instant) {
        self.retry_at = Some(now + self.backoff.next());
    }

    /// Whether it has something to hand out.
    pub(super) fn is_ready(&self) -> bool {
        self.epoch.is_some()
            && !self.revoking
            && !self.paused
            && (self.buffer.has_records() || self.buffer.has_failed())
    }

    /// Whether fetches of it are wanted at all.
    pub(super) fn is_fetching(&self) -> bool {
        self.epoch.is_some()
            && !self.held
            && !self.revoking
            && !self.paused
            && self.phase == Phase::Fetching
    }
}
