//! Records one by one, out of polled batches.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::FusedStream;

use crate::error::ConsumerError;
use crate::fetched::Fetched;
use crate::message::Message;
use crate::record_batch::Messages;
use crate::shared::Shared;

/// The records of a consumer, one by one.
///
/// Dropping it loses nothing: another stream, or `recv`, goes on behind the last record yielded.
#[must_use = "a stream does nothing unless it is polled"]
pub struct MessageStream<'a> {
    shared: &'a Arc<Shared>,
    inbox: &'a mut Inbox,
    waiting: Option<BoxFuture<'a, Result<Fetched, ConsumerError>>>,
    ended: bool,
}

impl<'a> MessageStream<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, inbox: &'a mut Inbox) -> Self {
        Self { shared, inbox, waiting: None, ended: false }
    }
}

impl Stream for MessageStream<'_> {
    type Item = Result<Message, ConsumerError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        loop {
            if this.waiting.is_none() {
                if let Some(message) = this.inbox.next(this.shared) {
                    return Poll::Ready(Some(Ok(message)));
                }
            }
            let shared = this.shared;
            let waiting = this.waiting.get_or_insert_with(|| Box::pin(shared.poll(Inbox::BATCH)));
            let polled = ready!(waiting.as_mut().poll(cx));
            this.waiting = None;
            if let Err(error) = polled.and_then(|fetched| this.inbox.put(fetched)) {
                this.ended = error.is_fatal();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl FusedStream for MessageStream<'_> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl fmt::Debug for MessageStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// What was polled and not yet yielded.
///
/// Records lie here that the application has not seen. So before one is given out it is checked
/// whether its partition is still what it was when the batch was polled: an atomic load, as long
/// as nothing has changed.
#[derive(Default)]
pub(crate) struct Inbox {
    current: Option<Messages>,
    /// The version of the partition table at which `current` was found good.
    checked_at: u64,
}

impl Inbox {
    /// How many records are polled at once: enough to make the poll's own cost vanish, and few
    /// enough that the partitions take turns.
    pub(crate) const BATCH: usize = 512;

    /// The next record that may be given out.
    pub(crate) fn next(&mut self, shared: &Shared) -> Option<Message> {
        let version = shared.version();
        if version != self.checked_at {
            self.checked_at = version;
            if let Some(messages) = self.current.take() {
                self.current = shared.partitions.lock().still_current(messages);
            }
        }
        let message = self.current.as_mut()?.next();
        if message.is_none() {
            self.current = None;
        }
        message
    }

    /// Takes in what was polled.
    pub(crate) fn put(&mut self, fetched: Fetched) -> Result<(), ConsumerError> {
        match fetched {
            Fetched::Records(batch) => {
                self.current = Some(batch.into_messages());
                Ok(())
            }
            Fetched::Failed { at, error, resume_at } => {
                Err(ConsumerError::Partition { at, resume_at, source: error })
            }
        }
    }

    /// Gives what was not yielded back to its partition.
    pub(crate) fn put_back(&mut self, shared: &Shared) {
        if let Some(messages) = self.current.take() {
            shared.partitions.lock().put_back(messages);
        }
    }
}
