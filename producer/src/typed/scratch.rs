use std::cell::Cell;
use std::ops::{Deref, DerefMut};

use bytes::BytesMut;

/// Where a record is serialized before it is encoded into its batch. A thread keeps one of them,
/// so that a record costs no allocation; who waits for room takes it along.
#[derive(Debug)]
pub(super) struct Scratch(BytesMut);

thread_local! {
    static SPARE: Cell<BytesMut> = Cell::default();
}

/// A scratch that a single large record has blown up is not kept.
const KEEP: usize = 1 << 20;

impl Scratch {
    /// An empty one.
    pub(super) fn take() -> Self {
        Self(SPARE.try_with(Cell::take).unwrap_or_default())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut spare = std::mem::take(&mut self.0);
        if spare.capacity() <= KEEP {
            spare.clear();
            // A thread that ends has none any longer.
            let _ = SPARE.try_with(|place| place.set(spare));
        }
    }
}

impl Deref for Scratch {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.0
    }
}
