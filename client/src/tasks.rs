//! The tasks of a client: counted, and ended with it.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts tasks and ends them in two steps: asked to, then made to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    closing: CancellationToken,
    abort: CancellationToken,
}

impl Tasks {
    /// Starts a task on the runtime it is called in.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Cancelled when the client begins to close: finish what you are doing.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Cancelled when there is no more time: end now.
    pub(crate) fn abort(&self) -> &CancellationToken {
        &self.abort
    }

    /// Ends everything without waiting for it.
    pub(crate) fn end(&self) {
        self.closing.cancel();
        self.abort.cancel();
        self.tracker.close();
    }

    /// Asks all tasks to end, waits, then makes them. Whether they ended in time by themselves.
    pub(crate) async fn close(&self, within: Duration) -> bool {
        self.closing.cancel();
        self.tracker.close();
        let in_time = tokio::time::timeout(within, self.tracker.wait()).await.is_ok();
        self.abort.cancel();
        in_time
    }
}
