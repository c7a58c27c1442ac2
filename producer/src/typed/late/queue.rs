use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ottla_client::Topic;
use ottla_protocol::records::Header;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, sleep, sleep_until};

use super::{TypedProducer, TypedRefused, waiting::Waiting};
use crate::{
    error::{BufferUnit, Refused},
    record::Record,
};

/// The objects of one topic that wait.
pub(super) struct Queue<K, V> {
    topic: Topic,
    capacity: usize,
    state: Mutex<State<K, V>>,
    /// First come, first served; closed with the queue.
    places: Arc<Semaphore>,
    /// Something came, or nothing will come any longer.
    changed: Notify,
}

/// Why objects are not passed on.
enum Over {
    Expired,
    Ended,
}

struct State<K, V> {
    waiting: VecDeque<Waiting<K, V>>,
    /// Nothing comes any longer.
    closed: bool,
    /// Nothing is taken out any longer.
    ended: bool,
}

impl<K, V> Queue<K, V> {
    pub(super) fn new(topic: Topic, capacity: usize) -> Arc<Self> {
        let state = State { waiting: VecDeque::new(), closed: false, ended: false };
        let places = Semaphore::new(capacity.min(Semaphore::MAX_PERMITS));
        Arc::new(Self {
            topic,
            capacity,
            state: Mutex::new(state),
            places: Arc::new(places),
            changed: Notify::new(),
        })
    }

    /// A place in the queue; `None` if it is closed.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// A place in the queue, if one is free.
    pub(super) fn try_place(&self) -> Result<OwnedSemaphorePermit, Refused> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::Closed => Refused::Closed,
            TryAcquireError::NoPermits => {
                Refused::Full { limit: self.capacity, unit: BufferUnit::Records, topic: None }
            }
        })
    }

    /// Puts objects at the end; if the queue's task has ended they come back.
    pub(super) fn push(&self, waiting: Waiting<K, V>) {
        let mut state = self.state.lock();
        if state.ended {
            drop(state);
            waiting.fail(TypedRefused::Refused(Refused::Closed));
            return;
        }
        state.waiting.push_back(waiting);
        drop(state);
        self.changed.notify_one();
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Takes nothing more; whoever waits for a place is told.
    pub(super) fn close(&self) {
        self.places.close();
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Gives everything back, and whatever comes yet.
    pub(super) fn give_back(&self) {
        let mut state = self.state.lock();
        state.ended = true;
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        self.changed.notify_one();
        for waiting in left {
            waiting.fail(TypedRefused::Refused(Refused::Closed));
        }
    }

    /// The next in turn, waiting for one; `None` if none will come.
    async fn next(&self) -> Option<Waiting<K, V>> {
        loop {
            {
                let mut state = self.state.lock();
                if let Some(mut next) = state.waiting.pop_front() {
                    next.leave();
                    return Some(next);
                }
                if state.closed || state.ended {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// What `future` gives, unless the deadline of the one in front passes or the queue is ended
    /// before. Those behind came later, and so expire later.
    async fn while_in_time<T>(
        &self,
        deadline: Option<Instant>,
        future: impl Future<Output = T>,
    ) -> Result<T, Over> {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                () = self.changed.notified() => {
                    if self.has_ended() {
                        return Err(Over::Ended);
                    }
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    return Err(Over::Expired);
                }
            }
        }
    }
}

/// Gives everything back when the task ends, however that happens.
struct LastWords<K, V>(Arc<Queue<K, V>>);

impl<K, V> Drop for LastWords<K, V> {
    fn drop(&mut self) {
        self.0.places.close();
        self.0.give_back();
    }
}

impl<K: Send + 'static, V: Send + 'static> Queue<K, V> {
    /// Serializes and sends what waits, one after the other, until nothing will come any longer.
    pub(super) fn run(
        self: &Arc<Self>,
        typed: TypedProducer<K, V>,
    ) -> impl Future<Output = ()> + Send + 'static {
        // Made before the task is: a client that is closing never runs it.
        let last_words = LastWords(Arc::clone(self));
        async move {
            let queue = &last_words.0;
            while let Some(waiting) = queue.next().await {
                pass_on(queue, &typed, waiting).await;
            }
        }
    }
}

/// How soon a producer that refuses instead of waiting is asked again.
const FULL: Duration = Duration::from_millis(5);

/// Serializes and sends objects once there is room, or gives them back when they have waited too
/// long.
async fn pass_on<K: Send + 'static, V: Send + 'static>(
    queue: &Queue<K, V>,
    typed: &TypedProducer<K, V>,
    waiting: Waiting<K, V>,
) {
    let producer = typed.producer();
    match queue.while_in_time(waiting.deadline, producer.room()).await {
        Ok(()) => {}
        Err(Over::Expired) => return waiting.expire(),
        Err(Over::Ended) => return waiting.fail(TypedRefused::Refused(Refused::Closed)),
    }
    let Some(late) = waiting.record() else { return };
    // What is the user's must not end the task that all later objects depend on.
    let write = || typed.write(&queue.topic, &late.key, &late.value);
    let written = match catch_unwind(AssertUnwindSafe(write)) {
        Ok(Ok(written)) => written,
        Ok(Err(refused)) => return waiting.fail(refused),
        Err(_) => return waiting.fail(TypedRefused::Panicked),
    };
    let (partition, timestamp, headers) = (late.partition, late.timestamp, late.headers.clone());
    let send = async {
        let headers: Vec<_> =
            headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect();
        let record = Record { partition, timestamp, headers: &headers, ..written.record() };
        loop {
            match producer.send(&queue.topic, record).await {
                Err(full) if full.is_retriable() => sleep(FULL).await,
                sent => return sent,
            }
        }
    };
    match queue.while_in_time(waiting.deadline, send).await {
        Ok(Ok(delivery)) => delivery.on_outcome(|outcome| waiting.settle(outcome)),
        Ok(Err(refused)) => waiting.fail(TypedRefused::Refused(refused)),
        Err(Over::Expired) => waiting.expire(),
        Err(Over::Ended) => waiting.fail(TypedRefused::Refused(Refused::Closed)),
    }
}
