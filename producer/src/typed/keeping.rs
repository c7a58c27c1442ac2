use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ottla_client::Topic;

use super::{
    error::{NotSent, Returned},
    producer::TypedProducer,
};
use crate::{
    outcome::{Delivery, Written},
    record::Record,
};

/// A [`TypedProducer`] that keeps the objects it sends until they are written, and gives them back
/// if they expire or fail.
///
/// The objects wait in the outcome that `send` returns, so that keeping them costs no allocation.
/// Whoever drops the outcome drops the objects with it, not the record: with
/// [`send_or_return`](Self::send_or_return) they come back to a function instead, for the price of
/// an allocation.
///
/// kafka-sharp: expired and discarded events return the original objects, and objects that are
/// `IDisposable` are disposed once they are sent; here they are dropped once they are written.
pub struct KeepingProducer<K, V> {
    typed: TypedProducer<K, V>,
}

/// The outcome of one record, with the objects it was made of.
///
/// # Cancel safety
/// Awaiting `&mut kept` can be broken off and taken up again.
#[must_use = "the objects come back here if the record is not written"]
pub struct Kept<K, V> {
    delivery: Delivery,
    /// Gone once they were given back, or dropped once they are written.
    objects: Option<(K, V)>,
}

impl<K: 'static, V: 'static> KeepingProducer<K, V> {
    /// Keeps what `typed` sends.
    #[must_use]
    pub const fn new(typed: TypedProducer<K, V>) -> Self {
        Self { typed }
    }

    /// Sends a record, waiting for room if the buffer is full. The objects are serialized at once.
    ///
    /// # Cancel safety
    /// Dropped before it returned, nothing was sent, and the objects are dropped.
    ///
    /// # Errors
    /// The objects, if they cannot be serialized or the producer does not accept them.
    pub async fn send(&self, to: &Topic, key: K, value: V) -> Result<Kept<K, V>, NotSent<K, V>> {
        self.send_with(to, key, value, |record| record).await
    }

    /// Sends a record, with all else that a record can have.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with(
        &self,
        to: &Topic,
        key: K,
        value: V,
        with: impl for<'r> FnOnce(Record<'r>) -> Record<'r>,
    ) -> Result<Kept<K, V>, NotSent<K, V>> {
        match self.typed.send_with(to, &key, &value, with).await {
            Ok(delivery) => Ok(Kept { delivery, objects: Some((key, value)) }),
            Err(refused) => Err(NotSent { key, value, refused }),
        }
    }

    /// Sends a record if there is room for it now.
    ///
    /// # Errors
    /// As [`send`](Self::send), and if there is no room.
    pub fn try_send(&self, to: &Topic, key: K, value: V) -> Result<Kept<K, V>, NotSent<K, V>> {
        match self.typed.try_send(to, &key, &value) {
            Ok(delivery) => Ok(Kept { delivery, objects: Some((key, value)) }),
            Err(refused) => Err(NotSent { key, value, refused }),
        }
    }

    /// Sends a record, waiting for room if the buffer is full, and calls `returned` if it is not
    /// known to be written; see [`Delivery::on_outcome`] for where that happens.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_or_return(
        &self,
        to: &Topic,
        key: K,
        value: V,
        returned: impl FnOnce(Returned<K, V>) + Send + 'static,
    ) -> Result<(), NotSent<K, V>>
    where
        K: Send,
        V: Send,
    {
        let Kept { delivery, mut objects } = self.send(to, key, value).await?;
        delivery.on_outcome(move |outcome| {
            if let (Err(error), Some((key, value))) = (outcome, objects.take()) {
                returned(Returned { key, value, why: error.into() });
            }
        });
        Ok(())
    }

    /// The producer that it sends with.
    #[must_use]
    pub const fn typed(&self) -> &TypedProducer<K, V> {
        &self.typed
    }
}

// The objects are not looked at through a pin.
impl<K, V> Unpin for Kept<K, V> {}

impl<K, V> Future for Kept<K, V> {
    type Output = Result<Written, Returned<K, V>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.delivery).poll(cx));
        let objects = self.objects.take();
        Poll::Ready(match (outcome, objects) {
            (Err(error), Some((key, value))) => Err(Returned { key, value, why: error.into() }),
            (Ok(written), _) => Ok(written),
            // A future is not to be polled after it was ready: the objects are gone.
            (Err(_), None) => return Poll::Pending,
        })
    }
}

impl<K, V> Clone for KeepingProducer<K, V> {
    fn clone(&self) -> Self {
        Self { typed: self.typed.clone() }
    }
}

impl<K, V> fmt::Debug for KeepingProducer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepingProducer").field("typed", &self.typed).finish()
    }
}

impl<K, V> fmt::Debug for Kept<K, V> {
    /// Without the objects, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}
