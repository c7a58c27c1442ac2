//! Records whose time to live is over before they were drained.

use tokio::time::Instant;

use super::super::{batch::Burden, lives::Lives, removal::Removed};
use super::state::State;
use crate::core::Core;

impl State {
    /// Takes out what has expired of the records that are not drained.
    pub(super) fn expire_records(&mut self, core: &Core, now: Instant) -> Removed {
        let mut removed = Removed::default();
        self.expire_returned(core, now, &mut removed);
        let mut at = 0;
        while let Some(batch) = self.queued.get_mut(at) {
            if self.briefest.is_over(core, &batch.burden, now) {
                return removed;
            }
            let mut left = true;
            if batch.burden.lives.is_due(now) {
                let (raw, burden) = (&mut batch.raw, &mut batch.burden);
                let count = raw.first_index().saturating_add(raw.count());
                left = removed.expire(core, burden, now, count, |at| raw.pick(at, &core.pool));
                removed.free(burden, raw);
            }
            if left {
                at = at.saturating_add(1);
            } else if let Some(batch) = self.queued.remove(at) {
                removed.unsent = removed.unsent.saturating_add(batch.counted);
                removed.spend(batch.burden);
            }
        }
        let Some(open) = self.open.as_mut().filter(|open| open.burden.lives.is_due(now)) else {
            return removed;
        };
        let (builder, burden) = (&open.builder, &mut open.burden);
        let pick = |at: &[u32]| builder.pick(at, &core.pool);
        if !removed.expire(core, burden, now, builder.count(), pick) {
            if let Some(open) = self.open.take() {
                removed.unsent = removed.unsent.saturating_add(open.counted());
                removed.spend(open.seal().burden);
            }
        }
        removed
    }

    /// A batch that came back is as if it had never been drained: nothing of it is possibly
    /// written, and it is numbered anew.
    fn expire_returned(&mut self, core: &Core, now: Instant, removed: &mut Removed) {
        let mut at = 0;
        while let Some(batch) = self.returned.get_mut(at) {
            let mut left = true;
            if batch.burden.lives.is_due(now) {
                // Inflated under the lock, but only once: it stays as it was before it was drained.
                match batch.sealed.to_raw(core.client.codecs()) {
                    Ok(mut raw) => {
                        let burden = &mut batch.burden;
                        if raw.capacity() > burden.held() {
                            burden.holds(raw.capacity());
                        }
                        let count = raw.first_index().saturating_add(raw.count());
                        let pick = |at: &[u32]| raw.pick(at, &core.pool);
                        left = removed.expire(core, burden, now, count, pick);
                        removed.free(burden, &mut raw);
                        batch.sealed = raw.into();
                    }
                    // Nobody can take single records out of it.
                    Err(_) => batch.burden.lives = Lives::default(),
                }
            }
            if left {
                at = at.saturating_add(1);
            } else if let Some(batch) = self.returned.remove(at) {
                removed.spend(batch.burden);
            }
        }
    }

    /// Closes the open batch when it has taken records for long enough: all of them have the
    /// deadline of the first.
    pub(super) fn close_old(&mut self, core: &Core, now: Instant) {
        if self.open.as_ref().is_some_and(|open| closes_at(core, &open.burden) <= now) {
            self.seal();
        }
    }

    /// When the next record expires.
    pub(super) fn next_expiry(&self, core: &Core) -> Option<Instant> {
        let returned = self.returned.iter().map(|batch| &batch.burden);
        let queued = self.queued.iter().map(|batch| &batch.burden);
        let open = self.open.iter().map(|open| &open.burden);
        let mut next = None;
        for burden in returned.chain(queued).chain(open) {
            if next.is_some_and(|next| self.briefest.is_over(core, burden, next)) {
                break;
            }
            next = [next, burden.lives.next()].into_iter().flatten().min();
        }
        next
    }

    /// Whether a record of the batch to be drained next has expired.
    pub(super) fn is_next_due(&self, now: Instant) -> bool {
        let returned = self.returned.front().map(|batch| &batch.burden);
        let queued = self.queued.front().map(|batch| &batch.burden);
        let open = self.open.as_ref().map(|open| &open.burden);
        returned.or(queued).or(open).is_some_and(|burden| burden.lives.is_due(now))
    }
}

/// When a batch takes no more records, so that none joins one that is soon given up.
pub(super) fn closes_at(core: &Core, burden: &Burden) -> Instant {
    let timeout = core.config.delivery_timeout;
    let left = timeout.saturating_sub(timeout / SHARE);
    burden.deadline.checked_sub(left).unwrap_or(burden.deadline)
}

/// A batch takes records for this part of the delivery timeout: by so much a record may be given up
/// early, which joined a batch that others had begun. Batches are seldom as old as that, since they
/// wait only for brokers that are slow or gone.
const SHARE: u32 = 16;

/// The shortest time from the beginning of a batch to the end of any record in it, if one came with
/// a time to live: no batch has a record that expires so soon after it was begun. Batches are begun
/// in order, so that with one time to live for all only the first of them are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Briefest(Option<std::time::Duration>);

impl Briefest {
    /// Takes in a record of this batch, which ends then.
    pub(super) fn add(&mut self, core: &Core, burden: &Burden, ends: Instant) {
        // A batch is begun when its deadline is still the whole timeout away.
        let ends = ends.checked_add(core.config.delivery_timeout);
        let Some(left) = ends.map(|ends| ends.saturating_duration_since(burden.deadline)) else {
            return;
        };
        self.0 = Some(self.0.map_or(left, |briefest| briefest.min(left)));
    }

    pub(super) const fn is_none(self) -> bool {
        self.0.is_none()
    }

    /// Whether no record of this batch, or of one begun later, expires by `by`.
    fn is_over(self, core: &Core, burden: &Burden, by: Instant) -> bool {
        let Some(briefest) = self.0 else { return true };
        let earliest = burden.deadline.checked_add(briefest);
        let by = by.checked_add(core.config.delivery_timeout);
        earliest.zip(by).is_none_or(|(earliest, by)| earliest > by)
    }
}
