use std::collections::BTreeMap;

/// The records of a batch in ranges, each of one state.
///
/// Mostly there is one range, which takes no memory of its own; with many, as when records expire
/// one by one in any order, each costs a search.
#[derive(Debug)]
pub(super) struct Ranges<S> {
    /// From record zero on.
    first: S,
    /// By where they begin; a range ends where the next one begins.
    others: BTreeMap<u32, S>,
}

/// What a range's state is, counted from a later record of it.
pub(super) trait Shift: Clone {
    /// The state of a range that begins `by` records later.
    fn shifted(self, by: u32) -> Self;
}

impl<S: Shift> Ranges<S> {
    pub(super) const fn new(first: S) -> Self {
        Self { first, others: BTreeMap::new() }
    }

    /// The state of the record `index`, and where its range begins.
    pub(super) fn get(&self, index: u32) -> (u32, &S) {
        match self.others.range(..=index).next_back() {
            Some((from, state)) => (*from, state),
            None => (0, &self.first),
        }
    }

    /// The ranges of `from..until`, cut so that they lie in it whole: where each begins, and its state.
    pub(super) fn between(&mut self, from: u32, until: u32) -> impl Iterator<Item = (u32, &mut S)> {
        self.split(from);
        self.split(until);
        let first = (from == 0 && until > 0).then_some((0, &mut self.first));
        let others = if from < until { Some(self.others.range_mut(from..until)) } else { None };
        first.into_iter().chain(others.into_iter().flatten().map(|(from, state)| (*from, state)))
    }

    /// The state of all records, if there is one range.
    pub(super) fn only(&self) -> Option<&S> {
        self.others.is_empty().then_some(&self.first)
    }

    /// All states.
    pub(super) fn all(&self) -> impl Iterator<Item = &S> {
        std::iter::once(&self.first).chain(self.others.values())
    }

    /// Makes a range begin at `index`.
    fn split(&mut self, index: u32) {
        if index == 0 || index == u32::MAX || self.others.contains_key(&index) {
            return;
        }
        let (from, state) = self.get(index);
        let state = state.clone().shifted(index.saturating_sub(from));
        self.others.insert(index, state);
    }
}
