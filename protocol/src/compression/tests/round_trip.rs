use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Bytes with something to compress in them: runs, repetitions of what was before, and noise.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = (0..3_u8, any::<u64>(), 1..20_000_usize);
    vec(piece, 0..40).prop_map(move |pieces| {
        let mut bytes = Vec::new();
        for (kind, seed, length) in pieces {
            match kind {
                0 => bytes.extend(std::iter::repeat_n(seed.to_le_bytes()[0], length)),
                1 if !bytes.is_empty() => {
                    let start = usize::try_from(seed).unwrap() % bytes.len();
                    let end = bytes.len().min(start + length);
                    bytes.extend_from_within(start..end);
                }
                _ => {
                    let mut state = seed | 1;
                    bytes.extend((0..length / 8).flat_map(|_| {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        state.to_le_bytes()
                    }));
                }
            }
        }
        bytes.truncate(most);
        bytes
    })
}

/// `bytes` cut at the places that `cuts` say, in permille.
fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|permille| bytes.len() * permille / 1000).collect();
    cuts.sort_unstable();
    let mut chunks = Vec::new();
    let mut start = 0;
    for end in cuts.into_iter().chain([bytes.len()]) {
        chunks.push(&bytes[start..end]);
        start = end;
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_compressed_inflates_to_itself(
        records in bytes(300 << 10),
        cuts in vec(0..=1000_usize, 0..6),
        level in -7..=9_i32,
    ) {
        let chunks = cut(&records, &cuts);
        for compression in Compression::ALL {
            let codecs = Codecs::default();
            let levels = codecs.get(compression).unwrap().levels();
            let level = levels.filter(|levels| levels.contains(&level)).map(|_| level);
            let compressed = deflate(compression, &chunks, level);
            let inflated = inflate(compression, &compressed, records.len()).unwrap();
            prop_assert!(inflated == records, "{compression} {level:?}");
            // One byte less than needed is too little.
            if let Some(limit) = records.len().checked_sub(1) {
                let error = inflate(compression, &compressed, limit).unwrap_err();
                let expected = limit + 1;
                let too_large =
                    matches!(error, DecompressError::TooLarge { limit, .. } if limit == expected);
                prop_assert!(too_large, "{compression} {level:?}: {error:?}");
            }
        }
    }

    #[test]
    fn pieces_make_no_difference(records in bytes(200 << 10), cuts in vec(0..=1000_usize, 1..6)) {
        for compression in [Compression::Snappy, Compression::Lz4, Compression::Zstd] {
            let whole = deflate(compression, &[&records], None);
            prop_assert!(whole == deflate(compression, &cut(&records, &cuts), None), "{compression}");
        }
    }

    #[test]
    fn inflating_reads_what_was_damaged_without_panic(
        records in bytes(64 << 10),
        flips in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        kept in 0..=1000_usize,
    ) {
        for compression in Compression::ALL {
            let mut compressed = deflate(compression, &[&records], None);
            for (index, byte) in &flips {
                let index = index.index(compressed.len().max(1));
                if let Some(at) = compressed.get_mut(index) {
                    *at = *byte;
                }
            }
            let _: Result<_, _> = inflate(compression, &compressed, 1 << 20);
            compressed.truncate(compressed.len() * kept / 1000);
            let _: Result<_, _> = inflate(compression, &compressed, 1 << 20);
        }
    }
}

#[test]
fn sizes_around_the_blocks() {
    for size in [0_usize, 1, 32 << 10, 64 << 10, 128 << 10, 256 << 10] {
        for length in [size, size + 1, size.saturating_sub(1)] {
            let records: Vec<u8> =
                (0..length).map(|i| u8::try_from(i / 7 * 13 % 251).unwrap()).collect();
            for compression in Compression::ALL {
                let compressed = deflate(compression, &[&records], None);
                let inflated = inflate(compression, &compressed, length).unwrap();
                assert!(inflated == records, "{compression} {length}");
            }
        }
    }
}

#[test]
fn codecs_are_shared_by_threads() {
    let codecs = Codecs::default();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let codecs = codecs.clone();
            scope.spawn(move || {
                for round in 0..50_u8 {
                    for compression in Compression::ALL {
                        let codec = codecs.get(compression).unwrap();
                        let records = [thread.wrapping_mul(50).wrapping_add(round); 3000];
                        let (mut compressed, mut inflated) = (Vec::new(), Vec::new());
                        codec.compress(&[&records], None, &mut compressed).unwrap();
                        codec.decompress(&compressed, 3000, &mut inflated).unwrap();
                        assert!(inflated == records, "{compression}");
                    }
                }
            });
        }
    });
}
