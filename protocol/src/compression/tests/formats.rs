use twox_hash::XxHash32;

use super::*;

const TEXT: &[u8] = b"ottla reads what Java writes, ";

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// Written by kafka-clients 4.3.1, `Compression.of(name).build().wrapForOutput`, at the default levels.
#[test]
fn what_java_writes_is_read() {
    let text = TEXT.repeat(8);
    let a = vec![b'a'; 70_000];
    let vectors: [(Compression, &[u8], &str); 8] = [
        (
            Compression::Gzip,
            &text,
            "1f8b08000000000000ffcb2f29c94954284a4d4c295628cf482c51f04a2c4b54282fca2c492dd651c81f76\
             b200a8ca809ef0000000",
        ),
        (
            Compression::Snappy,
            &text,
            "82534e415050590000000001000000010000002ef001786f74746c612072656164732077686174204a6176\
             61207772697465732c206ffe1e00fe1e00fe1e00421e00",
        ),
        (
            Compression::Lz4,
            &text,
            "04224d1860408229000000ff0f6f74746c612072656164732077686174204a617661207772697465732c20\
             1e00ba507465732c2000000000",
        ),
        (
            Compression::Zstd,
            &text,
            "28b52ffd00582c0100f06f74746c612072656164732077686174204a617661207772697465732c2001003e\
             03a59c010000",
        ),
        (Compression::Gzip, b"", "1f8b08000000000000ff03000000000000000000"),
        (Compression::Snappy, b"", "82534e41505059000000000100000001"),
        (Compression::Lz4, b"", "04224d1860408200000000"),
        (Compression::Zstd, &a, "28b52ffd005854000010616101006b1139c002010000"),
    ];
    for (compression, records, written) in vectors {
        let inflated = inflate(compression, &hex(written), records.len()).unwrap();
        assert!(inflated == records, "{compression}");
        if let Some(limit) = records.len().checked_sub(1) {
            let error = inflate(compression, &hex(written), limit).unwrap_err();
            assert!(matches!(error, DecompressError::TooLarge { .. }), "{compression}: {error:?}");
        }
    }
}

/// The bytes a Java consumer sees first; that it reads all of it is tested with the real one.
#[test]
fn what_is_written_begins_as_javas_does() {
    let text = TEXT.repeat(8);
    let begins = [
        (Compression::Gzip, "1f8b08000000000000ff"),
        (Compression::Snappy, "82534e41505059000000000100000001"),
        (Compression::Lz4, "04224d18604082"),
        (Compression::Zstd, "28b52ffd"),
    ];
    for (compression, magic) in begins {
        let compressed = deflate(compression, &[&text], None);
        assert!(compressed.starts_with(&hex(magic)), "{compression}");
        assert!(compressed.len() < text.len() / 2, "{compression}: {}", compressed.len());
    }
    // The blocks of lz4 and snappy are as Java makes them, to the byte.
    assert!(deflate(Compression::Lz4, &[&text], None).ends_with(&[0; 4]));
    let empty = deflate(Compression::Lz4, &[], None);
    assert_eq!(empty, hex("04224d1860408200000000"));
}

#[test]
fn snappy_is_read_raw_and_framed() {
    let text = TEXT.repeat(4000);
    let raw = snap::raw::Encoder::new().compress_vec(&text).unwrap();
    assert_eq!(inflate(Compression::Snappy, &raw, text.len()).unwrap(), text);

    let framed = deflate(Compression::Snappy, &[&text], None);
    assert!(framed.starts_with(b"\x82SNAPPY\0"));
    assert_eq!(inflate(Compression::Snappy, &framed, text.len()).unwrap(), text);

    // Two streams in a row, each with its header; and a version that is none.
    let both = inflate(Compression::Snappy, &framed.repeat(2), usize::MAX / 2).unwrap();
    assert_eq!(both, text.repeat(2));
    let mut unknown = framed;
    unknown[11] = 0;
    assert!(inflate(Compression::Snappy, &unknown, text.len()).is_err());
}

#[test]
fn gzip_members_follow_each_other() {
    let one = deflate(Compression::Gzip, &[TEXT], None);
    let two = deflate(Compression::Gzip, &[b"and on"], Some(0));
    let both = [TEXT, b"and on"].concat();
    let members = [&one[..], &two].concat();
    assert_eq!(inflate(Compression::Gzip, &members, both.len()).unwrap(), both);
    assert!(inflate(Compression::Gzip, &members, both.len() - 1).is_err());
    assert!(inflate(Compression::Gzip, &members[..members.len() - 1], both.len()).is_err());

    // Padding behind the last one is left alone.
    let padded = [&members[..], &[0; 7]].concat();
    assert_eq!(inflate(Compression::Gzip, &padded, both.len()).unwrap(), both);
}

#[test]
fn gzip_levels_do_not_mix() {
    let records: Vec<u8> =
        (0..3000_u32).flat_map(|i| (i * i % 1009).to_string().into_bytes()).collect();
    let codec = Gzip::default();
    for level in [9, 1, 0, 9, -1, 6, 1] {
        let mut compressed = Vec::new();
        codec.compress(&[&records], Some(level), &mut compressed).unwrap();
        assert!(compressed == deflate(Compression::Gzip, &[&records], Some(level)), "{level}");
    }
}

#[test]
fn gzip_headers_may_carry_more() {
    let member = deflate(Compression::Gzip, &[TEXT], None);
    // Text, a header checksum, an extra field, a name and a comment.
    let mut header = member[..10].to_vec();
    header[3] = 0b1_1111;
    let fields: &[u8] = b"\x03\0abcname\0comment\0\x12\x34";
    let whole = [&header[..], fields, &member[10..]].concat();
    assert_eq!(inflate(Compression::Gzip, &whole, TEXT.len()).unwrap(), TEXT);
    for length in 10..header.len() + fields.len() {
        assert!(inflate(Compression::Gzip, &whole[..length], TEXT.len()).is_err(), "{length}");
    }
    header[3] = 1 << 5;
    let reserved = [&header[..], &member[10..]].concat();
    assert!(inflate(Compression::Gzip, &reserved, TEXT.len()).is_err());
}

/// An lz4 frame: its flags besides the version, its content's size if `CONTENT_SIZE` is among them, its blocks
/// (those marked are compressed), and its content, for the checksum.
fn lz4_frame(flags: u8, blocks: &[(bool, &[u8])], content: &[u8]) -> Vec<u8> {
    let mut descriptor = vec![0x40 | flags, 0x40];
    if flags & CONTENT_SIZE != 0 {
        descriptor.extend(u64::try_from(content.len()).unwrap().to_le_bytes());
    }
    let checksum = XxHash32::oneshot(0, &descriptor).to_le_bytes()[1];
    let mut frame = hex("04224d18");
    frame.extend(descriptor);
    frame.push(checksum);
    for (compressed, block) in blocks {
        let flag = if *compressed { 0 } else { 1 << 31 };
        frame.extend((u32::try_from(block.len()).unwrap() | flag).to_le_bytes());
        frame.extend(*block);
        if flags & BLOCK_CHECKSUMS != 0 {
            frame.extend(XxHash32::oneshot(0, block).to_le_bytes());
        }
    }
    frame.extend([0; 4]);
    if flags & CONTENT_CHECKSUM != 0 {
        frame.extend(XxHash32::oneshot(0, content).to_le_bytes());
    }
    frame
}

const INDEPENDENT: u8 = 1 << 5;
const BLOCK_CHECKSUMS: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
/// Twelve bytes from thirty back, then "done.".
const LINKED: &[u8] = b"\x08\x1e\0\x50done.";

#[test]
fn lz4_blocks_may_refer_to_those_before() {
    let content = [TEXT, b"ottla reads done."].concat();
    let blocks = [(false, TEXT), (true, LINKED)];
    let frame = lz4_frame(0, &blocks, &content);
    assert_eq!(inflate(Compression::Lz4, &frame, content.len()).unwrap(), content);
    // In the second frame too, but not to the one before it.
    let twice = inflate(Compression::Lz4, &frame.repeat(2), 2 * content.len()).unwrap();
    assert_eq!(twice, content.repeat(2));
    let alone = lz4_frame(0, &blocks[1..], b"");
    assert!(inflate(Compression::Lz4, &[&frame[..], &alone].concat(), 1000).is_err());
    // Nor if the frame says that its blocks do not.
    let frame = lz4_frame(INDEPENDENT, &blocks, &content);
    assert!(inflate(Compression::Lz4, &frame, 1000).is_err());
}

#[test]
fn lz4_checksums_and_sizes_are_checked() {
    let content = [TEXT, b"ottla reads done."].concat();
    let blocks = [(false, TEXT), (true, LINKED)];
    for flags in (0..64).step_by(4).filter(|flags| flags & INDEPENDENT == 0) {
        let frame = lz4_frame(flags, &blocks, &content);
        assert_eq!(inflate(Compression::Lz4, &frame, content.len()).unwrap(), content);
        for end in 0..frame.len() {
            assert!(inflate(Compression::Lz4, &frame[..end], 1000).is_err(), "{flags} {end}");
        }
    }
    for flags in [BLOCK_CHECKSUMS, CONTENT_CHECKSUM] {
        let mut frame = lz4_frame(flags, &blocks, &content);
        // The first byte of the first block.
        frame[11] ^= 1;
        assert!(inflate(Compression::Lz4, &frame, 1000).is_err(), "{flags}");
    }
    for wrong in [&content[1..], &[&content[..], b"!"].concat()] {
        let frame = lz4_frame(CONTENT_SIZE, &blocks, wrong);
        let error = inflate(Compression::Lz4, &frame, 1000).unwrap_err();
        assert!(matches!(error, DecompressError::Corrupt { .. }), "{error:?}");
    }
    let error = inflate(Compression::Lz4, &lz4_frame(CONTENT_SIZE, &blocks, &content), 20);
    assert!(matches!(error, Err(DecompressError::TooLarge { .. })));
}

#[test]
fn lz4_blocks_and_descriptors_are_checked() {
    let large = vec![b'x'; (64 << 10) + 1];
    let fits = &large[1..];
    let frame = lz4_frame(INDEPENDENT, &[(false, fits)], fits);
    assert_eq!(inflate(Compression::Lz4, &frame, 1 << 20).unwrap(), fits);
    let frame = lz4_frame(INDEPENDENT, &[(false, &large)], &large);
    assert!(inflate(Compression::Lz4, &frame, 1 << 20).is_err());

    let frame = lz4_frame(INDEPENDENT, &[(false, TEXT)], TEXT);
    for byte in 0..7 {
        for bit in 0..8 {
            let mut damaged = frame.clone();
            damaged[byte] ^= 1 << bit;
            assert!(inflate(Compression::Lz4, &damaged, 1 << 20).is_err(), "{byte} {bit}");
        }
    }
}

#[test]
fn lz4_stores_what_it_cannot_compress() {
    // Java refuses blocks of more than 64 KiB, compressed or not.
    let noise: Vec<u8> = (0..50_000_u64)
        .flat_map(|i| {
            i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).to_le_bytes()
        })
        .collect();
    let compressed = deflate(Compression::Lz4, &[&noise], None);
    let blocks = noise.len().div_ceil(64 << 10);
    assert_eq!(compressed.len(), 7 + 4 * blocks + noise.len() + 4);
    assert!(inflate(Compression::Lz4, &compressed, noise.len()).unwrap() == noise);
}

#[test]
fn lz4_frames_follow_each_other() {
    let one = deflate(Compression::Lz4, &[TEXT], None);
    let skippable = hex("5f2a4d1803000000ffffff");
    let frames = [&skippable[..], &one, &skippable, &one, b"junk"].concat();
    assert_eq!(inflate(Compression::Lz4, &frames, 1000).unwrap(), TEXT.repeat(2));
}

#[test]
fn zstd_frames_follow_each_other() {
    let one = deflate(Compression::Zstd, &[TEXT], None);
    let unsized_one = hex(
        "28b52ffd00582c0100f06f74746c612072656164732077686174204a617661207772697465732c2001003e03a5\
         9c010000",
    );
    let skippable = hex("502a4d1803000000ffffff");
    let frames = [&one[..], &skippable, &unsized_one, &one].concat();
    assert_eq!(inflate(Compression::Zstd, &frames, 1000).unwrap(), TEXT.repeat(10));
    assert!(inflate(Compression::Zstd, &[&frames[..], b"junk"].concat(), 1000).is_err());
    assert!(inflate(Compression::Zstd, &frames[..frames.len() - 1], 1000).is_err());
    // One frame after another into the same limit.
    let limit = TEXT.len() * 10 - 1;
    let error = inflate(Compression::Zstd, &frames, limit).unwrap_err();
    assert!(matches!(error, DecompressError::TooLarge { .. }), "{error:?}");
}

#[test]
fn zstd_inflates_large_frames_in_place() {
    // Beyond what is kept aside, with the size in the header and without it.
    let records: Vec<u8> = (0..300_000_u32).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).collect();
    let chunks = [&records[..]; 4];
    let told = deflate(Compression::Zstd, &chunks, Some(1));
    let inflated = inflate(Compression::Zstd, &told.repeat(2), 8 * records.len()).unwrap();
    assert!(inflated == records.repeat(8));

    let whole = chunks.concat();
    let mut untold = hex("28b52ffd0058");
    for block in whole.chunks(128 << 10) {
        untold.extend(&(u32::try_from(block.len()).unwrap() << 3).to_le_bytes()[..3]);
        untold.extend(block);
    }
    untold.extend([1, 0, 0]);
    assert!(inflate(Compression::Zstd, &untold, whole.len()).unwrap() == whole);
    let error = inflate(Compression::Zstd, &untold, whole.len() - 1).unwrap_err();
    assert!(matches!(error, DecompressError::TooLarge { .. }), "{error:?}");
}
