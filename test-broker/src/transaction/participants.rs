//! What comes to a transaction.

use std::time::Instant;

use ottla_protocol::ErrorCode;

use super::{Identity, Participant, Transaction, TransactionPhase, TransactionVersion};

impl Transaction {
    /// Adds participants; the first ones begin the transaction
    /// (`TransactionCoordinator.handleAddPartitionsToTransaction`).
    ///
    /// # Errors
    /// `INVALID_PRODUCER_ID_MAPPING` or `PRODUCER_FENCED` for another producer,
    /// `CONCURRENT_TRANSACTIONS` while the previous transaction is being ended.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        by: Identity,
        participants: Vec<Participant>,
        version: TransactionVersion,
    ) -> Result<(), ErrorCode> {
        self.check_identity(by)?;
        self.check_not_ending()?;
        let all_in = participants.iter().all(|it| self.participants.contains(it));
        if self.phase == TransactionPhase::Ongoing && all_in {
            return Ok(());
        }
        if self.phase != TransactionPhase::Ongoing {
            self.started = Some(now);
        }
        self.phase = TransactionPhase::Ongoing;
        self.version = version;
        self.participants.extend(participants);
        Ok(())
    }

    /// Whether a write may belong to this transaction
    /// (`TransactionCoordinator.handleVerifyPartitionsInTransaction`).
    ///
    /// # Errors
    /// As [`add`](Self::add), and `TRANSACTION_ABORTABLE` if it was not added.
    pub(crate) fn verify(&self, by: Identity, participant: &Participant) -> Result<(), ErrorCode> {
        self.check_identity(by)?;
        self.check_not_ending()?;
        if self.participants.contains(participant) {
            Ok(())
        } else {
            Err(ErrorCode::TRANSACTION_ABORTABLE)
        }
    }

    fn check_identity(&self, by: Identity) -> Result<(), ErrorCode> {
        if by.producer_id != self.identity.producer_id {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if by.epoch == self.identity.epoch { Ok(()) } else { Err(ErrorCode::PRODUCER_FENCED) }
    }

    fn check_not_ending(&self) -> Result<(), ErrorCode> {
        match self.phase {
            TransactionPhase::PrepareCommit | TransactionPhase::PrepareAbort => {
                Err(ErrorCode::CONCURRENT_TRANSACTIONS)
            }
            _ => Ok(()),
        }
    }
}
