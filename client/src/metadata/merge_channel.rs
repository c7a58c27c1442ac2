//! A channel that holds one value, into which every sender merges what it wants.
//!
//! Metadata requests come from everywhere and mostly say the same. A queue would keep the
//! receiver refreshing for what has long been refreshed, and has to be bounded; dropping what does
//! not fit would lose topics and waiters. Merging loses nothing and is bounded by what can be said.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

struct Shared<T> {
    value: Mutex<Option<T>>,
    ready: Notify,
}

/// Merges into the value.
pub(super) struct Sender<T>(Arc<Shared<T>>);

/// Takes the value. There is one.
pub(super) struct Receiver<T>(Arc<Shared<T>>);

pub(super) fn merge_channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared { value: Mutex::new(None), ready: Notify::new() });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T: Default> Sender<T> {
    /// Changes the value that the receiver will take; a fresh one if it has taken the last.
    pub(super) fn merge(&self, change: impl FnOnce(&mut T)) {
        change(self.0.value.lock().get_or_insert_default());
        self.0.ready.notify_one();
    }
}

impl<T> Receiver<T> {
    /// Waits for a value and takes it. Cancel safe.
    pub(super) async fn recv(&mut self) -> T {
        loop {
            if let Some(value) = self.0.value.lock().take() {
                return value;
            }
            // One permit is kept if nobody waits, so nothing is missed in between.
            self.0.ready.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merge_channel;

    #[tokio::test]
    async fn everything_sent_is_received_once_merged() {
        let (sender, mut receiver) = merge_channel::<Vec<u32>>();
        sender.merge(|all| all.push(1));
        sender.merge(|all| all.push(2));
        assert_eq!(receiver.recv().await, [1, 2]);
        let waiting = tokio::spawn(async move { receiver.recv().await });
        tokio::task::yield_now().await;
        sender.merge(|all| all.push(3));
        assert_eq!(waiting.await.unwrap(), [3]);
    }
}
