//! zstd (RFC 8878), by rusty_zstd.
//!
//! # Why rusty_zstd
//!
//! Measured on a megabyte of JSON records at level 3 (MB/s to encode, ratio, MB/s to decode); the same order holds
//! for batches of 64, 16 and 1 KiB:
//!
//! | crate | encode | ratio | decode | compiler |
//! |---|---|---|---|---|
//! | libzstd 1.5.7 (C) | 478 | 0.214 | 2339 | a C compiler |
//! | structured-zstd 0.2.6 | 340 | 0.213 | 2119 | Rust 1.92 |
//! | rusty_zstd 0.4.1 | 378 | 0.219 | 1309 | Rust 1.85 |
//! | ruzstd 0.9.1 | 137 | 0.282 | 518 | Rust 1.87 |
//!
//! structured-zstd decodes faster and would be the choice if our default features could ask for Rust 1.92; until
//! then it can be plugged in as a [`Codec`]. rusty_zstd compresses as fast at much the same ratio, has no
//! dependencies, and its one-shot decoder writes into the caller's buffer with a limit.
//!
//! It does use `unsafe` in its hot loops, in the decoder as well, so hostile input was tried on it: more than two
//! million mutations (flips, cuts, copied ranges, truncations) of 456 frames written by libzstd and by itself, under
//! AddressSanitizer with debug assertions on. None crashed, panicked or took longer than 5 ms, and no output differed
//! from libzstd's where both accepted a frame. What it did do is reserve up to 64 MiB on the strength of a
//! frame's first block, whatever the limit: [`plan`] keeps such frames from its one-shot decoder.

use std::ops::RangeInclusive;

use rusty_zstd::{
    CompressOptions, DEFAULT_CLEVEL, DecompressOptions, Decompressor, Error, FrameHeader,
    FrameKind, MAX_CLEVEL, MIN_CLEVEL,
};

use super::codec::level_or;
use super::inflating::Inflating;
use super::pool::Pool;
use super::{Codec, CompressError, Compression, DecompressError};

/// zstd.
///
/// Levels: -7 (fastest) to 22 (best); 3 by default, and 0 means that too. Kafka's `compression.zstd.level`, which
/// goes below -7.
#[derive(Debug, Default)]
pub struct Zstd {
    /// Where frames are inflated, to be copied to an output of their size: the decoder asks for 128 KiB more than a
    /// frame needs, or for twice of it, and memory that is in use already is faster than the copy is slow.
    scratch: Pool<Vec<u8>>,
}

impl Codec for Zstd {
    fn compression(&self) -> Compression {
        Compression::Zstd
    }

    fn levels(&self) -> Option<RangeInclusive<i32>> {
        Some(MIN_CLEVEL..=MAX_CLEVEL)
    }

    fn compress(
        &self,
        chunks: &[&[u8]],
        level: Option<i32>,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        let level = level_or(self, level, DEFAULT_CLEVEL)?;
        // No checksum: the batch has a CRC of its own, and Java writes none either.
        let options = CompressOptions { level, checksum: false };
        let compressed = match chunks {
            [whole] => rusty_zstd::compress_with(whole, options),
            pieces => rusty_zstd::compress_with(&pieces.concat(), options),
        };
        let compressed = compressed.map_err(|source| CompressError::Failed {
            compression: self.compression(),
            source: Box::new(source),
        })?;
        out.extend_from_slice(&compressed);
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        Inflating::run(self.compression(), limit, out, |output| self.read_frames(input, output))
    }
}

impl Zstd {
    fn read_frames(&self, input: &[u8], output: &mut Inflating<'_>) -> Result<(), DecompressError> {
        if input.is_empty() {
            return Err(output.corrupt("it is empty"));
        }
        let mut rest = input;
        while !rest.is_empty() {
            let found = rusty_zstd::find_frame_compressed_size(rest)
                .and_then(|size| Ok((rusty_zstd::get_frame_header(rest)?, size)));
            let (kind, size) = found.map_err(|error| explain(error, None, output))?;
            let (frame, tail) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            if let FrameKind::Zstd(header) = kind {
                self.read_frame(header, frame, output)?;
            }
            rest = tail;
        }
        Ok(())
    }

    fn read_frame(
        &self,
        header: FrameHeader,
        frame: &[u8],
        output: &mut Inflating<'_>,
    ) -> Result<(), DecompressError> {
        let room = output.room();
        let size = header.content_size.map(to_usize);
        if size.is_some_and(|size| size > room) {
            return Err(output.too_large());
        }
        // The decoder compares the size it was told only at the end, but knows a limit at every block.
        let limit = size.unwrap_or(room);
        let plan = plan(header, frame, limit).map_err(|reason| output.corrupt(reason))?;
        let result = match plan {
            Some(capacity) if capacity <= MAX_SCRATCH => {
                let mut scratch = self.scratch.take(|_| true).unwrap_or_default();
                scratch.reserve_exact(capacity);
                let result = inflate(frame, limit, &mut scratch);
                if result.is_ok() {
                    output.extend(&scratch)?;
                }
                scratch.clear();
                self.scratch.put(scratch);
                result
            }
            Some(capacity) => {
                let out = output.bytes();
                out.reserve_exact(capacity);
                inflate(frame, limit, out)
            }
            None => return stream(frame, output),
        };
        result.map_err(|error| explain(error, size, output))
    }
}

/// Inflates `frame` into the spare capacity that was planned for it.
fn inflate(frame: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    let planned = out.capacity();
    let result = rusty_zstd::decompress_into_with_limit(out, frame, OPTIONS, limit);
    debug_assert!(out.capacity() == planned, "invariant: the decoder needs no more than planned");
    result.map(drop)
}

/// The spare capacity with which the one-shot decoder never has to reserve, at most a block more than `room`; `None`
/// if there is no such capacity. Fails for a frame that says it is larger than its blocks can be.
///
/// The decoder asks for room for a whole block and [`COPY_PAD`] before each compressed block. Besides, if the frame
/// does not tell its size (Java's never do) it extrapolates once, from the first block that yields anything, what
/// the rest will need: sensible for most frames, absurd for one of a long run and a short block.
fn plan(header: FrameHeader, frame: &[u8], room: usize) -> Result<Option<usize>, &'static str> {
    let block_size = to_usize(header.block_size_max().into());
    let blocks =
        || Blocks { rest: frame.get(header_length(frame)..).unwrap_or_default(), block_size };
    let (count, most) = blocks()
        .fold((0, 0_usize), |(count, most), block| (count + 1, most.saturating_add(block.most)));
    let expected = match header.content_size {
        Some(size) if to_usize(size) > most => return Err("a frame is shorter than it says"),
        Some(size) => to_usize(size),
        None if count == 1 => most,
        None => most.saturating_mul(2),
    };
    let capacity = (expected.min(room) + block_size + COPY_PAD).max(MIN_SCRATCH);
    if header.content_size.is_some() {
        return Ok(Some(capacity));
    }
    let mut produced = 0_usize;
    let mut first: Option<Block> = None;
    for block in blocks() {
        if let Some(first) = first {
            let extrapolated = first.most.saturating_mul(block.left + 1) / block.payload.max(1);
            if extrapolated.min(MAX_EXTRAPOLATED) > capacity.saturating_sub(produced) {
                return Ok(None);
            }
            if first.surely {
                break;
            }
        }
        produced = produced.saturating_add(block.most);
        first = Some(block);
    }
    Ok(Some(capacity))
}

/// Inflates a frame piece by piece: slower by a third, but beyond what it inflates it asks for 8 MiB at most.
fn stream(frame: &[u8], output: &mut Inflating<'_>) -> Result<(), DecompressError> {
    let mut decompressor = Decompressor::with_options(OPTIONS);
    let mut piece = vec![0; PIECE_SIZE];
    let mut input = frame;
    loop {
        let status = decompressor
            .stream(input, &mut piece, true)
            .map_err(|error| explain(error, None, output))?;
        output.extend(piece.get(..status.output_produced).unwrap_or_default())?;
        input = input.get(status.input_consumed..).unwrap_or_default();
        if status.done {
            return Ok(());
        }
        if status.output_produced == 0 && status.input_consumed == 0 {
            return Err(output.corrupt("it ends within a frame"));
        }
    }
}

/// Says what `error` means for a frame that tells its `size`, which was below the limit.
fn explain(error: Error, size: Option<usize>, output: &Inflating<'_>) -> DecompressError {
    match (error, size) {
        (Error::ContentSizeTooLarge, None) => output.too_large(),
        (Error::ContentSizeTooLarge, Some(_)) => output.corrupt("a frame is longer than it says"),
        (error, _) => output.corrupt_because("bad zstd data", error),
    }
}

/// The length of the header that `frame` begins with: the magic bytes, a descriptor, and the fields it announces.
fn header_length(frame: &[u8]) -> usize {
    let descriptor = frame.get(4).copied().unwrap_or_default();
    let single_segment = descriptor & (1 << 5) != 0;
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or_default();
    let content_size = match descriptor >> 6 {
        0 => usize::from(single_segment),
        exponent => 1 << exponent,
    };
    5 + usize::from(!single_segment) + dictionary + content_size
}

/// What a block's header tells about it.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// The most bytes it can yield.
    most: usize,
    /// Whether it is known to yield any.
    surely: bool,
    /// The bytes it takes after its header.
    payload: usize,
    /// The bytes left in the frame after its header.
    left: usize,
}

/// The blocks of a frame, by their headers.
#[derive(Debug)]
struct Blocks<'a> {
    rest: &'a [u8],
    block_size: usize,
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let (&[b0, b1, b2], rest) = self.rest.split_first_chunk::<3>()?;
        let header = u32::from_le_bytes([b0, b1, b2, 0]);
        let size = to_usize((header >> 3).into());
        let (payload, most, surely) = match (header >> 1) & 3 {
            RUN => (1, size, size > 0),
            COMPRESSED => (size, self.block_size, false),
            _ => (size, size, size > 0),
        };
        let last = header & 1 == 1;
        let block = Block { most, surely, payload, left: rest.len() };
        self.rest = if last { &[] } else { rest.get(payload..).unwrap_or_default() };
        Some(block)
    }
}

fn to_usize(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// The window is no matter of memory here, for blocks refer to the output itself; this refuses what libzstd does.
const OPTIONS: DecompressOptions =
    DecompressOptions { window_max: rusty_zstd::DEFAULT_WINDOW_MAX, force_ignore_checksum: false };
const RUN: u32 = 1;
const COMPRESSED: u32 = 2;
/// What the decoder writes at most past the end of a block.
const COPY_PAD: usize = 64;
/// The most that the decoder reserves by extrapolation.
const MAX_EXTRAPOLATED: usize = 64 << 20;
/// The least that is ever planned: enough for most batches.
const MIN_SCRATCH: usize = 1 << 20;
/// The most that is kept aside; what needs more is inflated in place.
const MAX_SCRATCH: usize = 4 << 20;
/// What is inflated between two looks at the limit.
const PIECE_SIZE: usize = 64 << 10;
