//! A producer starts, or starts anew.

use std::time::{Duration, Instant};

use ottla_protocol::ErrorCode;

use super::{
    Identity, LAST_EPOCH, NO_EPOCH, NO_PRODUCER_ID, Transaction, TransactionPhase,
    TransactionVersion,
};

/// What a producer asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Init {
    pub(crate) timeout: Duration,
    /// Whom it holds itself to be (KIP-360); `None` if it comes for the first time.
    pub(crate) expected: Option<Identity>,
}

impl Transaction {
    /// Gives out the next epoch, which fences whoever had the one before
    /// (`TransactionCoordinator.prepareInitProducerIdTransit`). `fresh` makes a new producer id.
    ///
    /// # Errors
    /// `CONCURRENT_TRANSACTIONS` while the previous transaction is being ended, which an ongoing
    /// one is from now on; `PRODUCER_FENCED` for who is not whom it holds itself to be.
    pub(crate) fn init(
        &mut self,
        now: Instant,
        init: Init,
        server: TransactionVersion,
        fresh: impl FnOnce() -> i64,
    ) -> Result<Identity, ErrorCode> {
        if !init.expected.is_none_or(|expected| self.may_be(expected)) {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match self.phase {
            TransactionPhase::PrepareCommit | TransactionPhase::PrepareAbort => {
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
            TransactionPhase::Ongoing => {
                self.fence(now, server);
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
            TransactionPhase::Empty
            | TransactionPhase::CompleteCommit
            | TransactionPhase::CompleteAbort => {
                let current = self.identity.epoch;
                if self.is_exhausted() && init.expected.is_none_or(|it| it.epoch == current) {
                    self.rotate(fresh(), init.expected.is_some());
                } else {
                    self.raise(init.expected)?;
                }
                self.phase = TransactionPhase::Empty;
                self.timeout = init.timeout;
                self.started = None;
                Ok(self.identity)
            }
        }
    }

    /// Whether a producer may be whom it holds itself to be. Its epoch is looked at later.
    fn may_be(&self, expected: Identity) -> bool {
        self.identity.epoch == NO_EPOCH
            || expected.producer_id == self.identity.producer_id
            // It never got the answer that told it its new id.
            || (expected.producer_id == self.previous_producer_id && expected.epoch >= LAST_EPOCH)
    }

    /// `TransactionMetadata.prepareIncrementProducerEpoch`
    fn raise(&mut self, expected: Option<Identity>) -> Result<(), ErrorCode> {
        let current = self.identity.epoch;
        self.last_epoch = match expected {
            None => NO_EPOCH,
            Some(expected) if current == NO_EPOCH || expected.epoch == current => current,
            // A repetition of a request whose answer was lost: nothing is raised again.
            Some(expected) if expected.epoch == self.last_epoch => return Ok(()),
            Some(_) => return Err(ErrorCode::PRODUCER_FENCED),
        };
        self.previous_producer_id = self.identity.producer_id;
        self.identity.epoch = current.saturating_add(1);
        Ok(())
    }

    /// `TransactionMetadata.prepareProducerIdRotation`
    fn rotate(&mut self, producer_id: i64, keep_last_epoch: bool) {
        self.last_epoch = if keep_last_epoch { self.identity.epoch } else { NO_EPOCH };
        self.previous_producer_id = self.identity.producer_id;
        self.identity = Identity { producer_id, epoch: 0 };
        debug_assert_ne!(producer_id, NO_PRODUCER_ID, "ids are given out from 0 on");
    }
}
