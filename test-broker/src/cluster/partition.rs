//! One partition: its leader, its log, and who waits for its next record.

use std::sync::Arc;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use tokio::sync::Notify;

use crate::log::{BatchHeader, EpochEnd, Log};
use crate::producer_state::{Appended, ProducerStates, Verdict};

#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) index: i32,
    /// The preferred leader first.
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: i32,
    pub(crate) log: Log,
    pub(crate) producers: ProducerStates,
    /// Parked fetches; each is told once.
    watchers: Vec<Arc<Notify>>,
}

/// Where an append went, now or at an earlier attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) base_offset: i64,
    /// -1: the producer's timestamps stand.
    pub(crate) append_time: i64,
}

/// Why a partition cannot be read by this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotReadable {
    Error(ErrorCode),
    /// The consumer has read what this log does not have (KIP-595).
    Diverging {
        epoch: i32,
        end_offset: i64,
    },
}

impl Partition {
    pub(crate) fn new(index: i32, replicas: Vec<i32>, alive: impl Fn(i32) -> bool) -> Self {
        let isr: Vec<i32> = replicas.iter().copied().filter(|id| alive(*id)).collect();
        Self {
            index,
            leader: isr.first().copied(),
            replicas,
            isr,
            leader_epoch: 0,
            log: Log::default(),
            producers: ProducerStates::default(),
            watchers: Vec::new(),
        }
    }

    /// Appends a client's batch whose header was validated.
    ///
    /// # Errors
    /// Its producer's sequence does not fit.
    pub(crate) fn append(
        &mut self,
        bytes: &Bytes,
        header: &BatchHeader,
        append_time: Option<i64>,
    ) -> Result<Placed, ErrorCode> {
        let sequenced = header.sequenced();
        if let Some(batch) = sequenced {
            if let Verdict::Duplicate(at) = self.producers.check(batch)? {
                let append_time = append_time.map_or(-1, |_| at.timestamp);
                return Ok(Placed { base_offset: at.base_offset, append_time });
            }
        }
        let base_offset = self.log.append(bytes, header, self.leader_epoch, append_time);
        if let Some(batch) = sequenced {
            let timestamp = append_time.unwrap_or(header.max_timestamp);
            self.producers.record(batch, Appended { base_offset, timestamp });
        }
        self.wake();
        Ok(Placed { base_offset, append_time: append_time.unwrap_or(-1) })
    }

    /// Whether `node` may serve this partition to a client that believes in `epoch` (-1: does not
    /// say).
    ///
    /// # Errors
    /// As Kafka's `Partition.checkCurrentLeaderEpoch` and `getLocalLog`.
    pub(crate) fn check_leader(&self, node: i32, epoch: i32) -> Result<(), ErrorCode> {
        if epoch >= 0 && epoch < self.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        if epoch > self.leader_epoch {
            return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
        }
        if self.leader == Some(node) { Ok(()) } else { Err(ErrorCode::NOT_LEADER_OR_FOLLOWER) }
    }

    /// Whether a consumer that last saw `last_fetched_epoch` (-1: does not say) can read on at
    /// `offset`.
    pub(crate) fn check_position(
        &self,
        offset: i64,
        last_fetched_epoch: i32,
    ) -> Result<(), NotReadable> {
        if last_fetched_epoch >= 0 {
            let (current, end) = (self.leader_epoch, self.log.end_offset());
            let EpochEnd { epoch, end_offset } = self
                .log
                .epochs()
                .end_of(last_fetched_epoch, current, end)
                .ok_or(NotReadable::Error(ErrorCode::OFFSET_OUT_OF_RANGE))?;
            if epoch < last_fetched_epoch || end_offset < offset {
                return Err(NotReadable::Diverging { epoch, end_offset });
            }
        }
        if offset < self.log.start_offset() || offset > self.log.end_offset() {
            return Err(NotReadable::Error(ErrorCode::OFFSET_OUT_OF_RANGE));
        }
        Ok(())
    }

    /// Makes `leader` the leader, under a new epoch.
    pub(crate) fn elect(&mut self, leader: Option<i32>) {
        self.leader = leader;
        self.leader_epoch += 1;
        self.wake();
    }

    /// Tells everyone who waits that something has changed.
    pub(crate) fn wake(&mut self) {
        for watcher in self.watchers.drain(..) {
            watcher.notify_one();
        }
    }

    pub(crate) fn watch(&mut self, watcher: &Arc<Notify>) {
        if !self.watchers.iter().any(|known| Arc::ptr_eq(known, watcher)) {
            self.watchers.push(Arc::clone(watcher));
        }
    }

    pub(crate) fn unwatch(&mut self, watcher: &Arc<Notify>) {
        self.watchers.retain(|known| !Arc::ptr_eq(known, watcher));
    }
}
