use std::sync::{Mutex, MutexGuard, PoisonError};

/// Codec states that are costly to make, kept for the next batch. The lock is held to take one and to return it,
/// never while it works.
#[derive(Debug)]
pub(super) struct Pool<T> {
    idle: Mutex<Vec<T>>,
}

impl<T> Pool<T> {
    /// An idle state that `fits`, if there is one.
    pub(super) fn take(&self, fits: impl FnMut(&T) -> bool) -> Option<T> {
        let mut idle = self.lock();
        let at = idle.iter().position(fits)?;
        Some(idle.swap_remove(at))
    }

    /// Keeps `state` for the next; of too many the oldest goes.
    pub(super) fn put(&self, state: T) {
        let mut idle = self.lock();
        let surplus = if idle.len() < MAX_IDLE { None } else { Some(idle.remove(0)) };
        idle.push(state);
        drop(idle);
        drop(surplus);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // invariant: nothing that runs under the lock leaves the states half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { idle: Mutex::default() }
    }
}

/// As many as threads usually compress at once: with more of them, making a state is not what holds them up.
const MAX_IDLE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_latest_few() {
        let pool = Pool::default();
        for state in 0..20 {
            pool.put(state);
        }
        assert_eq!(pool.take(|state| *state < 12), None);
        assert_eq!(pool.take(|state| *state == 12), Some(12));
        assert_eq!(pool.take(|state| *state == 12), None);
    }
}
