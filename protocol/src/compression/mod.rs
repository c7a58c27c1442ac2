//! The compression of record batches: gzip, snappy, lz4 and zstd behind one trait, all of them without C.
//!
//! A batch's attributes name its codec ([`Compression`]); only its records are compressed, never its header.
//! [`Codecs`] maps one to the other:
//!
//! ```text
//! producer   records, in pieces ──> Codec::compress ──────────────> batch body
//! consumer   batch body ──────────> Codec::decompress (≤ limit) ──> records
//! ```
//!
//! What a broker sends is not trusted. Inflating never grows the output beyond the caller's limit, nor reserves
//! much more than that on the strength of a length the input claims; damaged input is an error, never a panic.
//!
//! | codec | feature | levels | what we write | what we read besides |
//! |---|---|---|---|---|
//! | [`Gzip`] | `gzip` | -1..=9, default -1 (= 6) | one gzip member | several members |
//! | [`Snappy`] | `snappy` | none | snappy-java's framing, blocks of 32 KiB | raw snappy (librdkafka, franz-go) |
//! | [`Lz4`] | `lz4` | none | one frame of independent 64 KiB blocks | linked blocks, checksums, several frames; in magic 0 a wrong header checksum |
//! | [`Zstd`] | `zstd` | -7..=22, default 3 | one frame with its content size | several frames, skippable frames |
//!
//! ```
//! # #[cfg(feature = "zstd")] {
//! use ottla_protocol::compression::{Codecs, Compression};
//!
//! let codecs = Codecs::default();
//! let zstd = codecs.get(Compression::Zstd)?;
//! let mut compressed = Vec::new();
//! zstd.compress(&[b"first record ", b"second record"], None, &mut compressed)?;
//!
//! let mut records = Vec::new();
//! zstd.decompress(&compressed, 1024, &mut records)?;
//! assert_eq!(records, b"first record second record");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(any(feature = "snappy", feature = "lz4"))]
mod blocks;
mod codec;
mod codecs;
mod error;
#[cfg(feature = "gzip")]
mod gzip;
mod inflating;
#[cfg(feature = "lz4")]
mod lz4;
mod none;
#[cfg(any(feature = "gzip", feature = "zstd"))]
mod pool;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use self::codec::Codec;
pub use self::codecs::Codecs;
pub use self::error::{CodecMissing, CompressError, DecompressError, UnknownCompression};
#[cfg(feature = "gzip")]
pub use self::gzip::Gzip;
#[cfg(feature = "lz4")]
pub use self::lz4::Lz4;
#[cfg(feature = "snappy")]
pub use self::snappy::Snappy;
#[cfg(feature = "zstd")]
pub use self::zstd::Zstd;

/// The codec of a batch, as bits 0 to 2 of its attributes name it. Kafka's `compression.type`.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Compression {
    /// The records as they are.
    #[default]
    None = 0,
    /// A gzip stream.
    Gzip = 1,
    /// Snappy blocks in snappy-java's framing.
    Snappy = 2,
    /// An lz4 frame.
    Lz4 = 3,
    /// A zstd frame; brokers know it since 2.1 (KIP-110).
    Zstd = 4,
}

impl Compression {
    /// Every codec Kafka knows, in the order of their ids.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The bits of a batch's attributes that name its codec.
    pub const ATTRIBUTES_MASK: i16 = 0b111;

    /// The codec that a batch's attributes name; `None` if its id (5 to 7) is not known.
    pub fn from_attributes(attributes: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.id() == attributes & Self::ATTRIBUTES_MASK)
    }

    /// The id, which is also its bits in a batch's attributes.
    pub const fn id(self) -> i16 {
        self as i16
    }

    /// The name, as in Kafka's `compression.type`: `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| UnknownCompression { name: name.to_owned() })
    }
}
