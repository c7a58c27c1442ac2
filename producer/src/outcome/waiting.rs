use std::task::Waker;

use smallvec::SmallVec;

/// Those who wait for records of one cell.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// A delivery knows its place here, so that polling again costs no search.
    places: Vec<Waiter>,
    /// How many of them still wait.
    alive: usize,
    /// Whether somebody came for a record before one that was waited for already.
    unordered: bool,
}

#[derive(Debug)]
struct Waiter {
    index: u32,
    /// `None` once it was woken or has gone.
    waker: Option<Waker>,
}

/// Wakers to be called when no lock is held: one may poll at once, and drop its delivery.
pub(crate) type Woken = SmallVec<[Waker; 8]>;

impl Waiting {
    /// Keeps `waker`; returns the one it replaces, to be dropped when the lock is not held.
    pub(super) fn wait(&mut self, index: u32, place: &mut u32, waker: &Waker) -> Option<Waker> {
        if let Some(Waiter { index: known, waker: Some(kept) }) =
            self.places.get_mut(*place as usize)
        {
            if *known == index {
                let same = kept.will_wake(waker);
                return (!same).then(|| std::mem::replace(kept, waker.clone()));
            }
        }
        *place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.unordered |= self.places.last().is_some_and(|last| last.index > index);
        self.places.push(Waiter { index, waker: Some(waker.clone()) });
        self.alive = self.alive.saturating_add(1);
        None
    }

    /// Forgets the waker at `place`; it is to be dropped when the lock is not held.
    pub(super) fn forget(&mut self, index: u32, place: u32) -> Option<Waker> {
        let waiter = self.places.get_mut(place as usize).filter(|waiter| waiter.index == index)?;
        let forgotten = waiter.waker.take();
        self.gone(usize::from(forgotten.is_some()));
        forgotten
    }

    /// Takes those who wait for a record of `from..until`.
    ///
    /// Deliveries are mostly awaited in the order of their records; then only those concerned are
    /// looked at, so that a batch whose records end one by one costs no more than one that ends at
    /// once.
    pub(super) fn take(&mut self, from: u32, until: u32, woken: &mut Woken) {
        if self.alive == 0 {
            return;
        }
        let first = if self.unordered {
            0
        } else {
            self.places.partition_point(|waiter| waiter.index < from)
        };
        let unordered = self.unordered;
        let before = woken.len();
        let concerned = self.places.iter_mut().skip(first);
        let concerned = concerned.take_while(|waiter| unordered || waiter.index < until);
        let concerned = concerned.filter(|waiter| waiter.index >= from && waiter.index < until);
        woken.extend(concerned.filter_map(|waiter| waiter.waker.take()));
        self.gone(woken.len().saturating_sub(before));
    }

    fn gone(&mut self, waiters: usize) {
        self.alive = self.alive.saturating_sub(waiters);
        if self.alive == 0 {
            *self = Self::default();
        }
    }
}
