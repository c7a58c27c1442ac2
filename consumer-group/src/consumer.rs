//! The consumer itself: the one who polls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ottla_client::Client;

use crate::builder::ConsumerBuilder;
use crate::control::ConsumerControl;
use crate::error::{CloseError, ConsumerError};
use crate::fetched::Fetched;
use crate::message::Message;
use crate::shared::Shared;
use crate::stream::{Inbox, MessageStream};

/// Reads records of partitions that its group, or the application, assigned to it.
///
/// Fetching, heartbeats, rebalances and commits run in the background; polling only takes what
/// is there. There is one poller; everything else is done with the [`ConsumerControl`].
///
/// Dropping it stops all of that and leaves the group without waiting, and without a last commit;
/// [`close`](Self::close) does it properly.
pub struct Consumer {
    shared: Arc<Shared>,
    inbox: Inbox,
}

impl Consumer {
    /// A builder of consumers on this client.
    pub fn builder(client: &Client) -> ConsumerBuilder {
        ConsumerBuilder::new(client)
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, inbox: Inbox::default() }
    }

    /// Waits for records and takes at most `max` of them, all of one partition; partitions take
    /// turns. With `max` 0 it takes one.
    ///
    /// Cancel safe: a future that is dropped has taken nothing.
    ///
    /// # Errors
    /// [`ConsumerError`]; what has been fetched is not lost by it.
    pub async fn poll(&mut self, max: usize) -> Result<Fetched, ConsumerError> {
        self.inbox.put_back(&self.shared);
        self.shared.poll(max).await
    }

    /// Waits for the next record.
    ///
    /// It polls a batch and gives it out one by one; what of it belongs to a partition that has
    /// been revoked, lost or sought away in the meantime is dropped, as `poll` would have done.
    ///
    /// Cancel safe: a future that is dropped has taken nothing.
    ///
    /// # Errors
    /// [`ConsumerError`], also for a partition that stopped; the next call goes on with others.
    pub async fn recv(&mut self) -> Result<Message, ConsumerError> {
        loop {
            if let Some(message) = self.inbox.next(&self.shared) {
                return Ok(message);
            }
            let fetched = self.shared.poll(Inbox::BATCH).await?;
            self.inbox.put(fetched)?;
        }
    }

    /// The records as a stream, one by one as with [`recv`](Self::recv). It ends after a fatal
    /// error.
    pub fn stream(&mut self) -> MessageStream<'_> {
        MessageStream::new(&self.shared, &mut self.inbox)
    }

    /// What steers this consumer, from anywhere.
    #[must_use]
    pub fn control(&self) -> ConsumerControl {
        ConsumerControl { shared: Arc::clone(&self.shared) }
    }

    /// Commits what is marked, leaves the group and stops, within the given time. The listener is
    /// told of the revoked partitions first. Afterwards nothing of it runs, also after an error.
    ///
    /// # Errors
    /// [`CloseError`]: the last commit failed, or there was not time enough.
    pub async fn close(self, within: Duration) -> Result<(), CloseError> {
        self.shared.close(within).await
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("control", &self.control()).finish_non_exhaustive()
    }
}
