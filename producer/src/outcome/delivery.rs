use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    callback::Callback,
    cell::{OutcomeCell, Polled},
};
use crate::error::SendError;

/// A record's place in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Written {
    /// The partition.
    pub partition: i32,
    /// The offset. `None` if the broker did not tell: with `acks=0`, or for a batch that it had
    /// already and of which it no longer knows the offset.
    pub offset: Option<i64>,
    /// The broker's time in milliseconds since the epoch if the topic uses it (`LogAppendTime`);
    /// `None` if the record kept its own.
    pub timestamp: Option<i64>,
}

/// The outcome of one record, to be awaited or dropped.
///
/// Sixteen bytes and no allocation: a reference to the outcomes of the record's batch, and an
/// index. Dropping it changes nothing for the record.
///
/// # Cancel safety
/// Awaiting `&mut delivery` can be broken off and taken up again.
#[must_use = "a delivery tells what became of the record; `drop` it if nobody asks"]
pub struct Delivery {
    cell: Arc<OutcomeCell>,
    index: u32,
    /// Where the cell keeps our waker; meaningless before the first poll.
    place: u32,
}

const NO_PLACE: u32 = u32::MAX;

impl Delivery {
    pub(super) const fn new(cell: Arc<OutcomeCell>, index: u32) -> Self {
        Self { cell, index, place: NO_PLACE }
    }

    /// Calls `call` with the outcome instead of giving it to a future: once, whatever happens, and
    /// at once if it is there already (librdkafka's `dr_msg_cb`, Java's `Callback`).
    ///
    /// It costs an allocation for the record; [`ProducerEvents`](crate::ProducerEvents) tells whole
    /// batches and costs none. It runs where the outcome comes to light, mostly on the producer's
    /// own tasks, with no lock held: it may send with [`try_send`](crate::Producer::try_send), and
    /// must not block. Functions for records of one batch are called in the order of the records.
    /// A panic in it is logged and goes no further.
    pub fn on_outcome(self, call: impl FnOnce(Result<Written, SendError>) + Send + 'static) {
        Callback::start(self, call);
    }

    /// The record's index in its batch.
    pub(crate) const fn index(&self) -> u32 {
        self.index
    }
}

impl Future for Delivery {
    type Output = Result<Written, SendError>;

    // What is written in one piece is told where it is awaited; all else may take a call.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.cell.written(self.index) {
            Some(written) => Poll::Ready(Ok(written)),
            None => self.look(cx),
        }
    }
}

impl Delivery {
    fn look(&mut self, cx: &Context<'_>) -> Poll<Result<Written, SendError>> {
        let this = self;
        loop {
            match this.cell.poll(this.index, &mut this.place, cx.waker()) {
                Polled::Pending => return Poll::Pending,
                Polled::Ready(outcome) => return Poll::Ready(outcome),
                Polled::Forwarded(cell, index) => {
                    (this.cell, this.index, this.place) = (cell, index, NO_PLACE);
                }
            }
        }
    }
}

impl Drop for Delivery {
    #[inline]
    fn drop(&mut self) {
        if self.place != NO_PLACE {
            self.cell.forget(self.index, self.place);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("index", &self.index).finish_non_exhaustive()
    }
}
