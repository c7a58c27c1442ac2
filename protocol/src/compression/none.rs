use super::codec::check_level;
use super::inflating::Inflating;
use super::{Codec, CompressError, Compression, DecompressError};

/// Leaves records as they are; here so that whoever has a [`Compression`] has a codec.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uncompressed;

impl Codec for Uncompressed {
    fn compression(&self) -> Compression {
        Compression::None
    }

    fn compress(
        &self,
        chunks: &[&[u8]],
        level: Option<i32>,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        check_level(self, level)?;
        out.reserve(chunks.iter().map(|chunk| chunk.len()).sum());
        for chunk in chunks {
            out.extend_from_slice(chunk);
        }
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        Inflating::run(self.compression(), limit, out, |output| output.extend(input))
    }
}
