use std::sync::Arc;

use super::none::Uncompressed;
use super::*;

#[cfg(all(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
mod formats;
#[cfg(all(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
mod hostile;
#[cfg(all(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]
mod round_trip;

/// What is left of `limit` bytes of output when one byte is there already, which must survive.
fn inflate(
    compression: Compression,
    input: &[u8],
    limit: usize,
) -> Result<Vec<u8>, DecompressError> {
    let codecs = Codecs::default();
    let mut out = b"|".to_vec();
    let result =
        codecs.get(compression).unwrap().decompress(input, limit.saturating_add(1), &mut out);
    assert_eq!(out.first(), Some(&b'|'));
    assert!(out.len() - 1 <= limit);
    match result {
        Ok(()) => {
            assert!(out.capacity() <= out.len() + out.len() / 4 + 8, "wasted: {}", out.capacity());
            Ok(out.split_off(1))
        }
        Err(error) => {
            assert_eq!(out, b"|", "after {error}");
            Err(error)
        }
    }
}

fn deflate(compression: Compression, chunks: &[&[u8]], level: Option<i32>) -> Vec<u8> {
    let mut out = b"|".to_vec();
    Codecs::default().get(compression).unwrap().compress(chunks, level, &mut out).unwrap();
    assert_eq!(out.first(), Some(&b'|'));
    out.split_off(1)
}

#[test]
fn ids_and_names_are_kafkas() {
    let known = [
        (0, Compression::None, "none"),
        (1, Compression::Gzip, "gzip"),
        (2, Compression::Snappy, "snappy"),
        (3, Compression::Lz4, "lz4"),
        (4, Compression::Zstd, "zstd"),
    ];
    for (id, compression, name) in known {
        // Bits above the codec's say other things: a control batch of a transaction, with log append time.
        assert_eq!(Compression::from_attributes(id | 0b0111_1000), Some(compression));
        assert_eq!(compression.id(), id);
        assert_eq!(compression.to_string(), name);
        assert_eq!(name.parse(), Ok(compression));
    }
    for id in 5..8 {
        assert_eq!(Compression::from_attributes(id), None);
    }
    assert_eq!(Compression::from_attributes(-8), Some(Compression::None));
    let error = "LZ4".parse::<Compression>().unwrap_err();
    assert!(error.to_string().contains("`LZ4`"), "{error}");
}

#[test]
fn a_codec_that_is_not_there_is_named_with_its_feature() {
    let codecs = Codecs::none();
    for compression in Compression::ALL {
        let codec = codecs.get(compression);
        if compression == Compression::None {
            assert!(codec.is_ok());
        } else {
            let error = codec.unwrap_err();
            assert_eq!(error, CodecMissing { compression, feature: compression.name() });
            assert!(error.to_string().contains(compression.name()), "{error}");
        }
    }
}

#[test]
fn features_bring_their_codecs() {
    let codecs = Codecs::default();
    for (compression, enabled) in [
        (Compression::None, true),
        (Compression::Gzip, cfg!(feature = "gzip")),
        (Compression::Snappy, cfg!(feature = "snappy")),
        (Compression::Lz4, cfg!(feature = "lz4")),
        (Compression::Zstd, cfg!(feature = "zstd")),
    ] {
        let codec = codecs.get(compression).map(Codec::compression);
        assert_eq!(codec.ok(), enabled.then_some(compression));
    }
}

#[test]
fn a_codec_of_the_users_takes_the_place_of_ours() {
    #[derive(Debug)]
    struct Theirs;
    impl Codec for Theirs {
        fn compression(&self) -> Compression {
            Compression::Zstd
        }
        fn compress(
            &self,
            chunks: &[&[u8]],
            level: Option<i32>,
            out: &mut Vec<u8>,
        ) -> Result<(), CompressError> {
            Uncompressed.compress(chunks, level, out)
        }
        fn decompress(
            &self,
            input: &[u8],
            limit: usize,
            out: &mut Vec<u8>,
        ) -> Result<(), DecompressError> {
            Uncompressed.decompress(input, limit, out)
        }
    }

    let codecs = Codecs::default().with(Arc::new(Theirs));
    let mut out = Vec::new();
    codecs.get(Compression::Zstd).unwrap().compress(&[b"as ", b"it is"], None, &mut out).unwrap();
    assert_eq!(out, b"as it is");
}

#[test]
fn levels_are_checked() {
    let codecs = Codecs::default();
    let levels = [
        (Compression::None, None),
        (Compression::Gzip, Some(-1..=9)),
        (Compression::Snappy, None),
        (Compression::Lz4, None),
        (Compression::Zstd, Some(-7..=22)),
    ];
    for (compression, expected) in levels {
        let Ok(codec) = codecs.get(compression) else { continue };
        assert_eq!(codec.levels(), expected);
        let outside = match &expected {
            Some(levels) => vec![levels.start() - 1, levels.end() + 1, i32::MIN, i32::MAX],
            None => vec![-1, 0, 1],
        };
        for level in outside {
            let mut out = b"|".to_vec();
            let error = codec.compress(&[b"records"], Some(level), &mut out).unwrap_err();
            assert!(matches!(&error, CompressError::Level { level: of, .. } if *of == level));
            assert!(error.to_string().contains(&level.to_string()), "{error}");
            assert_eq!(out, b"|");
        }
        for level in expected.into_iter().flatten() {
            let compressed = deflate(compression, &[b"records ", b"records"], Some(level));
            assert_eq!(inflate(compression, &compressed, 15).unwrap(), b"records records");
        }
    }
}
