//! What a handler gives out: none, one or several records.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use ottla_client::Topic;

/// What a handler gives out for a record.
///
/// ```
/// # use ottla_processor::{Emit, Output};
/// Emit::none();                                       // a filter
/// Emit::value("out");                                 // no key
/// Emit::keyed("key", "out");
/// Emit::value("out").with_input_key();                // the key of the input
/// Emit::from_iter([Output::value("a"), Output::value("b").key("k")]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emit(Outputs);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Outputs {
    #[default]
    None,
    One(Output),
    Many(Vec<Output>),
}

/// A record to be produced.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub(crate) topic: Option<Topic>,
    pub(crate) key: OutputKey,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Vec<OutputHeader>,
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Option<i64>,
}

#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum OutputKey {
    #[default]
    Null,
    OfInput,
    Is(Bytes),
}

impl fmt::Debug for Output {
    /// Lengths instead of contents, which are the user's and may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("topic", &self.topic)
            .field("key_len", &self.key_bytes().map(Bytes::len))
            .field("value_len", &self.value.as_ref().map(Bytes::len))
            .field("headers", &self.headers)
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .finish()
    }
}

/// A header of an [`Output`].
#[derive(Clone, PartialEq, Eq)]
pub struct OutputHeader {
    /// The key. Keys may repeat.
    pub key: Cow<'static, str>,
    /// The value; `None` is null, which is not the same as empty.
    pub value: Option<Bytes>,
}

impl fmt::Debug for OutputHeader {
    /// The key and the value's length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?} bytes", self.key, self.value.as_ref().map(Bytes::len))
    }
}

impl Emit {
    /// No record: the input is done as soon as its handler is.
    pub const fn none() -> Self {
        Self(Outputs::None)
    }

    /// One record with a value and no key.
    pub fn value(value: impl Into<Bytes>) -> Self {
        Output::value(value).into()
    }

    /// One record with a key and a value.
    pub fn keyed(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Output::value(value).key(key).into()
    }

    /// Gives every record that has no key of its own the key of the input.
    #[must_use]
    pub fn with_input_key(mut self) -> Self {
        for output in self.as_mut_slice() {
            if output.key == OutputKey::Null {
                output.key = OutputKey::OfInput;
            }
        }
        self
    }

    /// Adds a record.
    pub fn push(&mut self, output: Output) {
        self.0 = match std::mem::take(&mut self.0) {
            Outputs::None => Outputs::One(output),
            Outputs::One(first) => Outputs::Many(vec![first, output]),
            Outputs::Many(mut outputs) => {
                outputs.push(output);
                Outputs::Many(outputs)
            }
        };
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Outputs::None => 0,
            Outputs::One(_) => 1,
            Outputs::Many(outputs) => outputs.len(),
        }
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn as_mut_slice(&mut self) -> &mut [Output] {
        match &mut self.0 {
            Outputs::None => &mut [],
            Outputs::One(output) => std::slice::from_mut(output),
            Outputs::Many(outputs) => outputs,
        }
    }
}

impl From<Output> for Emit {
    fn from(output: Output) -> Self {
        Self(Outputs::One(output))
    }
}

/// None or one.
impl From<Option<Output>> for Emit {
    fn from(output: Option<Output>) -> Self {
        output.map_or(Self::none(), Self::from)
    }
}

impl From<Vec<Output>> for Emit {
    fn from(outputs: Vec<Output>) -> Self {
        Self(Outputs::Many(outputs))
    }
}

impl FromIterator<Output> for Emit {
    fn from_iter<I: IntoIterator<Item = Output>>(outputs: I) -> Self {
        let mut emit = Self::none();
        emit.extend(outputs);
        emit
    }
}

impl Extend<Output> for Emit {
    fn extend<I: IntoIterator<Item = Output>>(&mut self, outputs: I) {
        for output in outputs {
            self.push(output);
        }
    }
}

impl IntoIterator for Emit {
    type Item = Output;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        let (one, many) = match self.0 {
            Outputs::None => (None, Vec::new()),
            Outputs::One(output) => (Some(output), Vec::new()),
            Outputs::Many(outputs) => (None, outputs),
        };
        IntoIter(one.into_iter().chain(many))
    }
}

/// The records of an [`Emit`], in order.
#[derive(Debug)]
pub struct IntoIter(std::iter::Chain<std::option::IntoIter<Output>, std::vec::IntoIter<Output>>);

impl Iterator for IntoIter {
    type Item = Output;

    fn next(&mut self) -> Option<Output> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl Output {
    /// A record with a value; no key, no headers, to the processor's output topic.
    pub fn value(value: impl Into<Bytes>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// A record with a key and a null value: the key's deletion in a compacted topic.
    pub fn tombstone(key: impl Into<Bytes>) -> Self {
        Self::default().key(key)
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = OutputKey::Is(key.into());
        self
    }

    /// Takes the key of the input.
    #[must_use]
    pub fn input_key(mut self) -> Self {
        self.key = OutputKey::OfInput;
        self
    }

    /// Sends it to this topic instead of the processor's output topic. The topic must come from
    /// the processor's client.
    #[must_use]
    pub fn topic(mut self, topic: Topic) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Sends it to this partition instead of the partitioner's choice.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Sets the timestamp, in milliseconds since the Unix epoch. Now by default.
    #[must_use]
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, key: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Self {
        self.nullable_header(key, Some(value.into()))
    }

    /// Adds a header whose value may be null.
    #[must_use]
    pub fn nullable_header(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: Option<Bytes>,
    ) -> Self {
        self.headers.push(OutputHeader { key: key.into(), value });
        self
    }

    /// The key, if it is set.
    pub fn key_bytes(&self) -> Option<&Bytes> {
        match &self.key {
            OutputKey::Is(key) => Some(key),
            OutputKey::Null | OutputKey::OfInput => None,
        }
    }

    /// The value.
    pub fn value_bytes(&self) -> Option<&Bytes> {
        self.value.as_ref()
    }

    /// The headers, in order.
    pub fn headers(&self) -> &[OutputHeader] {
        &self.headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_two_many() {
        let mut emit = Emit::none();
        assert!(emit.is_empty());
        for number in 1..4u8 {
            emit.push(Output::value(vec![number]));
            assert_eq!(emit.len(), usize::from(number));
        }
        let values: Vec<_> = emit.into_iter().map(|output| output.value.unwrap()[0]).collect();
        assert_eq!(values, [1, 2, 3]);
    }

    #[test]
    fn the_input_key_goes_where_no_key_is() {
        let emit = Emit::from_iter([Output::value("a"), Output::value("b").key("k")]);
        let keys: Vec<_> = emit.with_input_key().into_iter().map(|output| output.key).collect();
        assert_eq!(keys, [OutputKey::OfInput, OutputKey::Is("k".into())]);
    }
}
