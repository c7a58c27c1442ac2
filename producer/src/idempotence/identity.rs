use ottla_protocol::records::Sequence;

/// A producer id with an epoch, as one partition uses it.
///
/// A broker keeps the epoch for each partition on its own, so that a partition whose sequence is
/// broken goes to the next epoch by itself, without asking anybody and without disturbing the
/// others (as the Java client has done since KIP-360).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

impl Identity {
    /// The same producer one epoch on; `None` when epochs have run out and a new id is needed.
    pub(crate) const fn next_epoch(self) -> Option<Self> {
        // The last epoch is the broker's own, to fence with.
        if self.epoch < i16::MAX - 1 {
            Some(Self { id: self.id, epoch: self.epoch + 1 })
        } else {
            None
        }
    }

    pub(crate) const fn sequence(self, base_sequence: i32) -> Sequence {
        Sequence { producer_id: self.id, producer_epoch: self.epoch, base_sequence }
    }
}

/// The sequence number `by` records after `sequence`: after the highest comes zero.
pub(super) const fn advance(sequence: i32, by: u32) -> i32 {
    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        reason = "invariant: both are below 2^31, and the sum is without its highest bit"
    )]
    let after = ((sequence as u32).wrapping_add(by) & (i32::MAX as u32)) as i32;
    after
}
