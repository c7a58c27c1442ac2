use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::{LateDelivery, LateRecord, NotDelivered, Returned, Shared, TypedRefused};
use crate::{
    accumulator::Entry,
    clock,
    error::{Refused, SendError},
    outcome::Written,
};

/// Objects on their way: in the queue, and then in the outcome of their record.
///
/// Dropped on the way, with its task or its runtime, it gives the objects back.
pub(super) struct Waiting<K, V> {
    /// Gone once they were given back, or are written.
    objects: Option<Objects<K, V>>,
    /// When they have waited too long.
    pub(super) deadline: Option<Instant>,
    /// How long they may wait.
    max_wait: Duration,
    /// Given up when they leave the queue.
    place: Option<OwnedSemaphorePermit>,
}

struct Objects<K, V> {
    record: LateRecord<K, V>,
    reply: oneshot::Sender<Result<Written, Returned<K, V>>>,
    returned: Option<super::ReturnedSink<K, V>>,
    _entry: Entry,
}

impl<K, V> Waiting<K, V> {
    pub(super) fn new(
        shared: &Arc<Shared<K, V>>,
        place: OwnedSemaphorePermit,
        mut record: LateRecord<K, V>,
    ) -> (Self, LateDelivery<K, V>) {
        // The record is of now, whenever it is sent.
        record.timestamp.get_or_insert_with(clock::now);
        let (reply, receiver) = oneshot::channel();
        let returned = shared.returned.clone();
        let objects = Objects { record, reply, returned, _entry: shared.ledger.enter() };
        let max_wait = shared.max_wait;
        let deadline = Instant::now().checked_add(max_wait);
        let place = Some(place);
        let waiting = Self { objects: Some(objects), deadline, max_wait, place };
        (waiting, LateDelivery { receiver })
    }

    /// It has left the queue.
    pub(super) fn leave(&mut self) {
        self.place = None;
    }

    pub(super) fn record(&self) -> Option<&LateRecord<K, V>> {
        self.objects.as_ref().map(|objects| &objects.record)
    }

    /// Gives the objects back.
    pub(super) fn fail(mut self, why: impl Into<NotDelivered>) {
        if let Some(objects) = self.objects.take() {
            objects.give_back(why.into());
        }
    }

    pub(super) fn expire(self) {
        let after = self.max_wait;
        self.fail(NotDelivered::Expired { after });
    }

    /// The record has its outcome.
    pub(super) fn settle(mut self, outcome: Result<Written, SendError>) {
        match outcome {
            Err(error) => self.fail(error),
            Ok(written) => {
                if let Some(Objects { record, reply, returned, _entry }) = self.objects.take() {
                    // The objects are gone before anybody is told, whatever comes of dropping them.
                    let gone = || drop((record, returned));
                    if catch_unwind(AssertUnwindSafe(gone)).is_err() {
                        tracing::error!("an object panicked when it was dropped");
                    }
                    let _ = reply.send(Ok(written));
                }
            }
        }
    }
}

impl<K, V> Objects<K, V> {
    fn give_back(self, why: NotDelivered) {
        let Self { record: LateRecord { key, value, .. }, reply, returned, _entry } = self;
        if let Err(Err(unheard)) = reply.send(Err(Returned { key, value, why })) {
            // What is the user's must not end the task that all other records depend on.
            let call = || returned.map(|returned| returned(unheard));
            if catch_unwind(AssertUnwindSafe(call)).is_err() {
                tracing::error!("the function for objects that come back panicked");
            }
        }
    }
}

impl<K, V> Drop for Waiting<K, V> {
    fn drop(&mut self) {
        if let Some(objects) = self.objects.take() {
            objects.give_back(TypedRefused::Refused(Refused::Closed).into());
        }
    }
}
