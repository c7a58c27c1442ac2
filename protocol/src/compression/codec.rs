use std::fmt::Debug;
use std::ops::RangeInclusive;

use super::{CompressError, Compression, DecompressError};

/// One way to compress a batch's records, in the format that every Kafka client reads.
///
/// Ours are in this module; another one (libzstd, say, or hardware) takes a place in [`Codecs`](super::Codecs).
/// Many threads use one codec at a time, each on batches of its own.
pub trait Codec: Send + Sync + Debug {
    /// The codec whose format this reads and writes.
    fn compression(&self) -> Compression;

    /// The levels that [`compress`](Self::compress) accepts; `None`, the default, if the codec has no levels.
    fn levels(&self) -> Option<RangeInclusive<i32>> {
        None
    }

    /// Appends the compressed form of `chunks` to `out`: a batch's records, in order, in any number of pieces.
    ///
    /// Without a level the codec's own default counts.
    ///
    /// # Errors
    /// [`CompressError::Level`] for a level outside [`levels`](Self::levels); `out` is then as it was.
    fn compress(
        &self,
        chunks: &[&[u8]],
        level: Option<i32>,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError>;

    /// Appends the inflated form of `input` to `out`, which never gets longer than `limit` bytes in all.
    ///
    /// # Errors
    /// [`DecompressError::TooLarge`] at the limit, [`DecompressError::Corrupt`] for input that is not this codec's;
    /// `out` is then as long as it was.
    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError>;

    /// As [`decompress`](Self::decompress), for what a message of magic 0 wraps.
    ///
    /// Kafka's clients of before 0.10 wrote lz4 frames with a wrong checksum of the header
    /// (KAFKA-3160), which must not be compared then. No other codec has anything special.
    ///
    /// # Errors
    /// As [`decompress`](Self::decompress).
    fn decompress_magic_0(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        self.decompress(input, limit, out)
    }
}

/// The level to compress with: the asked one if `codec` has it, else `default`.
#[cfg(any(feature = "gzip", feature = "zstd"))]
pub(super) fn level_or(
    codec: &impl Codec,
    asked: Option<i32>,
    default: i32,
) -> Result<i32, CompressError> {
    check_level(codec, asked)?;
    Ok(asked.unwrap_or(default))
}

/// Refuses a level that `codec` does not have.
pub(super) fn check_level(codec: &impl Codec, asked: Option<i32>) -> Result<(), CompressError> {
    let Some(level) = asked else { return Ok(()) };
    let levels = codec.levels();
    if levels.as_ref().is_some_and(|levels| levels.contains(&level)) {
        return Ok(());
    }
    Err(CompressError::Level { compression: codec.compression(), level, levels })
}
