//! The primitives every message is made of: a reader that cannot read past its end, a writer
//! that never copies record payloads, and how each Kafka type looks on the wire.

#[cfg(any(test, feature = "arbitrary"))]
#[doc(hidden)]
pub mod arbitrary;
mod error;
mod field;
mod frame;
mod reader;
mod secret;
mod version;
mod writer;

pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use field::{Decode, DecodeNullable, Encode, EncodeNullable};
pub use frame::Frame;
pub use reader::Reader;
pub use secret::SecretBytes;
pub use version::{Version, VersionRange};
pub use writer::Writer;

#[cfg(test)]
mod tests;
