//! Objects instead of bytes: how they are written, and producers that take them.
//!
//! ```text
//!   TypedProducer     serialized in `send`, before any lock; failures give bytes back
//!   KeepingProducer   the same, and the objects come back with a failure: they wait in the outcome
//!   LateProducer      objects wait as such, serialized in order when the producer has room
//! ```

mod encode;
mod error;
#[cfg(feature = "json")]
mod json;
mod keeping;
mod late;
mod producer;
mod scratch;
mod serializer;

pub use encode::Encode;
pub use error::{EncodeError, NotDelivered, NotSent, Part, Returned, TypedRefused};
#[cfg(feature = "json")]
pub use json::{AsJson, Json};
pub use keeping::{KeepingProducer, Kept};
pub use late::{LateBuilder, LateDelivery, LateProducer, LateRecord};
pub use producer::{TypedBuilder, TypedProducer};
pub use serializer::{ByItself, Serializer};

#[cfg(test)]
mod tests;
