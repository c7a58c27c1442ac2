//! The codecs' own formats, with a limit on what comes out.

use ottla_protocol::compression::{Codec, Codecs, Compression};

use super::memory;

/// The most that may come out.
const LIMIT: usize = 1 << 20;

/// What a codec may take besides: its window and tables.
const BESIDES: u64 = 16 << 20;

/// A gzip stream.
pub fn gzip(data: &[u8]) -> bool {
    inflate(Compression::Gzip, data)
}

/// Snappy, raw or in snappy-java's framing.
pub fn snappy(data: &[u8]) -> bool {
    inflate(Compression::Snappy, data)
}

/// An lz4 frame.
pub fn lz4(data: &[u8]) -> bool {
    inflate(Compression::Lz4, data)
}

/// A zstd frame.
pub fn zstd(data: &[u8]) -> bool {
    inflate(Compression::Zstd, data)
}

fn inflate(compression: Compression, data: &[u8]) -> bool {
    let codecs = Codecs::default();
    let Ok(codec) = codecs.get(compression) else { return false };
    let mut out = vec![7];
    let inflated = memory::at_most(LIMIT as u64 + BESIDES, data.len(), || {
        codec.decompress(data, LIMIT, &mut out)
    });
    assert!(out.len() <= LIMIT && out.first() == Some(&7), "what was there stays");
    match inflated {
        Ok(()) => again(codec, &out),
        Err(_) => assert_eq!(out, [7], "a failure leaves nothing behind"),
    }
    true
}

/// What came out can be packed and unpacked again.
fn again(codec: &dyn Codec, records: &[u8]) {
    if records.len() > 4096 {
        return; // Compressing is slow and not what is tried here.
    }
    let mut packed = Vec::new();
    codec.compress(&[records], None, &mut packed).expect("our own output");
    let mut unpacked = Vec::new();
    codec.decompress(&packed, records.len(), &mut unpacked).expect("our own output");
    assert_eq!(unpacked, records);
}
