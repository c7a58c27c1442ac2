//! Batches that are too large for the broker, sent again in pieces (KIP-126).

use super::{Drained, GivenUp, Sequencer, Settled, Ticket};

impl<B> Sequencer<B> {
    /// The batch that is to be sent again next, if it must be split before: the broker refused it
    /// as too large, or `too_large` says that it would.
    ///
    /// A batch that is possibly written stays whole: the broker can only recognise it so.
    pub(crate) fn to_split(&self, too_large: impl FnOnce(&B) -> bool) -> Option<(Ticket, &B)> {
        if !self.may_resend() {
            return None;
        }
        let drained = self.drained.get(self.sent)?;
        let splits = !drained.possibly_written && (drained.too_large || too_large(&drained.batch));
        splits.then_some((drained.ticket, &drained.batch))
    }

    /// Puts pieces in a batch's place: `pieces` makes them of it, each with its count of records,
    /// in order and together with all of its records. Returns the batch; nothing happens if it was
    /// given up meanwhile or is in flight.
    ///
    /// The pieces take the batch's own sequence numbers one after the other, so that neither the
    /// epoch changes nor the number of any batch behind it: those in flight were refused because
    /// this one was missing, and fit in behind its pieces as they are.
    pub(crate) fn split(
        &mut self,
        ticket: Ticket,
        pieces: impl FnOnce(&B) -> Vec<(B, u32)>,
    ) -> Option<B> {
        let at = self.drained.iter().position(|drained| drained.ticket == ticket)?;
        let whole = self.drained.get(at)?;
        if at < self.sent || whole.in_flight || whole.possibly_written {
            return None;
        }
        let pieces = pieces(&whole.batch);
        let more = pieces.len().saturating_sub(1) as u64;
        let whole = self.drained.remove(at)?;
        // None of those behind it is in the log: they move back among what the broker will
        // recognise.
        for behind in self.drained.iter_mut().skip(at) {
            behind.place = behind.place.saturating_add(more);
        }
        self.next_place = self.next_place.saturating_add(more);
        let (mut base, mut place) = (whole.base, whole.place);
        for (nth, (batch, count)) in pieces.into_iter().enumerate() {
            let ticket = self.next_ticket();
            let piece = Drained {
                batch,
                ticket,
                identity: whole.identity,
                base,
                place,
                possibly_written: false,
                too_large: false,
                misfit: whole.misfit,
                in_flight: false,
            };
            self.drained.insert(at.saturating_add(nth), piece);
            base = super::advance(base, count);
            place = place.saturating_add(1);
        }
        Some(whole.batch)
    }

    /// Gives up a batch that cannot be split.
    pub(crate) fn discard(&mut self, ticket: Ticket) -> Option<GivenUp<B>> {
        let at = self.drained.iter().position(|drained| drained.ticket == ticket)?;
        let settled = self.give_up(at);
        self.rest();
        match settled {
            Settled::GivenUp(given_up) => Some(given_up),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
