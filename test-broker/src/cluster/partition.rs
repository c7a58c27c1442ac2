//! One partition: its leader, its log, and who waits for its next record.

use std::sync::Arc;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::records::{ControlKind, ControlRecord};
use tokio::sync::Notify;

use crate::log::{BatchHeader, EpochEnd, Log, LogTransactions};
use crate::producer_state::{Appended, ProducerStates, Verdict};
use crate::transaction::Identity;
use crate::verification::Verifications;

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
    pub(crate) transactions: LogTransactions,
    verifications: Verifications,
    /// Where a test holds the high watermark.
    held: Option<i64>,
    /// Parked fetches; each is told once.
    watchers: Vec<Arc<Notify>>,
}

/// Where an append went, now or at an earlier attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
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
            transactions: LogTransactions::default(),
            verifications: Verifications::default(),
            held: None,
            watchers: Vec::new(),
        }
    }

    /// Appends a client's batch whose header was validated.
    ///
    /// # Errors
    /// Its producer's sequence does not fit, or it is not transactional and its producer has a
    /// transaction open (`INVALID_TXN_STATE`).
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
                let last_offset = at.base_offset + i64::from(header.last_offset_delta);
                return Ok(Placed { base_offset: at.base_offset, last_offset, append_time });
            }
            let is_known = self.producers.epoch(batch.producer_id).is_some();
            self.verifications.check(batch, is_known)?;
            if !header.is_transactional() && self.transactions.is_open(batch.producer_id) {
                return Err(ErrorCode::INVALID_TXN_STATE);
            }
        }
        let base_offset = self.log.append(bytes, header, self.leader_epoch, append_time);
        if let Some(batch) = sequenced {
            let timestamp = append_time.unwrap_or(header.max_timestamp);
            self.producers.record(batch, Appended { base_offset, timestamp });
            if header.is_transactional() {
                self.transactions.wrote(batch.producer_id, base_offset);
                self.verifications.end(batch.producer_id);
            }
        }
        self.wake();
        let last_offset = self.log.end_offset() - 1;
        Ok(Placed { base_offset, last_offset, append_time: append_time.unwrap_or(-1) })
    }

    /// Ends a producer's transaction in this log.
    pub(crate) fn append_marker(&mut self, by: Identity, commit: bool, timestamp: i64) {
        let kind = if commit { ControlKind::Commit } else { ControlKind::Abort };
        let record = ControlRecord { kind, coordinator_epoch: Some(0) };
        let bytes = record.to_batch(by.producer_id, by.epoch, timestamp);
        // What `to_batch` writes has a header.
        let Ok(header) = BatchHeader::read(&bytes) else { return };
        let at = self.log.append(&bytes, &header, self.leader_epoch, None);
        self.producers.marked(by.producer_id, by.epoch);
        self.transactions.marked(by.producer_id, at, commit);
        self.verifications.end(by.producer_id);
        self.transactions.settle(self.high_watermark());
        self.wake();
    }

    /// Notes that a batch asks to be let into its producer's transaction.
    pub(crate) fn begin_verification(&mut self, header: &BatchHeader, from_zero: bool) {
        if let Some(batch) = header.sequenced() {
            self.verifications.begin(batch, from_zero);
        }
    }

    /// Whether a producer's transaction has records here: then a batch of it needs no further
    /// leave (`UnifiedLog.hasOngoingTransaction`).
    pub(crate) fn has_open_transaction(&self, by: Identity) -> bool {
        self.transactions.is_open(by.producer_id)
            && self.producers.epoch(by.producer_id) == Some(by.epoch)
    }

    /// The offset behind the last record that all in-sync replicas have.
    pub(crate) fn high_watermark(&self) -> i64 {
        let end = self.log.end_offset();
        self.held.map_or(end, |held| held.min(end))
    }

    /// The offset below which every transaction is decided.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.transactions.last_stable(self.high_watermark(), self.log.start_offset())
    }

    /// Where consumers stop reading.
    pub(crate) fn readable_end(&self, read_committed: bool) -> i64 {
        if read_committed { self.last_stable_offset() } else { self.high_watermark() }
    }

    /// Holds the high watermark where it is or at an offset, or lets it follow the log's end.
    pub(crate) fn hold_high_watermark(&mut self, at: Option<i64>) {
        self.held = at.map(|at| at.max(self.log.start_offset()));
        self.wake();
    }

    /// Deletes the records before `offset`.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.log.delete_before(offset);
        self.transactions.delete_before(self.log.start_offset());
        self.wake();
    }

    /// Drops the records from `offset` on, as an unclean election does.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.log.truncate(offset);
        self.transactions.truncate(self.log.end_offset());
        self.producers.forget();
        self.elect(self.leader);
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
