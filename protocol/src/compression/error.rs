use std::error::Error;
use std::ops::RangeInclusive;

use thiserror::Error;

use super::Compression;

/// Why a batch could not be compressed.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum CompressError {
    /// The codec has no such level.
    #[error("{compression} has no compression level {level}{}", accepted(.levels.as_ref()))]
    Level {
        /// The codec.
        compression: Compression,
        /// The level asked for.
        level: i32,
        /// The levels it has; `None` if it has none at all.
        levels: Option<RangeInclusive<i32>>,
    },
    /// There is no codec for this format.
    #[error(transparent)]
    Missing(#[from] CodecMissing),
    /// The codec itself failed, which ours do not.
    #[error("{compression} could not compress a batch")]
    Failed {
        /// The codec.
        compression: Compression,
        /// What the codec says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Why a batch could not be inflated.
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum DecompressError {
    /// The records are larger than the caller allows: a legitimate giant or a decompression bomb.
    #[error("records compressed with {compression} are larger than the limit of {limit} bytes")]
    TooLarge {
        /// The codec.
        compression: Compression,
        /// The limit on the length of the output, in bytes.
        limit: usize,
    },
    /// The input is damaged, ends early, or is not of this codec.
    #[error("records compressed with {compression} are corrupt: {reason}")]
    Corrupt {
        /// The codec.
        compression: Compression,
        /// What is wrong.
        reason: &'static str,
        /// What the codec's library says, where it says anything.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// There is no codec for this format.
    #[error(transparent)]
    Missing(#[from] CodecMissing),
}

/// A codec that this client was built without.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "no codec for {compression}: enable the feature `{feature}` or plug in a codec of your own"
)]
pub struct CodecMissing {
    /// The codec.
    pub compression: Compression,
    /// The cargo feature that brings ours.
    pub feature: &'static str,
}

/// A name that is no codec's.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{name}` is not a compression: expected none, gzip, snappy, lz4 or zstd")]
pub struct UnknownCompression {
    /// The name.
    pub name: String,
}

fn accepted(levels: Option<&RangeInclusive<i32>>) -> String {
    match levels {
        Some(levels) => format!(": it has {} to {}", levels.start(), levels.end()),
        None => ": it has no levels".to_owned(),
    }
}
