//! Snappy in the two forms Kafka clients write.
//!
//! Java's client writes what snappy-java's `SnappyOutputStream` does: a header, then blocks of up to 32 KiB, each
//! with its length. librdkafka, franz-go and sarama write one raw snappy block. All of them read both (snappy-java's
//! `SnappyInputStream` takes the input as raw if the header is not there), so either may be written. We write
//! Java's: brokers and consumers inflate it block by block, and the pieces of a batch need not be joined for it.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::blocks::each_block;
use super::codec::check_level;
use super::inflating::Inflating;
use super::{Codec, CompressError, Compression, DecompressError};

/// Snappy, by snap. It has no levels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snappy;

impl Codec for Snappy {
    fn compression(&self) -> Compression {
        Compression::Snappy
    }

    fn compress(
        &self,
        chunks: &[&[u8]],
        level: Option<i32>,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        check_level(self, level)?;
        let start = out.len();
        let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        out.reserve(HEADER.len() + length / 2);
        out.extend_from_slice(&HEADER);
        let mut encoder = Encoder::new();
        let result = each_block(chunks, BLOCK_SIZE, |block| write_block(&mut encoder, block, out));
        result.map_err(|source| {
            out.truncate(start);
            CompressError::Failed { compression: self.compression(), source: Box::new(source) }
        })
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        Inflating::run(self.compression(), limit, out, |output| {
            if input.starts_with(&MAGIC) {
                read_blocks(input, output)
            } else {
                read_block(input, output)
            }
        })
    }
}

/// Appends the length of the compressed `block`, then the block.
fn write_block(encoder: &mut Encoder, block: &[u8], out: &mut Vec<u8>) -> Result<(), snap::Error> {
    let start = out.len();
    out.resize(start + LENGTH + max_compress_len(block.len()), 0);
    let Some((length, compressed)) = out.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut)
    else {
        return Ok(());
    };
    let written = encoder.compress(block, compressed)?;
    *length = u32::try_from(written).unwrap_or(u32::MAX).to_be_bytes();
    out.truncate(start + LENGTH + written);
    Ok(())
}

/// Reads snappy-java's framing: a header, then blocks; a further header may stand where a block may.
fn read_blocks(mut rest: &[u8], output: &mut Inflating<'_>) -> Result<(), DecompressError> {
    while !rest.is_empty() {
        if rest.starts_with(&MAGIC) {
            let Some(([.., v0, v1, v2, v3, _, _, _, _], tail)) =
                rest.split_first_chunk::<{ HEADER.len() }>()
            else {
                return Err(output.corrupt("it ends within the header"));
            };
            if i32::from_be_bytes([*v0, *v1, *v2, *v3]) < 1 {
                return Err(output.corrupt("the framing has an unknown version"));
            }
            rest = tail;
            continue;
        }
        let block = rest.split_first_chunk::<LENGTH>().and_then(|(length, tail)| {
            tail.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
        });
        let Some((block, tail)) = block else {
            return Err(output.corrupt("it ends within a block"));
        };
        read_block(block, output)?;
        rest = tail;
    }
    Ok(())
}

/// Reads one raw snappy block.
fn read_block(block: &[u8], output: &mut Inflating<'_>) -> Result<(), DecompressError> {
    let claimed = decompress_len(block)
        .map_err(|source| output.corrupt_because("a block has no length", source))?;
    if block.is_empty() || claimed > block.len().saturating_mul(MAX_RATIO) {
        return Err(output.corrupt("a block is too short for the length it claims"));
    }
    let inflated = Decoder::new().decompress(block, output.zeros(claimed)?);
    match inflated {
        Ok(_) => Ok(()),
        Err(source) => Err(output.corrupt_because("bad snappy data", source)),
    }
}

/// As large as Java's.
const BLOCK_SIZE: usize = 32 * 1024;
/// The bytes that hold a block's length.
const LENGTH: usize = 4;
const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// The magic bytes, version 1, readable by version 1.
const HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// Snappy's best: a copy of 64 bytes in three.
const MAX_RATIO: usize = 22;
