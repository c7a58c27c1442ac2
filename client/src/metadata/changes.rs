//! News of new snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// Tells whoever holds it when there is a new snapshot of the cluster.
///
/// Those who wait are woken in the order in which they began to, in every run: a `watch` channel
/// wakes them by chance, so that the same seed would not give the same trace.
#[derive(Clone, Debug)]
pub struct Changes {
    state: Arc<State>,
    seen: u64,
}

/// The side of the metadata's task. Dropped, it ends all waiting.
#[derive(Debug)]
pub(super) struct Announcer(Arc<State>);

#[derive(Debug)]
struct State {
    version: AtomicU64,
    ended: AtomicBool,
    news: Notify,
}

pub(super) fn changes() -> (Announcer, Changes) {
    let state = Arc::new(State {
        version: AtomicU64::new(0),
        ended: AtomicBool::new(false),
        news: Notify::new(),
    });
    (Announcer(Arc::clone(&state)), Changes { state, seen: 0 })
}

impl Changes {
    /// Waits for a snapshot newer than the one this has told of last; its version. If several came
    /// at once, the newest. `None` once the client is closed. Cancel safe: nothing is missed.
    pub async fn next(&mut self) -> Option<u64> {
        loop {
            let news = self.state.news.notified();
            tokio::pin!(news);
            // From here on news that come before the look at the version are not missed.
            news.as_mut().enable();
            let version = self.state.version.load(Ordering::Acquire);
            if version != self.seen {
                self.seen = version;
                return Some(version);
            }
            if self.state.ended.load(Ordering::Acquire) {
                return None;
            }
            news.await;
        }
    }
}

impl Announcer {
    pub(super) fn announce(&self, version: u64) {
        self.0.version.store(version, Ordering::Release);
        self.0.news.notify_waiters();
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
        self.0.news.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use parking_lot::Mutex;

    use super::changes;

    #[tokio::test(start_paused = true)]
    async fn everybody_hears_in_the_order_of_asking_and_only_of_what_is_new() {
        let (announcer, first) = changes();
        let heard = Arc::new(Mutex::new(Vec::new()));
        for number in 0..20 {
            let (mut changes, heard) = (first.clone(), Arc::clone(&heard));
            tokio::spawn(async move {
                while let Some(version) = changes.next().await {
                    heard.lock().push((version, number));
                }
                heard.lock().push((0, number));
            });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        announcer.announce(1);
        announcer.announce(2);
        tokio::time::sleep(Duration::from_millis(1)).await;
        drop(announcer);
        tokio::time::sleep(Duration::from_millis(1)).await;
        let expected = (0..20).map(|number| (2, number)).chain((0..20).map(|number| (0, number)));
        assert_eq!(*heard.lock(), expected.collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_announced_before_the_question_is_news() {
        let (announcer, mut changes) = changes();
        announcer.announce(7);
        assert_eq!(changes.next().await, Some(7));
        let cut_short = tokio::time::timeout(Duration::from_millis(1), changes.next()).await;
        assert!(cut_short.is_err());
        announcer.announce(8);
        drop(announcer);
        assert_eq!(changes.next().await, Some(8));
        assert_eq!(changes.next().await, None);
    }
}
