//! Compressed batches, made readable with libraries that are not those of ottla, where there are others.

use std::io::Read;

use anyhow::{Context, bail, ensure};

/// What Kafka's attributes call the codec, and the records of a batch.
pub fn inflate(codec: i16, bytes: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
    out.clear();
    match codec {
        1 => flate2::read::GzDecoder::new(bytes).read_to_end(out).map(drop)?,
        2 => snappy(bytes, out)?,
        3 => lz4::Decoder::new(bytes)?.read_to_end(out).map(drop)?,
        4 => zstd::Decoder::new(bytes)?.read_to_end(out).map(drop)?,
        other => bail!("codec {other}"),
    }
    Ok(())
}

/// One block, or blocks with a frame around them as the Java library writes them.
fn snappy(bytes: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
    let Some(mut blocks) = bytes.strip_prefix(b"\x82SNAPPY\0") else {
        return block(bytes, out);
    };
    blocks = blocks.get(8..).context("a frame without versions")?;
    while let Some((length, rest)) = blocks.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        ensure!(length <= rest.len(), "a block that is longer than its batch");
        let (compressed, rest) = rest.split_at(length);
        block(compressed, out)?;
        blocks = rest;
    }
    Ok(())
}

fn block(bytes: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
    let length = snap::raw::decompress_len(bytes)?;
    let from = out.len();
    out.resize(from + length, 0);
    snap::raw::Decoder::new().decompress(bytes, &mut out[from..])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_codec_is_read() {
        let text = b"one two three ".repeat(1000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&text).unwrap();
        let mut lz4 = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
        lz4.write_all(&text).unwrap();
        let snappy = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
        for part in text.chunks(5000) {
            let block = snap::raw::Encoder::new().compress_vec(part).unwrap();
            framed.extend((block.len() as u32).to_be_bytes());
            framed.extend(block);
        }
        let zstd = zstd::encode_all(&text[..], 0).unwrap();
        let all =
            [(1, gzip.finish().unwrap()), (2, snappy), (2, framed), (3, lz4.finish().0), (4, zstd)];
        let mut out = Vec::new();
        for (codec, compressed) in all {
            inflate(codec, &compressed, &mut out).unwrap();
            assert!(out == text, "codec {codec}");
        }
    }
}
