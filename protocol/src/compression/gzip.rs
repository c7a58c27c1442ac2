//! gzip (RFC 1952): the members' headers and trailers are read and written here, so that the deflate states, some
//! 300 KiB each, can be reset and used again.

use std::ops::RangeInclusive;

use flate2::{Compress, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::codec::level_or;
use super::inflating::Inflating;
use super::pool::Pool;
use super::{Codec, CompressError, Compression, DecompressError};

/// gzip, by flate2 on zlib-rs.
///
/// Levels: 0 (stored) to 9 (best); -1, the default, is zlib's 6, as in Java. Kafka's `compression.gzip.level`.
#[derive(Debug, Default)]
pub struct Gzip {
    compressors: Pool<(u32, Compress)>,
    decompressors: Pool<Decompress>,
}

impl Codec for Gzip {
    fn compression(&self) -> Compression {
        Compression::Gzip
    }

    fn levels(&self) -> Option<RangeInclusive<i32>> {
        Some(DEFAULT_LEVEL..=9)
    }

    fn compress(
        &self,
        chunks: &[&[u8]],
        level: Option<i32>,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        let level = u32::try_from(level_or(self, level, DEFAULT_LEVEL)?).unwrap_or(6);
        let mut deflate = match self.compressors.take(|(of, _)| *of == level) {
            Some((_, deflate)) => deflate,
            None => Compress::new(flate2::Compression::new(level), false),
        };
        let start = out.len();
        let result = write_member(&mut deflate, chunks, out);
        if let Err(source) = result {
            out.truncate(start);
            return Err(CompressError::Failed {
                compression: self.compression(),
                source: Box::new(source),
            });
        }
        deflate.reset();
        self.compressors.put((level, deflate));
        Ok(())
    }

    fn decompress(
        &self,
        input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        let mut inflate =
            self.decompressors.take(|_| true).unwrap_or_else(|| Decompress::new(false));
        let result = Inflating::run(self.compression(), limit, out, |output| {
            read_members(&mut inflate, input, output)
        });
        self.decompressors.put(inflate);
        result
    }
}

fn write_member(
    deflate: &mut Compress,
    chunks: &[&[u8]],
    out: &mut Vec<u8>,
) -> Result<(), flate2::CompressError> {
    let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    out.reserve(HEADER.len() + length / 4 + STEP);
    out.extend_from_slice(&HEADER);
    let mut crc = Crc::new();
    for chunk in chunks {
        crc.update(chunk);
        let mut rest = *chunk;
        while !rest.is_empty() {
            let before = deflate.total_in();
            make_room(out);
            deflate.compress_vec(rest, out, FlushCompress::None)?;
            rest = advance(rest, deflate.total_in() - before);
        }
    }
    loop {
        make_room(out);
        if deflate.compress_vec(&[], out, FlushCompress::Finish)? == Status::StreamEnd {
            break;
        }
    }
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    Ok(())
}

fn make_room(out: &mut Vec<u8>) {
    if out.len() == out.capacity() {
        out.reserve(STEP);
    }
}

/// Reads one member after another. What follows the last one and is no member is left alone, as Java's
/// `GZIPInputStream` does.
fn read_members(
    inflate: &mut Decompress,
    input: &[u8],
    output: &mut Inflating<'_>,
) -> Result<(), DecompressError> {
    let mut rest = read_member(inflate, input, output)?;
    while rest.starts_with(&MAGIC) {
        rest = read_member(inflate, rest, output)?;
    }
    Ok(())
}

/// Reads the member that `input` begins with and returns what follows.
fn read_member<'a>(
    inflate: &mut Decompress,
    input: &'a [u8],
    output: &mut Inflating<'_>,
) -> Result<&'a [u8], DecompressError> {
    let deflated = skip_header(input).map_err(|reason| output.corrupt(reason))?;
    output.reserve(expected_length(input).min(output.room()))?;
    let start = output.bytes().len();
    inflate.reset(false);
    let rest = inflate_all(inflate, deflated, output)?;

    let Some((trailer, rest)) = rest.split_first_chunk::<8>() else {
        return Err(output.corrupt("it ends before the member's checksum"));
    };
    let mut crc = Crc::new();
    crc.update(output.bytes().get(start..).unwrap_or_default());
    let [c0, c1, c2, c3, l0, l1, l2, l3] = *trailer;
    if crc.sum() != u32::from_le_bytes([c0, c1, c2, c3])
        || crc.amount() != u32::from_le_bytes([l0, l1, l2, l3])
    {
        return Err(output.corrupt("a member's checksum does not match"));
    }
    Ok(rest)
}

/// Inflates one deflate stream into `output` and returns what follows it.
fn inflate_all<'a>(
    inflate: &mut Decompress,
    mut rest: &'a [u8],
    output: &mut Inflating<'_>,
) -> Result<&'a [u8], DecompressError> {
    loop {
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let room = output.room();
        let status = if room == 0 {
            // The limit is reached: the stream may end here, but not bring one byte more.
            inflate.decompress(rest, &mut [0], FlushDecompress::None)
        } else {
            output.reserve_some(STEP)?;
            inflate.decompress_vec(rest, output.bytes(), FlushDecompress::None)
        };
        let status = status.map_err(|source| output.corrupt_because("bad deflate data", source))?;
        rest = advance(rest, inflate.total_in() - read);
        let produced = inflate.total_out() > written;
        if room == 0 && produced {
            return Err(output.too_large());
        }
        output.check_limit()?;
        match status {
            Status::StreamEnd => return Ok(rest),
            Status::Ok | Status::BufError if produced || inflate.total_in() > read => {}
            Status::Ok | Status::BufError => {
                return Err(output.corrupt("it ends within the deflate data"));
            }
        }
    }
}

/// What follows the header of the member that `input` begins with.
fn skip_header(input: &[u8]) -> Result<&[u8], &'static str> {
    const ENDS: &str = "it ends within the header";
    let ([m0, m1, method, flags, ..], mut rest) =
        input.split_first_chunk::<{ HEADER.len() }>().ok_or(ENDS)?;
    if [*m0, *m1] != MAGIC || *method != DEFLATE {
        return Err("it is not gzip");
    }
    if flags & !(TEXT | HEADER_CRC | EXTRA | NAME | COMMENT) != 0 {
        return Err("reserved flags are set in the header");
    }
    if flags & EXTRA != 0 {
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(ENDS)?;
        rest = tail.get(usize::from(u16::from_le_bytes(*length))..).ok_or(ENDS)?;
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(ENDS)?;
            rest = rest.get(end + 1..).ok_or(ENDS)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        // Not checked: the batch's own CRC covers it.
        rest = rest.get(2..).ok_or(ENDS)?;
    }
    Ok(rest)
}

/// The length that the last member claims, cut to what deflate can make of so many bytes.
fn expected_length(input: &[u8]) -> usize {
    let claimed = input.last_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length));
    usize::try_from(claimed).unwrap_or(usize::MAX).min(input.len().saturating_mul(MAX_RATIO))
}

fn advance(bytes: &[u8], by: u64) -> &[u8] {
    usize::try_from(by).ok().and_then(|by| bytes.get(by..)).unwrap_or_default()
}

const DEFAULT_LEVEL: i32 = -1;
const MAGIC: [u8; 2] = [0x1f, 0x8b];
const DEFLATE: u8 = 8;
/// No flags, no time, no extra flags, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, DEFLATE, 0, 0, 0, 0, 0, 0, 0xff];
const TEXT: u8 = 1;
const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
/// The least by which an output grows.
const STEP: usize = 4096;
/// Deflate's best: 258 bytes for two bits.
const MAX_RATIO: usize = 1032;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_expected_than_deflate_can_make() {
        assert_eq!(expected_length(&[0xff; 18]), 18 * MAX_RATIO);
        assert_eq!(expected_length(&[9, 9, 9, 9, 1, 1, 0, 0]), 257);
        assert_eq!(expected_length(&[1, 2, 3]), 0);
    }
}
