//! Producers that a partition waits for while it asks whether they may write to a transaction.
//!
//! Kafka keeps the lowest sequence that has asked, so that no later batch of the same producer
//! comes before it (`VerificationStateEntry`). It forgets it with the first batch of a transaction
//! that is appended: one that was never let in, or that was a repetition, leaves it behind.

use std::collections::BTreeMap;

use ottla_protocol::ErrorCode;

use crate::producer_state::Sequenced;

/// By producer id.
#[derive(Debug, Default)]
pub(crate) struct Verifications(BTreeMap<i64, Verification>);

#[derive(Debug)]
struct Verification {
    epoch: i16,
    lowest: i32,
    /// Under the second protocol a producer starts with the first number.
    from_zero: bool,
}

impl Verifications {
    /// A batch asks to be let into its producer's transaction.
    pub(crate) fn begin(&mut self, batch: Sequenced, from_zero: bool) {
        let asked = Verification { epoch: batch.epoch, lowest: batch.first, from_zero };
        match self.0.get_mut(&batch.producer_id) {
            None => {
                self.0.insert(batch.producer_id, asked);
            }
            Some(known) if batch.epoch > known.epoch => *known = asked,
            Some(known) if batch.epoch == known.epoch => {
                known.lowest = known.lowest.min(batch.first);
            }
            Some(_) => {}
        }
    }

    /// Whether a batch comes in its turn; `is_known`: the partition knows its producer.
    ///
    /// # Errors
    /// `OUT_OF_ORDER_SEQUENCE_NUMBER`.
    pub(crate) fn check(&self, batch: Sequenced, is_known: bool) -> Result<(), ErrorCode> {
        let Some(asked) = self.0.get(&batch.producer_id) else { return Ok(()) };
        let starts_late = asked.from_zero && !is_known && batch.first != 0;
        if batch.first > asked.lowest || starts_late {
            return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        }
        Ok(())
    }

    /// A transactional batch or a marker of this producer was appended.
    pub(crate) fn end(&mut self, producer_id: i64) {
        self.0.remove(&producer_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, first: i32) -> Sequenced {
        Sequenced::new(7, epoch, first, 1)
    }

    #[test]
    fn nothing_comes_before_the_lowest_that_asked() {
        let mut asked = Verifications::default();
        asked.begin(batch(0, 4), false);
        asked.begin(batch(0, 2), false);
        asked.begin(batch(0, 6), false);
        let late = Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!(asked.check(batch(0, 4), true), late);
        assert_eq!(asked.check(batch(0, 2), true), Ok(()));
        asked.begin(batch(1, 5), false);
        assert_eq!(asked.check(batch(1, 5), true), Ok(()));
        asked.end(7);
        assert_eq!(asked.check(batch(1, 9), true), Ok(()));
    }

    #[test]
    fn the_second_protocol_starts_at_zero() {
        let mut asked = Verifications::default();
        asked.begin(batch(0, 3), true);
        let late = Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!(asked.check(batch(0, 3), false), late);
        assert_eq!(asked.check(batch(0, 3), true), Ok(()));
        asked.begin(batch(0, 0), true);
        assert_eq!(asked.check(batch(0, 0), false), Ok(()));
    }
}
