//! How many bytes of records the consumer may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Counts the bytes that are expected, buffered, inflated, or with the application.
///
/// Bytes are reserved before they are asked for. What arrives, and what it inflates to, is charged
/// as it is, even above the limit: it is there. Charges end with the last reference to the bytes.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
    freed: Notify,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), freed: Notify::new() })
    }

    /// Reserves `wanted` bytes, or what is left if that is at least `least`.
    pub(crate) fn reserve(self: &Arc<Self>, wanted: usize, least: usize) -> Option<Charge> {
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let bytes = wanted.min(self.limit.saturating_sub(used));
            if bytes < least.min(wanted) || bytes == 0 {
                return None;
            }
            match self.used.compare_exchange_weak(
                used,
                used.saturating_add(bytes),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Charge { budget: Some(Arc::clone(self)), bytes }),
                Err(now) => used = now,
            }
        }
    }

    /// Charges bytes that are there, whatever the limit.
    pub(crate) fn charge(self: &Arc<Self>, bytes: usize) -> Charge {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Charge { budget: Some(Arc::clone(self)), bytes }
    }

    /// Ends when bytes are given back after this call, however late it is first polled: call it
    /// before trying to reserve.
    pub(crate) fn freed(&self) -> Notified<'_> {
        self.freed.notified()
    }

    /// Whether less than `bytes` are left.
    pub(crate) fn is_short(&self, bytes: usize) -> bool {
        self.limit.saturating_sub(self.used()) < bytes
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// Bytes counted in a budget until this is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Option<Arc<Budget>>,
    bytes: usize,
}

impl Charge {
    /// Nothing, of no budget.
    pub(crate) const fn none() -> Self {
        Self { budget: None, bytes: 0 }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let (Some(budget), 1..) = (&self.budget, self.bytes) {
            budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
            budget.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_stop_at_the_limit_and_charges_do_not() {
        let budget = Budget::new(100);
        let first = budget.reserve(60, 10).unwrap();
        let second = budget.reserve(60, 10).unwrap();
        assert_eq!((first.bytes(), second.bytes()), (60, 40));
        assert!(budget.reserve(1, 1).is_none());
        let inflated = budget.charge(500);
        drop(second);
        assert_eq!(budget.used(), 560);
        assert!(budget.reserve(10, 1).is_none());
        drop(inflated);
        assert!(budget.reserve(60, 50).is_none(), "less than the least");
        assert_eq!(budget.reserve(60, 40).unwrap().bytes(), 40);
        drop(first);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn giving_back_wakes_who_waits() {
        let budget = Budget::new(10);
        let charge = budget.charge(10);
        let freed = budget.freed();
        tokio::pin!(freed);
        assert!(futures_util::poll!(freed.as_mut()).is_pending());
        drop(charge);
        freed.await;
    }
}
