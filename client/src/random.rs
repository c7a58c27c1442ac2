//! Where all of a client's randomness comes from.

use parking_lot::Mutex;

/// Hands out seeds; the same first seed gives the same sequence.
#[derive(Debug)]
pub(crate) struct Seeds(Mutex<fastrand::Rng>);

impl Seeds {
    /// Seeds that follow from `seed`, or from the operating system's randomness.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)))
    }

    pub(crate) fn next(&self) -> u64 {
        self.0.lock().u64(..)
    }

    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        self.0.lock().shuffle(items);
    }
}
