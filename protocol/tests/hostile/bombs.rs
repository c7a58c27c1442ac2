//! Decompression bombs, as a consumer meets them: in batches of a response.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ottla_protocol::compression::{Codecs, Compression, DecompressError};
use ottla_protocol::records::{BatchError, Batches};

/// What a consumer lets a batch inflate to.
const CAP: usize = 4 << 20;

/// What a codec may take besides.
const BESIDES: u64 = 16 << 20;

/// Inflating stops at the cap, so a bomb takes no longer than that many bytes take; without
/// optimisation and on a machine with much else to do.
const LONGEST: Duration = Duration::from_secs(10);

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// A batch of magic 2 with this payload.
fn batch(compression: Compression, payload: &[u8]) -> Bytes {
    let mut batch = 40_i64.to_be_bytes().to_vec();
    batch.extend(i32::try_from(49 + payload.len()).unwrap().to_be_bytes());
    batch.extend(3_i32.to_be_bytes());
    batch.push(2);
    batch.extend([0; 4]);
    batch.extend(compression.id().to_be_bytes());
    batch.extend(1_i32.to_be_bytes());
    batch.extend([0; 16]);
    batch.extend((-1_i64).to_be_bytes());
    batch.extend((-1_i16).to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.extend(2_i32.to_be_bytes());
    assert_eq!(batch.len(), 61);
    batch.extend(payload);
    batch.into()
}

fn packed(compression: Compression, records: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Codecs::default().get(compression).unwrap().compress(&[records], None, &mut out).unwrap();
    out
}

/// The bombs of a codec, of a gibibyte when inflated where the codec can do that, with what they are.
fn bombs(compression: Compression) -> Vec<(&'static str, Vec<u8>)> {
    let mebibyte = packed(compression, &vec![0; MIB]);
    match compression {
        Compression::None => Vec::new(),
        Compression::Gzip => vec![
            ("a thousand members", mebibyte.repeat(GIB / MIB)),
            ("one member in one stream", packed(compression, &vec![0; 64 * MIB])),
        ],
        Compression::Snappy => {
            let (header, blocks) = mebibyte.split_at(16);
            // A literal, then copies of it: 3 bytes make 64, which is all that snappy can do.
            let mut raw = Vec::new();
            crate::claims::put_uvarint(&mut raw, 1 + 16 * u32::try_from(MIB).unwrap());
            raw.extend([0, 0]);
            raw.extend([(63 << 2) | 2, 1, 0].repeat(16 * MIB / 64));
            vec![
                ("framed blocks", [header, &blocks.repeat(GIB / MIB)].concat()),
                ("raw, with its length", raw),
                ("raw, lying", vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]),
                ("a framed block, lying", {
                    let block = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
                    [header, &7_u32.to_be_bytes(), &block].concat()
                }),
            ]
        }
        Compression::Lz4 => {
            let (blocks, end) = mebibyte[7..].split_at(mebibyte.len() - 11);
            vec![
                ("many blocks", [&mebibyte[..7], &blocks.repeat(GIB / MIB), end].concat()),
                ("many frames", mebibyte.repeat(GIB / MIB)),
                ("a bomb behind empty blocks", {
                    let empty = 0x8000_0000_u32.to_le_bytes().repeat(2 * MIB);
                    [&mebibyte[..7], &empty, &blocks.repeat(GIB / MIB), end].concat()
                }),
            ]
        }
        Compression::Zstd => {
            let start = [0x28, 0xb5, 0x2f, 0xfd];
            let mut runs = [0x02, 0x00, 0x10, 0x00].repeat(GIB / (128 << 10) - 1);
            runs.extend([0x03, 0x00, 0x10, 0x00]);
            vec![
                // Runs of 128 KiB, four bytes each.
                ("runs", [&start[..], &[0x00, 0x58], &runs].concat()),
                ("runs in a window of 3.75 TiB", [&start[..], &[0x00, 0xff], &runs].concat()),
                ("runs in a window of 128 MiB", [&start[..], &[0x00, 0x88], &runs].concat()),
                ("one segment of 2^64 - 1 bytes", {
                    [&start[..], &[0xe0], &[0xff; 8], &runs].concat()
                }),
                ("one segment as large as the cap, and more", {
                    let size = u64::try_from(CAP).unwrap().to_le_bytes();
                    [&start[..], &[0xe0], &size, &runs].concat()
                }),
                ("many frames", mebibyte.repeat(GIB / MIB)),
                ("skippable frames without end", {
                    let skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0].repeat(MIB / 8);
                    [&skippable[..], &mebibyte.repeat(GIB / MIB)].concat()
                }),
            ]
        }
        _ => panic!("a codec without bombs: {compression}"),
    }
}

#[test]
fn bombs_end_in_an_error_within_the_cap_and_16_mib() {
    let codecs = Codecs::default();
    let mut tried = 0;
    for compression in Compression::ALL {
        for (name, payload) in bombs(compression) {
            let batch = Batches::new(batch(compression, &payload)).next().unwrap().unwrap();
            let begun = Instant::now();
            let mut result = None;
            let used = allocation_counter::measure(|| {
                result = Some(batch.inflate(&codecs, CAP).map(|_| ()));
            });
            let error = result.unwrap().expect_err(name);
            let BatchError::Inflate { next_offset, ref source, .. } = error else {
                panic!("{compression}, {name}: {error:?}");
            };
            // It says where to go on.
            assert_eq!(next_offset, 42);
            // Where the header alone is a lie, that may be found before the length is.
            let lies = ["lying", "window", "the cap"].iter().any(|lie| name.contains(lie));
            assert!(
                matches!(source, DecompressError::TooLarge { limit: CAP, .. })
                    || (lies && matches!(source, DecompressError::Corrupt { .. })),
                "{compression}, {name}: {source:?}"
            );
            let most = CAP as u64 + BESIDES;
            assert!(used.bytes_max <= most, "{compression}, {name}: {} bytes", used.bytes_max);
            assert!(begun.elapsed() < LONGEST, "{compression}, {name}: {:?}", begun.elapsed());
            tried += 1;
        }
    }
    assert_eq!(tried, 16);
}

/// What is within the cap is inflated, or the test above would pass with a codec that always fails.
#[test]
fn what_is_as_large_as_the_cap_is_inflated() {
    let codecs = Codecs::default();
    for compression in Compression::ALL {
        let payload = packed(compression, &vec![0; CAP]);
        let batch = Batches::new(batch(compression, &payload)).next().unwrap().unwrap();
        let inflated = batch.inflate(&codecs, CAP).unwrap();
        assert_eq!(inflated.bytes().len(), CAP);
    }
}
