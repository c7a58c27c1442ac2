use super::*;

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// A gigabyte of zeros: for each codec what a producer of ill will would send, at most a twentieth of it.
fn bomb(compression: Compression) -> Vec<u8> {
    let zeros = vec![0; MIB];
    match compression {
        Compression::Gzip => deflate(compression, &[&zeros], Some(9)).repeat(GIB / MIB),
        Compression::Snappy => {
            let stream = deflate(compression, &[&zeros], None);
            [&stream[..16], &stream[16..].repeat(GIB / MIB)].concat()
        }
        Compression::Lz4 => {
            let frame = deflate(compression, &[&zeros], None);
            let (blocks, end) = frame[7..].split_at(frame.len() - 11);
            [&frame[..7], &blocks.repeat(GIB / MIB), end].concat()
        }
        // Runs of 128 KiB, four bytes each, and no size in the header.
        Compression::Zstd => {
            let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
            frame.extend([0x02, 0x00, 0x10, 0x00].repeat(GIB / (128 << 10) - 1));
            frame.extend([0x03, 0x00, 0x10, 0x00]);
            frame
        }
        Compression::None => zeros.repeat(64),
    }
}

#[test]
fn bombs_end_at_the_limit() {
    for compression in Compression::ALL {
        let bomb = bomb(compression);
        for limit in [0, 1, 1000, MIB, 3 * MIB + 17] {
            let mut out = b"|".to_vec();
            let codecs = Codecs::default();
            let error = codecs
                .get(compression)
                .unwrap()
                .decompress(&bomb, limit + 1, &mut out)
                .unwrap_err();
            let expected = limit + 1;
            assert!(
                matches!(error, DecompressError::TooLarge { limit, .. } if limit == expected),
                "{compression} {limit}: {error:?}"
            );
            assert_eq!(out, b"|");
            // While it ran, too: `Inflating` asserts that in every test.
            assert!(out.capacity() <= limit + 1 + (129 << 10), "{compression} {}", out.capacity());
        }
    }
}

#[test]
fn a_bomb_in_one_piece_ends_at_the_limit() {
    let zeros = vec![0; 16 * MIB];
    for compression in Compression::ALL {
        let compressed = deflate(compression, &[&zeros], None);
        let error = inflate(compression, &compressed, MIB).unwrap_err();
        assert!(matches!(error, DecompressError::TooLarge { .. }), "{compression}: {error:?}");
    }
}

#[test]
fn the_limit_counts_what_was_there_before() {
    let compressed = deflate(Compression::Zstd, &[&[7; 100]], None);
    let codecs = Codecs::default();
    for compression in Compression::ALL {
        let compressed = match compression {
            Compression::Zstd => compressed.clone(),
            other => deflate(other, &[&[7; 100]], None),
        };
        let codec = codecs.get(compression).unwrap();
        let mut out = vec![1; 50];
        codec.decompress(&compressed, 150, &mut out).unwrap();
        assert_eq!(out.len(), 150);
        assert!(codec.decompress(&compressed, 249, &mut out).is_err());
        // Even a limit that is passed before anything begins.
        assert!(codec.decompress(&compressed, 10, &mut out).is_err());
        assert_eq!(out.len(), 150);
    }
}

#[test]
fn every_truncation_is_an_error_or_what_came_before() {
    let records = b"ottla reads what Java writes, ".repeat(8);
    for compression in Compression::ALL {
        let compressed = deflate(compression, &[&records], None);
        for length in 0..compressed.len() {
            match inflate(compression, &compressed[..length], 1 << 16) {
                Ok(inflated) => {
                    assert!(records.starts_with(&inflated), "{compression} {length}");
                    // Only where there is no end to miss: snappy-java's framing before its first block.
                    let endless = compression == Compression::None
                        || (compression == Compression::Snappy && length == 16);
                    assert!(endless, "{compression} {length}");
                }
                Err(DecompressError::Corrupt { .. }) => {}
                Err(error) => panic!("{compression} {length}: {error:?}"),
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error_or_wrong_bytes() {
    let records: Vec<u8> = (0..40_u8)
        .flat_map(|i| format!("{{\"id\":{i},\"user\":\"u{}\"}}", i % 5).into_bytes())
        .collect();
    for compression in Compression::ALL {
        let compressed = deflate(compression, &[&records], None);
        let mut errors = 0;
        for bit in 0..compressed.len() * 8 {
            let mut damaged = compressed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            errors += usize::from(inflate(compression, &damaged, 1 << 16).is_err());
        }
        // gzip has a checksum: only bits of its header that say nothing may pass.
        if compression == Compression::Gzip {
            assert!(errors > compressed.len() * 8 - 60, "{errors} of {}", compressed.len() * 8);
        }
    }
}

#[test]
fn claimed_lengths_reserve_nothing() {
    // A raw snappy block of 4 GiB - 1 in five bytes, and one whose first block in snappy-java's framing is that.
    let raw = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x05".to_vec();
    framed.extend(raw);
    // A block longer than what is there.
    let endless = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff".to_vec();
    // A zstd frame of 2^62 bytes, and one that says a megabyte of a block that cannot be as large.
    let mut vast = vec![0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x58];
    vast.extend((1_u64 << 62).to_le_bytes());
    vast.extend([0x01, 0x00, 0x00]);
    let mut short = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x58];
    short.extend((1_u32 << 20).to_le_bytes());
    short.extend([0x01, 0x00, 0x00]);
    for (compression, input, reason) in [
        (Compression::Snappy, raw.to_vec(), "a block is too short for the length it claims"),
        (Compression::Snappy, framed, "a block is too short for the length it claims"),
        (Compression::Snappy, endless, "it ends within a block"),
        (Compression::Zstd, vast.clone(), "a frame is shorter than it says"),
        (Compression::Zstd, short, "a frame is shorter than it says"),
    ] {
        // A limit that would let it all through.
        let error = inflate(compression, &input, usize::MAX - 1).unwrap_err();
        // The reason tells that it was refused before anything was reserved.
        let refused =
            matches!(error, DecompressError::Corrupt { reason: why, .. } if why == reason);
        assert!(refused, "{compression} {input:x?}: {error:?}");
    }
    assert!(matches!(
        inflate(Compression::Zstd, &vast, MIB),
        Err(DecompressError::TooLarge { .. })
    ));
}

#[test]
fn a_zstd_frame_of_a_run_and_short_blocks_reserves_what_it_needs() {
    // A run of 128 KiB, ten stored bytes, then a stored block: by its first block it looks a gigabyte large.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x02, 0x00, 0x10, b'r'];
    frame.extend([10 << 3, 0, 0]);
    frame.extend([b's'; 10]);
    let last = (100_000_u32 << 3) | 1;
    frame.extend(&last.to_le_bytes()[..3]);
    frame.extend(vec![b't'; 100_000]);

    let inflated = inflate(Compression::Zstd, &frame, MIB).unwrap();
    assert!(inflated == [vec![b'r'; 128 << 10], vec![b's'; 10], vec![b't'; 100_000]].concat());
    assert!(matches!(
        inflate(Compression::Zstd, &frame, 200_000),
        Err(DecompressError::TooLarge { .. })
    ));
}

#[test]
fn a_zstd_frame_longer_than_it_says_is_corrupt() {
    // A hundred bytes, it says; then come 64 runs of 128 KiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x58];
    frame.extend(100_u32.to_le_bytes());
    frame.extend([0x02, 0x00, 0x10, b'r'].repeat(63));
    frame.extend([0x03, 0x00, 0x10, b'r']);
    let error = inflate(Compression::Zstd, &frame, 64 * MIB).unwrap_err();
    assert!(
        matches!(error, DecompressError::Corrupt { reason: "a frame is longer than it says", .. }),
        "{error:?}"
    );
}

#[test]
fn a_zstd_frame_with_a_vast_window_is_refused() {
    // 2^41 bytes of window and a block of nothing.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00];
    let error = inflate(Compression::Zstd, &frame, MIB).unwrap_err();
    assert!(matches!(error, DecompressError::Corrupt { source: Some(_), .. }), "{error:?}");
}

#[test]
fn what_is_no_codecs_is_corrupt() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        for input in [&b""[..], b"\x01", b"not compressed at all", &[0xff; 100]] {
            let error = inflate(compression, input, MIB).unwrap_err();
            assert!(
                matches!(&error, DecompressError::Corrupt { compression: of, .. } if *of == compression),
                "{compression} {input:?}: {error:?}"
            );
            assert!(error.to_string().contains(compression.name()), "{error}");
        }
    }
}
