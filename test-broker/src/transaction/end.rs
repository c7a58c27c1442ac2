//! The end of a transaction, by its producer, its successor or the clock.

use std::time::{Duration, Instant};

use ottla_protocol::ErrorCode;

use super::{
    Identity, LAST_EPOCH, Marker, NO_EPOCH, Participant, Transaction, TransactionPhase,
    TransactionVersion,
};

/// How a producer wants its transaction ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) by: Identity,
    pub(crate) commit: bool,
    pub(crate) version: TransactionVersion,
}

/// What an accepted end leads to.
enum Decision {
    /// It has been ended that way before.
    Repeated,
    End,
}

impl Transaction {
    /// Decides how the transaction ends; markers have to be written next. Answers with whom the
    /// producer is to be from now on.
    ///
    /// # Errors
    /// Another producer, an end that contradicts an earlier one (`INVALID_TXN_STATE`), or one
    /// that is not finished yet (`CONCURRENT_TRANSACTIONS`).
    pub(crate) fn end(
        &mut self,
        now: Instant,
        end: End,
        fresh: impl FnOnce() -> i64,
    ) -> Result<Identity, ErrorCode> {
        let decision = match end.version {
            TransactionVersion::V1 => self.judge_v1(end)?,
            TransactionVersion::V2 => self.judge_v2(end)?,
        };
        match decision {
            Decision::Repeated => Ok(self.identity),
            Decision::End => {
                if end.version.raises_epoch() {
                    if self.is_exhausted() {
                        self.next_producer_id = Some(fresh());
                    }
                    self.last_epoch = self.identity.epoch;
                    self.identity.epoch = self.identity.epoch.saturating_add(1);
                }
                self.prepare(now, end.commit, end.version);
                Ok(match self.next_producer_id {
                    Some(producer_id) => Identity { producer_id, epoch: 0 },
                    None => self.identity,
                })
            }
        }
    }

    /// `TransactionCoordinator.endTransactionWithTV1`
    fn judge_v1(&self, End { by, commit, .. }: End) -> Result<Decision, ErrorCode> {
        if by.producer_id != self.identity.producer_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if by.epoch != self.identity.epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match (self.phase, commit) {
            (TransactionPhase::Ongoing, _) => Ok(Decision::End),
            (TransactionPhase::CompleteCommit, true) | (TransactionPhase::CompleteAbort, false) => {
                Ok(Decision::Repeated)
            }
            (TransactionPhase::PrepareCommit, true) | (TransactionPhase::PrepareAbort, false) => {
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// `TransactionCoordinator.endTransaction`: a repeated request comes with the epoch from
    /// before the raise, and an abort of nothing raises the epoch all the same.
    fn judge_v2(&self, End { by, commit, .. }: End) -> Result<Decision, ErrorCode> {
        let current = self.identity;
        let raised = self.version.raises_epoch()
            && by.epoch.checked_add(1) == Some(current.epoch)
            && by.producer_id == current.producer_id;
        let rotated = self.version.raises_epoch()
            && by.producer_id == self.previous_producer_id
            && by.epoch == LAST_EPOCH
            && current.epoch == 0;
        let repeated = raised || rotated;
        if by.producer_id != current.producer_id && !rotated {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        let fits = match self.phase {
            _ if !self.version.raises_epoch() => by.epoch == current.epoch,
            TransactionPhase::Empty | TransactionPhase::Ongoing => by.epoch == current.epoch,
            TransactionPhase::PrepareCommit | TransactionPhase::PrepareAbort => raised,
            TransactionPhase::CompleteCommit | TransactionPhase::CompleteAbort => {
                repeated || by.epoch == current.epoch
            }
        };
        if !fits {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match (self.phase, commit) {
            (TransactionPhase::Ongoing, _) => Ok(Decision::End),
            (TransactionPhase::PrepareCommit, true) | (TransactionPhase::PrepareAbort, false) => {
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
            (TransactionPhase::CompleteCommit, true) | (TransactionPhase::CompleteAbort, false)
                if repeated =>
            {
                Ok(Decision::Repeated)
            }
            (
                TransactionPhase::Empty
                | TransactionPhase::CompleteCommit
                | TransactionPhase::CompleteAbort,
                false,
            ) if !repeated => Ok(Decision::End),
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// Aborts an ongoing transaction under the next epoch, so that its producer can go on no
    /// more. The epoch is given to nobody (`TransactionMetadata.prepareFenceProducerEpoch`).
    pub(super) fn fence(&mut self, now: Instant, server: TransactionVersion) {
        // Under the second protocol this is an end like any other, after which the producer may
        // ask for its next epoch (KIP-588).
        self.last_epoch = if server.raises_epoch() { self.identity.epoch } else { NO_EPOCH };
        self.identity.epoch = self.identity.epoch.saturating_add(1);
        self.prepare(now, false, server);
    }

    /// Aborts the transaction if its time is over; says whether it was.
    pub(crate) fn handle_timeout(&mut self, now: Instant, server: TransactionVersion) -> bool {
        let late = self.phase == TransactionPhase::Ongoing
            && self.poll_deadline().is_some_and(|deadline| deadline <= now);
        if late {
            self.fence(now, server);
        }
        late
    }

    fn prepare(&mut self, now: Instant, commit: bool, version: TransactionVersion) {
        self.phase =
            if commit { TransactionPhase::PrepareCommit } else { TransactionPhase::PrepareAbort };
        self.version = version;
        self.markers_due = Some(now);
    }

    /// Puts off the markers.
    pub(crate) fn delay_markers(&mut self, until: Instant) {
        self.markers_due = self.markers_due.map(|_| until);
    }

    /// The marker that is to be written now, if one is.
    pub(crate) fn marker(&self, now: Instant) -> Option<Marker> {
        self.markers_due.filter(|due| *due <= now)?;
        Some(Marker {
            identity: self.identity,
            commit: self.phase == TransactionPhase::PrepareCommit,
            participants: self.participants.iter().cloned().collect(),
        })
    }

    /// The markers have been written, but for those to `missing`, which are tried again later.
    pub(crate) fn marked(&mut self, now: Instant, missing: Vec<Participant>) {
        self.participants = missing.into_iter().collect();
        if !self.participants.is_empty() {
            self.markers_due = Some(now + RETRY);
            return;
        }
        self.markers_due = None;
        self.started = None;
        self.phase = match self.phase {
            TransactionPhase::PrepareCommit => TransactionPhase::CompleteCommit,
            _ => TransactionPhase::CompleteAbort,
        };
        if let Some(producer_id) = self.next_producer_id.take() {
            self.previous_producer_id = self.identity.producer_id;
            self.last_epoch = self.identity.epoch;
            self.identity = Identity { producer_id, epoch: 0 };
        }
    }
}

/// How long to wait for a leader to write a marker to (`retry.backoff.ms` of Kafka's own).
const RETRY: Duration = Duration::from_millis(100);
