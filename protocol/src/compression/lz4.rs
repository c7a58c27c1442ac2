//! The lz4 frame format, around lz4_flex's blocks.
//!
//! lz4_flex reads frames too, but keeps blocks of up to 8 MiB aside whatever the limit, copies each once more, and
//! takes a frame that is cut off between blocks for a whole one.
//!
//! Java's `Lz4BlockInputStream` reads version 1 with independent blocks only; a content size or block checksums it
//! skips or checks, the content checksum it ignores. We write what Java's client does: blocks of 64 KiB and
//! neither of the three, for the batch has a CRC of its own.

use std::ops::Range;

use lz4_flex::block::{self, CompressTable, DecompressError as BlockError};
use twox_hash::XxHash32;

use super::blocks::each_block;
use super::codec::check_level;
use super::inflating::Inflating;
use super::{Codec, CompressError, Compression, DecompressError};

/// lz4, by lz4_flex, which has no levels: neither does this. (Kafka's `compression.lz4.level` has no counterpart.)
#[derive(Clone, Copy, Debug, Default)]
pub struct Lz4;

impl Codec for Lz4 {
    fn compression(&self) -> Compression {
        Compression::Lz4
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
        out.reserve(length / 2 + HEADER.len() + 2 * WORD);
        out.extend_from_slice(&HEADER);
        let mut table = if length < usize::from(u16::MAX) {
            CompressTable::small()
        } else {
            CompressTable::large()
        };
        let result = each_block(chunks, BLOCK_SIZE, |block| write_block(&mut table, block, out));
        if let Err(source) = result {
            out.truncate(start);
            let compression = self.compression();
            return Err(CompressError::Failed { compression, source: Box::new(source) });
        }
        out.extend_from_slice(&END_MARK.to_le_bytes());
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        Inflating::run(self.compression(), limit, out, |output| {
            read_frames(input, HeaderChecksum::Compared, output)
        })
    }

    fn decompress_magic_0(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        Inflating::run(self.compression(), limit, out, |output| {
            read_frames(input, HeaderChecksum::Ignored, output)
        })
    }
}

/// What to do with the checksum of a frame's descriptor, which Kafka's clients of before 0.10 took
/// of the wrong bytes: of the magic bytes too (KAFKA-3160). Java ignores it where they wrote, in
/// magic 0, and so do we; since KIP-31's magic 1 it must be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeaderChecksum {
    Compared,
    Ignored,
}

/// Appends `block` with its length, as it is if compressing does not make it smaller.
fn write_block(
    table: &mut CompressTable,
    block: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), block::CompressError> {
    let start = out.len();
    out.resize(start + WORD + block::get_maximum_output_size(block.len()), 0);
    let body = start + WORD;
    let written = match out.get_mut(body..) {
        Some(compressed) => block::compress_into_with_table(block, compressed, table)?,
        None => 0,
    };
    let (length, flag) =
        if written < block.len() { (written, 0) } else { (block.len(), UNCOMPRESSED) };
    if flag == UNCOMPRESSED {
        out.truncate(body);
        out.extend_from_slice(block);
    } else {
        out.truncate(body + length);
    }
    let word = u32::try_from(length).unwrap_or(u32::MAX) | flag;
    if let Some(at) = out.get_mut(start..body) {
        at.copy_from_slice(&word.to_le_bytes());
    }
    Ok(())
}

/// Reads one frame after another. What follows the last one and is no frame is left alone, as Java does.
fn read_frames(
    input: &[u8],
    checksum: HeaderChecksum,
    output: &mut Inflating<'_>,
) -> Result<(), DecompressError> {
    let mut reader = Reader { rest: input };
    let mut frames = 0;
    loop {
        match reader.word() {
            Some(MAGIC) => {
                read_frame(&mut reader, checksum, output)?;
                frames += 1;
            }
            Some(magic) if SKIPPABLE.contains(&magic) => {
                let skipped = reader.word().and_then(|length| reader.take(length));
                skipped.ok_or_else(|| output.corrupt("it ends within a skippable frame"))?;
            }
            _ if frames > 0 => return Ok(()),
            _ => return Err(output.corrupt("it is not an lz4 frame")),
        }
    }
}

/// Reads a frame's descriptor, after its magic bytes, and its blocks.
fn read_frame(
    reader: &mut Reader<'_>,
    checksum: HeaderChecksum,
    output: &mut Inflating<'_>,
) -> Result<(), DecompressError> {
    let descriptor = Descriptor::read(reader, checksum).map_err(|reason| output.corrupt(reason))?;
    if let Some(size) = descriptor.content_size {
        // Only a claim: not what to reserve by, but enough to refuse by.
        if usize::try_from(size).map_or(true, |size| size > output.room()) {
            return Err(output.too_large());
        }
    }
    let start = output.bytes().len();
    loop {
        let Some(word) = reader.word() else {
            return Err(output.corrupt("it ends before the frame's end mark"));
        };
        if word == END_MARK {
            break;
        }
        read_block(reader, word, &descriptor, start, output)?;
    }

    let content = output.bytes().get(start..).unwrap_or_default();
    let length = content.len();
    if descriptor.content_checksum {
        let checksum = XxHash32::oneshot(0, content);
        if reader.word() != Some(checksum) {
            return Err(output.corrupt("the content's checksum does not match"));
        }
    }
    if descriptor.content_size.is_some_and(|size| usize::try_from(size) != Ok(length)) {
        return Err(output.corrupt("the content is not as long as the frame says"));
    }
    Ok(())
}

/// Reads the block that follows its length, `word`; its frame's content began at `frame` of the output.
fn read_block(
    reader: &mut Reader<'_>,
    word: u32,
    descriptor: &Descriptor,
    frame: usize,
    output: &mut Inflating<'_>,
) -> Result<(), DecompressError> {
    let Some(data) = reader.take(word & !UNCOMPRESSED) else {
        return Err(output.corrupt("it ends within a block"));
    };
    if data.len() > descriptor.block_size {
        return Err(output.corrupt("a block is larger than its frame allows"));
    }
    if descriptor.block_checksums && reader.word() != Some(XxHash32::oneshot(0, data)) {
        return Err(output.corrupt("a block's checksum does not match"));
    }
    if word & UNCOMPRESSED != 0 {
        return output.extend(data);
    }

    let possible = descriptor.block_size.min(data.len().saturating_mul(MAX_RATIO));
    let allowed = possible.min(output.room());
    let start = output.bytes().len();
    output.zeros(allowed)?;
    let (before, target) = output.bytes().split_at_mut(start);
    let window = if descriptor.linked { window(frame, start) } else { 0..0 };
    let dictionary = before.get(window).unwrap_or_default();
    match block::decompress_into_with_dict(data, target, dictionary) {
        Ok(length) => {
            output.bytes().truncate(start + length);
            Ok(())
        }
        Err(BlockError::OutputTooSmall { .. }) if allowed < possible => Err(output.too_large()),
        Err(source) => Err(output.corrupt_because("bad lz4 data", source)),
    }
}

/// What a linked block at `start` may refer to, in a frame that began at `frame`.
fn window(frame: usize, start: usize) -> Range<usize> {
    frame.max(start.saturating_sub(WINDOW))..start
}

/// A frame's descriptor: what it says about its blocks.
#[derive(Debug)]
struct Descriptor {
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    /// The most bytes that a block holds, compressed or not.
    block_size: usize,
}

impl Descriptor {
    fn read(
        reader: &mut Reader<'_>,
        header_checksum: HeaderChecksum,
    ) -> Result<Self, &'static str> {
        const ENDS: &str = "it ends within the frame's descriptor";
        let whole = reader.rest;
        let &[flags, block_descriptor] = reader.chunk::<2>().ok_or(ENDS)?;
        if flags & VERSION_MASK != VERSION {
            return Err("the frame has an unknown version");
        }
        if flags & DICTIONARY != 0 {
            return Err("the frame needs a dictionary");
        }
        let block_size = match block_descriptor >> 4 {
            4 => 64 * 1024,
            5 => 256 * 1024,
            6 => 1024 * 1024,
            7 => 4 * 1024 * 1024,
            _ => return Err("the frame has an unknown block size"),
        };
        let content_size = if flags & CONTENT_SIZE == 0 {
            None
        } else {
            Some(u64::from_le_bytes(*reader.chunk::<8>().ok_or(ENDS)?))
        };
        let length = whole.len() - reader.rest.len();
        let &[checksum] = reader.chunk::<1>().ok_or(ENDS)?;
        let right = checksum == descriptor_checksum(whole.get(..length).unwrap_or_default());
        if !right && header_checksum == HeaderChecksum::Compared {
            return Err("the checksum of the frame's descriptor does not match");
        }
        Ok(Self {
            linked: flags & INDEPENDENT == 0,
            block_checksums: flags & BLOCK_CHECKSUMS != 0,
            content_checksum: flags & CONTENT_CHECKSUM != 0,
            content_size,
            block_size,
        })
    }
}

fn descriptor_checksum(descriptor: &[u8]) -> u8 {
    let [_, second, ..] = XxHash32::oneshot(0, descriptor).to_le_bytes();
    second
}

/// Takes from the front of what is left of the input; `None` if that is too short.
#[derive(Debug)]
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (chunk, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(chunk)
    }

    fn word(&mut self) -> Option<u32> {
        self.chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn take(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}

const MAGIC: u32 = 0x184d_2204;
const SKIPPABLE: Range<u32> = 0x184d_2a50..0x184d_2a60;
/// The magic bytes, then version 1 with independent blocks, blocks of 64 KiB, and the checksum of these two bytes.
const HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const VERSION_MASK: u8 = 0b1100_0000;
const VERSION: u8 = 0b0100_0000;
const INDEPENDENT: u8 = 1 << 5;
const BLOCK_CHECKSUMS: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
const DICTIONARY: u8 = 1;
const END_MARK: u32 = 0;
/// The bit of a block's length that says it is not compressed.
const UNCOMPRESSED: u32 = 1 << 31;
/// As large as Java's.
const BLOCK_SIZE: usize = 64 * 1024;
/// The bytes that hold a block's length or a checksum.
const WORD: usize = 4;
/// How far back lz4 refers.
const WINDOW: usize = 64 * 1024;
/// More than lz4's best, a byte that says 255.
const MAX_RATIO: usize = 256;
