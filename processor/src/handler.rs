//! The user's function, and how it runs as a task of its own.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use ottla_consumer_group::Message;
use tokio::task::{AbortHandle, JoinSet};
use tracing::Instrument;

use crate::attempt::Attempt;
use crate::emit::Emit;
use crate::failure::Failure;
use crate::source::Input;

/// An async function applied to every record.
///
/// Every async closure or function over [`Message`] and [`Attempt`] whose error turns into a
/// [`Failure`] is one. `M` is the source's kind of message: [`Message`] unless the processor reads
/// from a [`Source`](crate::Source) of your own.
///
/// Handlers run as tasks of the runtime, many at the same time. A handler may be dropped at any
/// `await`: when its partition is revoked and the drain's deadline has passed, and when the
/// processor stops. A panic is a failure of its record like any other error. A handler that
/// blocks its thread cannot be dropped, and delays everything else on that thread; use
/// [`tokio::task::spawn_blocking`].
pub trait Handler<M = Message>: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Into<Failure>;

    /// Handles a record.
    fn handle(
        &self,
        message: M,
        attempt: Attempt,
    ) -> impl Future<Output = Result<Emit, Self::Error>> + Send;
}

impl<M, F, R, T, E> Handler<M> for F
where
    F: Fn(M, Attempt) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, E>> + Send,
    T: Into<Emit>,
    E: Into<Failure>,
{
    type Error = E;

    fn handle(&self, message: M, attempt: Attempt) -> impl Future<Output = Result<Emit, E>> + Send {
        self(message, attempt).map(|result| result.map(Into::into))
    }
}

/// How a handler ended.
pub(crate) type Outcome = Result<Emit, Failure>;

/// Starts a handler as a task. Hides the handler's type, and so its future's, from the driver
/// without a box per record: the task itself is the only allocation.
pub(crate) trait Runner<M>: Send + Sync {
    fn start(&self, message: M, attempt: Attempt, tasks: &mut JoinSet<Outcome>) -> AbortHandle;
}

pub(crate) struct HandlerRunner<H>(Arc<H>);

impl<H> HandlerRunner<H> {
    pub(crate) fn new(handler: H) -> Self {
        Self(Arc::new(handler))
    }
}

impl<M: Input, H: Handler<M>> Runner<M> for HandlerRunner<H> {
    fn start(&self, message: M, attempt: Attempt, tasks: &mut JoinSet<Outcome>) -> AbortHandle {
        let handler = Arc::clone(&self.0);
        let span = tracing::debug_span!(
            "handle",
            at = %message.topic_partition(),
            offset = message.offset(),
            attempt = attempt.number(),
        );
        let run = async move {
            // The handler is shared by all tasks: what a panic leaves behind in it is for the
            // handler's own locks and atomics to tell.
            match AssertUnwindSafe(handler.handle(message, attempt)).catch_unwind().await {
                Ok(result) => result.map_err(Into::into),
                Err(panic) => Err(Failure::Error(Panicked::new(&*panic).into())),
            }
        };
        if span.is_disabled() { tasks.spawn(run) } else { tasks.spawn(run.instrument(span)) }
    }
}

/// The handler panicked.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {message}")]
pub struct Panicked {
    message: String,
}

impl Panicked {
    pub(crate) fn new(panic: &(dyn Any + Send)) -> Self {
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "without a message".to_owned());
        Self { message }
    }

    /// What the panic said.
    pub fn message(&self) -> &str {
        &self.message
    }
}
