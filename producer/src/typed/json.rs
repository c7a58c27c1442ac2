use bytes::{BufMut as _, BytesMut};
use ottla_client::Topic;
use serde::Serialize;

use super::{encode::Encode, error::EncodeError, serializer::Serializer};

/// Writes anything that serde can serialize as JSON, without white space.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: Serialize + ?Sized> Serializer<T> for Json {
    fn serialize(&self, _topic: &Topic, value: &T, out: &mut BytesMut) -> Result<(), EncodeError> {
        serde_json::to_writer(out.writer(), value).map_err(EncodeError::new)
    }
}

/// A value that is written as JSON where [`Encode`] is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AsJson<T>(pub T);

impl<T: Serialize> Encode for AsJson<T> {
    fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        serde_json::to_writer(out.writer(), &self.0).map_err(EncodeError::new)
    }
}
