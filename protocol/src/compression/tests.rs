use super::*;
#[test]
fn smoke() {
    let codecs = Codecs::default();
    for c in Compression::ALL {
        let codec = codecs.get(c).unwrap();
        for n in [0usize, 1, 100, 70_000, 300_000] {
            let data: Vec<u8> = (0..n).map(|i| u8::try_from(i / 7 * 13 % 251).unwrap()).collect();
            let (a, b) = data.split_at(n / 3);
            let mut comp = b"x".to_vec();
            codec.compress(&[a, b], None, &mut comp).unwrap();
            let mut out = b"y".to_vec();
            codec.decompress(&comp[1..], n + 1, &mut out).unwrap();
            assert_eq!(out[1..], data);
            if n > 0 {
                let mut out = b"y".to_vec();
                assert!(
                    matches!(
                        codec.decompress(&comp[1..], n, &mut out),
                        Err(DecompressError::TooLarge { .. })
                    ),
                    "{c} {n}"
                );
                assert_eq!(out, b"y");
            }
        }
    }
}
