//! Objects that wait as such, and are serialized when it is their turn.

mod queue;
mod record;
mod waiting;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use foldhash::{HashMap, HashMapExt as _};
use ottla_client::Topic;
use parking_lot::Mutex;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub use self::record::LateRecord;
use self::{queue::Queue, waiting::Waiting};
use super::{
    error::{NotDelivered, NotSent, Returned, TypedRefused},
    producer::TypedProducer,
};
use crate::{accumulator::Ledger, error::Refused, outcome::Written};

/// A [`TypedProducer`] whose objects wait as objects, topic by topic, until the producer has room;
/// only then are they serialized, in the order sent.
///
/// Under overload an object that expires while it waits costs no serialization and no memory of the
/// producer's buffer, and one topic that stands still does not hold up the others. Every object is
/// given back if it is not known to be written, and dropped once it is: to who awaits its
/// [`LateDelivery`], or, if that was dropped, to the function given to
/// [`LateBuilder::returned`].
///
/// What has room is serialized at once, not when its batch is sent: a batch is made of bytes from
/// its first record on, which is why the memory of the producer is known exactly, why a record
/// costs no allocation, and why nothing is serialized under a lock. How much is serialized ahead
/// is therefore [`buffer_memory`](crate::ProducerBuilder::buffer_memory). A record costs a few
/// allocations here; use [`TypedProducer`] or [`KeepingProducer`](super::KeepingProducer) unless
/// objects have to wait.
///
/// kafka-sharp: `SerializeOnProduce` off, which is its default.
pub struct LateProducer<K: Send + 'static, V: Send + 'static> {
    handle: Arc<Handle<K, V>>,
}

/// Builds a [`LateProducer`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct LateBuilder<K: Send + 'static, V: Send + 'static> {
    typed: TypedProducer<K, V>,
    capacity: usize,
    max_wait: Duration,
    returned: Option<ReturnedSink<K, V>>,
}

type ReturnedSink<K, V> = Arc<dyn Fn(Returned<K, V>) + Send + Sync>;

/// The outcome of one record of a [`LateProducer`].
///
/// # Cancel safety
/// Awaiting `&mut delivery` can be broken off and taken up again.
#[must_use = "the objects come back here if the record is not written"]
pub struct LateDelivery<K, V> {
    receiver: oneshot::Receiver<Result<Written, Returned<K, V>>>,
}

/// Gone when the last clone of the producer is.
struct Handle<K: Send + 'static, V: Send + 'static> {
    shared: Arc<Shared<K, V>>,
}

/// What the producer and its queues share.
struct Shared<K, V> {
    typed: TypedProducer<K, V>,
    capacity: usize,
    max_wait: Duration,
    returned: Option<ReturnedSink<K, V>>,
    /// Counts the objects that have no outcome yet, for those who flush.
    ledger: Arc<Ledger>,
    queues: Mutex<Queues<K, V>>,
}

struct Queues<K, V> {
    /// By the topics' numbers.
    open: HashMap<u32, Arc<Queue<K, V>>>,
    closed: bool,
}

impl<K: Send + 'static, V: Send + 'static> LateProducer<K, V> {
    /// Begins one that serializes and sends through `typed`.
    pub fn builder(typed: TypedProducer<K, V>) -> LateBuilder<K, V> {
        let max_wait = typed.producer().delivery_timeout();
        LateBuilder { typed, capacity: 10_000, max_wait, returned: None }
    }

    /// Takes a record, waiting for a place in its topic's queue; those who wait are served in the
    /// order in which they came.
    ///
    /// # Cancel safety
    /// Dropped before it returned, nothing was taken, and the objects are dropped.
    ///
    /// # Errors
    /// The objects, if the producer is closed.
    pub async fn send(
        &self,
        to: &Topic,
        key: K,
        value: V,
    ) -> Result<LateDelivery<K, V>, NotSent<K, V>> {
        self.send_record(to, LateRecord::new(key, value)).await
    }

    /// Takes a record with all else that it can have.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_record(
        &self,
        to: &Topic,
        record: LateRecord<K, V>,
    ) -> Result<LateDelivery<K, V>, NotSent<K, V>> {
        let place = match self.queue(to) {
            Some(queue) => queue.place().await.map(|place| (queue, place)),
            None => None,
        };
        let Some((queue, place)) = place else { return Err(closed(record)) };
        let (waiting, delivery) = Waiting::new(&self.handle.shared, place, record);
        queue.push(waiting);
        Ok(delivery)
    }

    /// Takes a record if there is a place for it now.
    ///
    /// # Errors
    /// The objects, if the queue is full ([`Refused::Full`], its limit being the places) or the
    /// producer is closed.
    pub fn try_send(
        &self,
        to: &Topic,
        key: K,
        value: V,
    ) -> Result<LateDelivery<K, V>, NotSent<K, V>> {
        let record = LateRecord::new(key, value);
        let Some(queue) = self.queue(to) else { return Err(closed(record)) };
        match queue.try_place() {
            Ok(place) => {
                let (waiting, delivery) = Waiting::new(&self.handle.shared, place, record);
                queue.push(waiting);
                Ok(delivery)
            }
            Err(refused) => {
                let LateRecord { key, value, .. } = record;
                Err(NotSent { key, value, refused: refused.into() })
            }
        }
    }

    /// Objects that wait in the queues, not serialized yet (kafka-sharp: messages in its queues).
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.handle.shared.queues.lock().open.values().map(|queue| queue.len()).sum()
    }

    /// Waits until every object that was taken before has its outcome, and has been given back if
    /// it was not written.
    ///
    /// # Cancel safety
    /// Dropped early, the records are sent all the same.
    pub async fn flush(&self) {
        self.handle.shared.flush().await;
    }

    /// Takes nothing more, waits for what was taken, and gives back what was not serialized
    /// `within` the time. The [`Producer`](crate::Producer) goes on.
    ///
    /// # Cancel safety
    /// Dropped early, nothing further is taken, and what was taken is sent on in the background.
    pub async fn close(self, within: Duration) {
        let shared = &self.handle.shared;
        let queues = shared.close();
        let _ = timeout(within, shared.flush()).await;
        queues.iter().for_each(|queue| queue.give_back());
    }

    /// The producer that it serializes and sends with.
    #[must_use]
    pub fn typed(&self) -> &TypedProducer<K, V> {
        &self.handle.shared.typed
    }

    /// The topic's queue, which is made with its task if this is its first record.
    fn queue(&self, to: &Topic) -> Option<Arc<Queue<K, V>>> {
        let shared = &self.handle.shared;
        let mut queues = shared.queues.lock();
        if queues.closed {
            return None;
        }
        let queue = queues.open.entry(to.slot()).or_insert_with(|| {
            let queue = Queue::new(to.clone(), shared.capacity);
            // Whoever sends first may do so outside of any runtime.
            let _runtime = shared.typed.producer().runtime().map(runtime::Handle::enter);
            let task = queue.run(shared.typed.clone());
            shared.typed.producer().client().spawn(task);
            queue
        });
        Some(Arc::clone(queue))
    }
}

fn closed<K, V>(LateRecord { key, value, .. }: LateRecord<K, V>) -> NotSent<K, V> {
    NotSent { key, value, refused: TypedRefused::Refused(Refused::Closed) }
}

impl<K: Send + 'static, V: Send + 'static> LateBuilder<K, V> {
    /// How many objects of a topic may wait. Default: 10,000; at least one.
    pub const fn capacity(mut self, objects: usize) -> Self {
        self.capacity = if objects == 0 { 1 } else { objects };
        self
    }

    /// How long an object may wait for room before it is given back. Default: the producer's
    /// delivery timeout, which begins anew when it is serialized.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Is called with the objects that come back where nobody awaits their outcome any longer. It
    /// must not block. Default: they are dropped.
    pub fn returned(mut self, returned: impl Fn(Returned<K, V>) + Send + Sync + 'static) -> Self {
        self.returned = Some(Arc::new(returned));
        self
    }

    /// The producer. It works on the runtime of the producer that it sends with.
    #[must_use]
    pub fn build(self) -> LateProducer<K, V> {
        let Self { typed, capacity, max_wait, returned } = self;
        let queues = Mutex::new(Queues { open: HashMap::new(), closed: false });
        let ledger = Ledger::new();
        let shared = Arc::new(Shared { typed, capacity, max_wait, returned, ledger, queues });
        LateProducer { handle: Arc::new(Handle { shared }) }
    }
}

impl<K: 'static, V: 'static> Shared<K, V> {
    async fn flush(&self) {
        let _hurry = self.typed.producer().hurry();
        let generation = self.ledger.end_generation();
        self.ledger.settled(generation).await;
    }

    /// Takes nothing more; the tasks of the queues end when these are empty.
    fn close(&self) -> Vec<Arc<Queue<K, V>>> {
        let mut queues = self.queues.lock();
        queues.closed = true;
        let open: Vec<_> = queues.open.values().cloned().collect();
        drop(queues);
        open.iter().for_each(|queue| queue.close());
        open
    }
}

impl<K: Send + 'static, V: Send + 'static> Drop for Handle<K, V> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<K, V> Future for LateDelivery<K, V> {
    type Output = Result<Written, Returned<K, V>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.receiver).poll(cx) {
            Poll::Ready(Ok(outcome)) => Poll::Ready(outcome),
            // Every object is told, so that this is a future that is polled after it was ready.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<K: Send + 'static, V: Send + 'static> Clone for LateProducer<K, V> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<K: Send + 'static, V: Send + 'static> fmt::Debug for LateProducer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateProducer").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

impl<K: Send + 'static, V: Send + 'static> fmt::Debug for LateBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateBuilder")
            .field("capacity", &self.capacity)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for LateDelivery<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateDelivery").finish_non_exhaustive()
    }
}
