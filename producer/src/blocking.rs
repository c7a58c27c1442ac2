//! The producer for threads that know nothing of async.
//!
//! A [`Producer`] of this module runs on a thread of its own, or is a view of one that runs on the
//! application's runtime. Its methods block the thread they are called on, and nothing else; a
//! [`Delivery`] has [`wait`](Delivery::wait) for that. Called on a thread of an async runtime they
//! would keep that from its work, maybe for ever: they return [`Blocked::InsideRuntime`] there, and
//! never panic. Within `spawn_blocking`, use the runtime's `Handle::block_on` on the async one.
//!
//! ```no_run
//! use std::time::Duration;
//! use ottla_client::Client;
//! use ottla_producer::{Record, blocking::Producer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().bootstrap(["localhost:9092"]);
//! let producer = Producer::start(client, |producer| producer.linger(Duration::ZERO))?;
//! let greetings = producer.topic("greetings");
//! let mut delivery = producer.send(&greetings, Record::value(b"hello"))?;
//! println!("written at {:?}", delivery.wait()?.offset);
//! producer.close(Duration::from_secs(5))?;
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use ottla_client::{ClientBuilder, ConfigErrors, Topic};
use thiserror::Error;
use tokio::runtime::{self, Handle};

use crate::{
    builder::ProducerBuilder,
    error::{FlushError, Refused, SendError},
    outcome::{Delivery, Written},
    producer::{self, Closed},
    record::Record,
};

/// A producer whose methods block; see the [module](self).
///
/// Cloning is cheap and all clones are the same producer. Dropping the last one accepts nothing
/// more, and what was accepted is sent on as long as the process lives: call
/// [`close`](Self::close) before it ends.
#[derive(Clone, Debug)]
pub struct Producer {
    inner: producer::Producer,
}

/// A blocking call was made on a thread of an async runtime, which must not be blocked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("called inside an async runtime, whose threads must not be blocked")]
pub struct InsideRuntime;

/// Why a blocking call gave no result.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Blocked<E> {
    /// It was called on a thread of an async runtime, which must not be blocked. Nothing was done.
    #[error(transparent)]
    InsideRuntime(InsideRuntime),
    /// It was done, without success.
    #[error(transparent)]
    Failed(E),
}

impl<E> From<InsideRuntime> for Blocked<E> {
    fn from(inside: InsideRuntime) -> Self {
        Self::InsideRuntime(inside)
    }
}

/// Why a producer with a thread of its own could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings of the client or of the producer cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The operating system gave no thread, or no event queue.
    #[error("no thread to be had: {0}")]
    Thread(#[from] io::Error),
}

impl Producer {
    /// Starts a client and a producer on a thread of their own, with a runtime for them alone.
    ///
    /// The thread ends when the producer is closed, or dropped and done.
    ///
    /// # Errors
    /// All settings that cannot be used, first of the client, then of the producer; or that there is
    /// no thread.
    pub fn start(
        client: ClientBuilder,
        with: impl FnOnce(ProducerBuilder) -> ProducerBuilder + Send + 'static,
    ) -> Result<Self, StartError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (started, starting) = mpsc::channel();
        let run = move || {
            runtime.block_on(async move {
                let build = || {
                    let client = client.build()?;
                    with(producer::Producer::builder(&client)).build()
                };
                let built = build();
                let ended = built.as_ref().ok().map(producer::Producer::ended);
                if started.send(built).is_ok() {
                    if let Some(ended) = ended {
                        ended.await;
                    }
                }
            });
        };
        thread::Builder::new().name("ottla-producer".to_owned()).spawn(run)?;
        match starting.recv() {
            Ok(built) => Ok(Self { inner: built? }),
            // The thread panicked in the function it was given.
            Err(_) => Err(StartError::Thread(io::ErrorKind::Other.into())),
        }
    }

    /// A view of a producer that runs on the application's runtime, for its other threads.
    #[must_use]
    pub const fn of(producer: producer::Producer) -> Self {
        Self { inner: producer }
    }

    /// The async producer behind it.
    #[must_use]
    pub const fn inner(&self) -> &producer::Producer {
        &self.inner
    }

    /// A topic to send to.
    #[must_use]
    pub fn topic(&self, name: &str) -> Topic {
        self.inner.client().topic(name)
    }

    /// Sends a record, blocking while the buffer is full.
    ///
    /// # Errors
    /// As [`Producer::send`](producer::Producer::send).
    pub fn send(&self, to: &Topic, record: Record<'_>) -> Result<Delivery, Blocked<Refused>> {
        // Nothing to block for is the common case, and allowed everywhere.
        match self.inner.try_send(to, record) {
            Err(full) if full.is_retriable() => {}
            sent => return sent.map_err(Blocked::Failed),
        }
        self.wait(self.inner.send(to, record))?.map_err(Blocked::Failed)
    }

    /// Sends a record if there is room for it now. It never blocks.
    ///
    /// # Errors
    /// As [`Producer::try_send`](producer::Producer::try_send).
    pub fn try_send(&self, to: &Topic, record: Record<'_>) -> Result<Delivery, Refused> {
        self.inner.try_send(to, record)
    }

    /// Blocks until every record that was accepted before has its outcome.
    ///
    /// # Errors
    /// As [`Producer::flush`](producer::Producer::flush).
    pub fn flush(&self) -> Result<(), Blocked<FlushError>> {
        self.wait(self.inner.flush())?.map_err(Blocked::Failed)
    }

    /// Sends what was accepted and ends the producer, blocking `within` the time at most; says what
    /// was left, as [`Producer::close`](producer::Producer::close).
    ///
    /// # Errors
    /// Inside a runtime; nothing was done then.
    pub fn close(&self, within: Duration) -> Result<Closed, InsideRuntime> {
        self.wait(self.inner.clone().close(within))
    }

    /// Gives up at once what was not sent and ends the producer, blocking `within` the time at most
    /// for what was; as [`Producer::abort`](producer::Producer::abort).
    ///
    /// # Errors
    /// Inside a runtime; nothing was done then.
    pub fn abort(&self, within: Duration) -> Result<Closed, InsideRuntime> {
        self.wait(self.inner.clone().abort(within))
    }

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, InsideRuntime> {
        outside()?;
        // Timers are the producer's runtime's.
        let _runtime = self.inner.runtime().map(Handle::enter);
        Ok(block_on(future))
    }
}

impl Delivery {
    /// Blocks until the outcome is there. It can be called again if it was called in a wrong place.
    ///
    /// # Errors
    /// That the record is not known to be written; or [`Blocked::InsideRuntime`].
    pub fn wait(&mut self) -> Result<Written, Blocked<SendError>> {
        outside()?;
        block_on(self).map_err(Blocked::Failed)
    }

    /// Blocks until the outcome is there, or the time is over: then it is `None`.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<Written>, Blocked<SendError>> {
        outside()?;
        let until = Instant::now().checked_add(timeout);
        block_until(self, until).transpose().map_err(Blocked::Failed)
    }
}

fn outside() -> Result<(), InsideRuntime> {
    if Handle::try_current().is_ok() { Err(InsideRuntime) } else { Ok(()) }
}

/// Wakes a thread that waits.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls a future on this thread until it is ready.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        if let Some(output) = block_until(&mut future, None) {
            return output;
        }
    }
}

/// Polls a future on this thread until it is ready, or the time is over.
fn block_until<F: Future + Unpin>(mut future: F, until: Option<Instant>) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut cx) {
            return Some(output);
        }
        match until {
            None => thread::park(),
            Some(until) => match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return None,
            },
        }
    }
}
