use std::sync::OnceLock;

/// A table by dense numbers that only ever grows: read by every sender for every record, without
/// a lock and without a reference count.
#[derive(Debug)]
pub(super) struct Slots<T> {
    /// Each row is twice as long as the one before, so that nothing that is in place ever moves.
    rows: [OnceLock<Box<[OnceLock<T>]>>; ROWS],
}

const FIRST_ROW: usize = 16;

/// Enough for all 32-bit numbers but the last few.
const ROWS: usize = 28;

impl<T> Slots<T> {
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let (row, column) = place(index);
        self.rows.get(row)?.get()?.get(column)?.get()
    }

    /// What is at `index`, made if there is nothing yet; `None` if the index is out of range.
    pub(super) fn get_or_make(&self, index: usize, make: impl FnOnce() -> T) -> Option<&T> {
        let (row, column) = place(index);
        let empty = || (0..FIRST_ROW << row).map(|_| OnceLock::new()).collect();
        Some(self.rows.get(row)?.get_or_init(empty).get(column)?.get_or_init(make))
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { rows: [const { OnceLock::new() }; ROWS] }
    }
}

/// Row `r` begins at `FIRST_ROW * (2^r - 1)`.
#[inline]
const fn place(index: usize) -> (usize, usize) {
    let row = (index / FIRST_ROW + 1).ilog2();
    (row as usize, index - FIRST_ROW * ((1 << row) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let slots = Slots::default();
        for index in 0..5000 {
            assert_eq!(slots.get(index), None);
            assert_eq!(slots.get_or_make(index, || index), Some(&index));
            assert_eq!(slots.get_or_make(index, || 0), Some(&index));
        }
        assert!((0..5000).all(|index| slots.get(index) == Some(&index)));
        assert_eq!(place(u32::MAX as usize - FIRST_ROW).0, ROWS - 1);
        assert_eq!(slots.get_or_make(u32::MAX as usize, || 0), None);
    }
}
