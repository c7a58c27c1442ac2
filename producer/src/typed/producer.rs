use std::fmt;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};
use ottla_client::Topic;

use super::{
    encode::Encode,
    error::{Part, TypedRefused},
    scratch::Scratch,
    serializer::{ByItself, Serializer},
};
use crate::{outcome::Delivery, producer::Producer, record::Record};

/// A [`Producer`] for keys and values of some type, which it serializes as they are sent.
///
/// An object is serialized in `send`, on the caller's thread, into memory that the thread keeps;
/// no lock is held and nothing is allocated for it. What comes back from a [`Delivery`] are bytes;
/// [`KeepingProducer`](super::KeepingProducer) gives the objects back.
///
/// Any number of them, of any types, can share one producer; cloning is cheap. kafka-sharp:
/// `KafkaProducer<K, V>`, with `SerializeOnProduce` on.
///
/// ```no_run
/// # async fn example(producer: ottla_producer::Producer) -> Result<(), Box<dyn std::error::Error>> {
/// use ottla_producer::typed::TypedProducer;
///
/// let temperatures = TypedProducer::<str, f64>::new(&producer);
/// let topic = producer.client().topic("temperatures");
/// temperatures.send(&topic, "kitchen", &21.5).await?.await?;
/// # Ok(())
/// # }
/// ```
pub struct TypedProducer<K: ?Sized, V: ?Sized> {
    producer: Producer,
    serializers: Arc<Serializers<K, V>>,
}

/// Builds a [`TypedProducer`] with serializers of your own.
#[must_use = "a builder does nothing until `build` is called"]
pub struct TypedBuilder<K: ?Sized, V: ?Sized> {
    producer: Producer,
    serializers: Serializers<K, V>,
}

struct Serializers<K: ?Sized, V: ?Sized> {
    default: Pair<K, V>,
    /// By the topics' numbers.
    topics: HashMap<u32, Pair<K, V>>,
}

struct Pair<K: ?Sized, V: ?Sized> {
    key: Arc<dyn Serializer<K>>,
    value: Arc<dyn Serializer<V>>,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> TypedProducer<K, V> {
    /// Keys and values that write themselves.
    #[must_use]
    pub fn new(producer: &Producer) -> Self
    where
        K: Encode,
        V: Encode,
    {
        Self::builder(producer, ByItself, ByItself).build()
    }

    /// Begins one with a serializer for keys and one for values, of all topics that get no others.
    pub fn builder(
        producer: &Producer,
        key: impl Serializer<K>,
        value: impl Serializer<V>,
    ) -> TypedBuilder<K, V> {
        let default = Pair { key: Arc::new(key), value: Arc::new(value) };
        let serializers = Serializers { default, topics: HashMap::new() };
        TypedBuilder { producer: producer.clone(), serializers }
    }

    /// Sends a record, waiting for room if the buffer is full.
    ///
    /// # Cancel safety
    /// Dropped before it returned, nothing was sent.
    ///
    /// # Errors
    /// As [`Producer::send`], and if the key or the value cannot be serialized.
    pub async fn send(&self, to: &Topic, key: &K, value: &V) -> Result<Delivery, TypedRefused> {
        self.send_with(to, key, value, |record| record).await
    }

    /// Sends a record, with all else that a record can have.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     typed: ottla_producer::typed::TypedProducer<str, i64>,
    /// #     topic: ottla_client::Topic,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let delivery = typed.send_with(&topic, "a", &1, |record| record.partition(7)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropped before it returned, nothing was sent.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with(
        &self,
        to: &Topic,
        key: &K,
        value: &V,
        with: impl for<'r> FnOnce(Record<'r>) -> Record<'r>,
    ) -> Result<Delivery, TypedRefused> {
        let written = self.serializers.write(to, key, value)?;
        Ok(self.producer.send(to, with(written.record())).await?)
    }

    /// Sends a record if there is room for it now.
    ///
    /// # Errors
    /// As [`Producer::try_send`], and if the key or the value cannot be serialized.
    pub fn try_send(&self, to: &Topic, key: &K, value: &V) -> Result<Delivery, TypedRefused> {
        let written = self.serializers.write(to, key, value)?;
        Ok(self.producer.try_send(to, written.record())?)
    }

    /// The producer that it sends with.
    #[must_use]
    pub const fn producer(&self) -> &Producer {
        &self.producer
    }

    pub(super) fn write(&self, to: &Topic, key: &K, value: &V) -> Result<WrittenOut, TypedRefused> {
        self.serializers.write(to, key, value)
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> TypedBuilder<K, V> {
    /// Serializers for one topic, in place of the others.
    pub fn topic(
        mut self,
        topic: &Topic,
        key: impl Serializer<K>,
        value: impl Serializer<V>,
    ) -> Self {
        let pair = Pair { key: Arc::new(key), value: Arc::new(value) };
        self.serializers.topics.insert(topic.slot(), pair);
        self
    }

    /// The producer.
    #[must_use]
    pub fn build(self) -> TypedProducer<K, V> {
        TypedProducer { producer: self.producer, serializers: Arc::new(self.serializers) }
    }
}

/// A key and a value as bytes, one behind the other.
pub(super) struct WrittenOut {
    scratch: Scratch,
    /// Where the key ends, if it is not a null.
    key: Option<usize>,
    /// Whether the value is not a null.
    value: bool,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Serializers<K, V> {
    fn write(&self, to: &Topic, key: &K, value: &V) -> Result<WrittenOut, TypedRefused> {
        let own = if self.topics.is_empty() { None } else { self.topics.get(&to.slot()) };
        let pair = own.unwrap_or(&self.default);
        let mut written = WrittenOut { scratch: Scratch::take(), key: None, value: false };
        let scratch = &mut written.scratch;
        if !pair.key.is_null(key) {
            let failed = |source| TypedRefused::Encode { part: Part::Key, source };
            pair.key.serialize(to, key, scratch).map_err(failed)?;
            written.key = Some(scratch.len());
        }
        if !pair.value.is_null(value) {
            let failed = |source| TypedRefused::Encode { part: Part::Value, source };
            pair.value.serialize(to, value, scratch).map_err(failed)?;
            written.value = true;
        }
        Ok(written)
    }
}

impl WrittenOut {
    pub(super) fn record(&self) -> Record<'_> {
        let (key, value) = self.scratch.split_at(self.key.unwrap_or(0).min(self.scratch.len()));
        Record {
            key: self.key.map(|_| key),
            value: self.value.then_some(value),
            ..Record::default()
        }
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TypedProducer<K, V> {
    fn clone(&self) -> Self {
        Self { producer: self.producer.clone(), serializers: Arc::clone(&self.serializers) }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedProducer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedProducer").field("producer", &self.producer).finish_non_exhaustive()
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedBuilder").field("producer", &self.producer).finish_non_exhaustive()
    }
}
