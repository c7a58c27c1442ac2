use bytes::BytesMut;
use ottla_client::Topic;

use super::{encode::Encode, error::EncodeError};

/// Writes the keys or the values of a topic: what Java and kafka-sharp call a serializer.
///
/// A function `Fn(&T, &mut BytesMut) -> Result<(), EncodeError>` is one.
pub trait Serializer<T: ?Sized>: Send + Sync + 'static {
    /// Appends the bytes of `value` to `out`, which may hold others already.
    ///
    /// # Errors
    /// If the value has no bytes; what was appended is then thrown away.
    fn serialize(&self, topic: &Topic, value: &T, out: &mut BytesMut) -> Result<(), EncodeError>;

    /// Whether it is a null, which has no bytes.
    fn is_null(&self, value: &T) -> bool {
        let _ = value;
        false
    }
}

/// Lets every value write itself: the serializer of all types that are [`Encode`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ByItself;

impl<T: Encode + ?Sized> Serializer<T> for ByItself {
    fn serialize(&self, _topic: &Topic, value: &T, out: &mut BytesMut) -> Result<(), EncodeError> {
        value.encode(out)
    }

    fn is_null(&self, value: &T) -> bool {
        value.is_null()
    }
}

impl<T: ?Sized, F> Serializer<T> for F
where
    F: Fn(&T, &mut BytesMut) -> Result<(), EncodeError> + Send + Sync + 'static,
{
    fn serialize(&self, _topic: &Topic, value: &T, out: &mut BytesMut) -> Result<(), EncodeError> {
        self(value, out)
    }
}
