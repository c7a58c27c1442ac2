#![expect(unreachable_pub, reason = "the macro makes public structures, here for tests only")]

use bytes::Bytes;

use super::*;
use crate::{Uuid, message::message, records::Records};

message! {
    /// A message with one field of every kind.
    shared Sample {
        /// Not in every version.
        count: i32, 1+, default 7;
        /// Dropped silently where there is no place for it.
        hint: i32, 1+, default -1, ignorable;
        /// Never null.
        name: String, 0+;
        /// Null from version 1 on.
        note: Option<String>, 0+, nullable 1+, default Some(String::new());
        /// Numbers.
        numbers: Vec<i32>, 0+;
        /// Structures, or null.
        parts: Option<Vec<Part>>, 0+, nullable 1+, default Some(Vec::new());
        /// A payload.
        payload: Bytes, 0+;
        /// Only in version 0.
        old: bool, 0-0;
        /// Tagged.
        first: i64, 2+, tag 0 in 2+, default -1;
        /// Tagged, and a structure.
        second: Part, 2+, tag 1 in 2+;
        /// Tagged later.
        third: Option<String>, 3+, nullable 3+, tag 3 in 3+;
        /// A structure that may be null (KIP-893).
        maybe: Option<Part>, 3+, nullable 3+;
    }

    /// Part of a sample.
    shared Part {
        /// Its number.
        id: Uuid, 0+;
        /// A label.
        label: String, 2+, ignorable;
    }
}

fn version(number: i16) -> Version {
    Version::new(number, 2)
}

fn write<T: Encode>(value: &T, number: i16) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    value.encode(&mut w, version(number), false)?;
    Ok(w.into_bytes())
}

fn read<T: Decode>(bytes: impl AsRef<[u8]>, number: i16) -> Result<T, DecodeError> {
    let mut r = Reader::new(Bytes::copy_from_slice(bytes.as_ref()));
    let value = T::decode(&mut r, version(number), false)?;
    r.finish()?;
    Ok(value)
}

fn uvarint(bytes: &'static [u8]) -> Result<(u32, usize), DecodeError> {
    let mut r = Reader::new(Bytes::from_static(bytes));
    r.uvarint().map(|value| (value, r.remaining()))
}

#[test]
fn varints_at_their_edges() {
    let values = [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_151, 2_097_152, 1 << 28, u32::MAX];
    for value in values {
        let mut w = Writer::new();
        w.put_uvarint(value);
        assert_eq!(Reader::new(w.into_bytes()).uvarint(), Ok(value));
    }
    assert_eq!(uvarint(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok((u32::MAX, 0)));
    assert_eq!(uvarint(&[0x80, 0x80, 0x80, 0x80, 0x00]), Ok((0, 0)));
    assert_eq!(uvarint(&[0x05, 0xff]), Ok((5, 1)));
    let malformed = Err(DecodeErrorKind::Varint);
    for bytes in [
        // A bit above the 32nd, a fifth byte that goes on, a fifth that does both.
        &[0xff, 0xff, 0xff, 0xff, 0x1f][..],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
        &[0xff; 10],
    ] {
        assert_eq!(uvarint(bytes).map_err(|error| error.kind), malformed, "{bytes:?}");
    }
    let cut = uvarint(&[0x80, 0x80]).unwrap_err().kind;
    assert_eq!(cut, DecodeErrorKind::Truncated { needed: 1, remaining: 0 });
}

#[test]
fn plain_bytes_are_as_written_by_hand() {
    let sample = Sample {
        count: 2,
        hint: 3,
        name: "ab".into(),
        note: None,
        numbers: vec![5],
        payload: Bytes::from_static(b"xyz"),
        ..Default::default()
    };
    let expected = [
        &[0, 0, 0, 2, 0, 0, 0, 3][..],
        &[0, 2, b'a', b'b', 0xff, 0xff],
        &[0, 0, 0, 1, 0, 0, 0, 5],
        &[0, 0, 0, 0],
        &[0, 0, 0, 3, b'x', b'y', b'z'],
    ]
    .concat();
    assert_eq!(write(&sample, 1).unwrap(), expected);
    assert_eq!(read::<Sample>(expected, 1).unwrap(), sample);
}

#[test]
fn flexible_bytes_are_as_written_by_hand() {
    let sample = Sample {
        name: "ab".into(),
        note: None,
        numbers: vec![5],
        parts: None,
        payload: Bytes::from_static(b"xyz"),
        first: 1,
        second: Part { id: Uuid([9; 16]), label: "l".into() },
        third: Some("t".into()),
        maybe: Some(Part::default()),
        ..Default::default()
    };
    let expected = [
        &[0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff][..],
        &[3, b'a', b'b', 0],
        &[2, 0, 0, 0, 5, 0],
        &[4, b'x', b'y', b'z'],
        &[1][..],
        &[0; 16],
        &[1, 0],
        &[3],
        &[0, 8, 0, 0, 0, 0, 0, 0, 0, 1],
        &[1, 19],
        &[9; 16],
        &[2, b'l', 0],
        &[3, 2, 2, b't'],
    ]
    .concat();
    assert_eq!(write(&sample, 3).unwrap(), expected);
    assert_eq!(read::<Sample>(expected, 3).unwrap(), sample);
    let absent = Sample { maybe: None, ..Default::default() };
    assert_eq!(read::<Sample>(write(&absent, 3).unwrap(), 3).unwrap(), absent);
}

#[test]
fn a_value_without_a_place_is_an_error_unless_ignorable() {
    let error = write(&Sample { count: 8, ..Default::default() }, 0).unwrap_err();
    assert_eq!(error.kind, EncodeErrorKind::NotInVersion { version: 0 });
    assert_eq!((error.message, error.field), ("Sample", "count"));
    assert_eq!(error.to_string(), "version 0 cannot carry the value in Sample.count");
    for sample in [
        Sample { old: true, ..Default::default() },
        Sample { first: 0, ..Default::default() },
        Sample { third: Some(String::new()), ..Default::default() },
    ] {
        let error = write(&sample, 1).unwrap_err();
        assert_eq!(error.kind, EncodeErrorKind::NotInVersion { version: 1 }, "{sample:?}");
    }
    let ignored = Sample { hint: 8, ..Default::default() };
    assert_eq!(read::<Sample>(write(&ignored, 0).unwrap(), 0).unwrap().hint, -1);
}

#[test]
fn null_is_an_error_where_the_version_has_none() {
    let error = write(&Sample { note: None, ..Default::default() }, 0).unwrap_err();
    assert_eq!(error.kind, EncodeErrorKind::Null { version: 0 });
    assert_eq!((error.message, error.field), ("Sample", "note"));
    // Version 0: name, note, numbers, parts.
    let cases: [(&str, &[u8]); 4] = [
        ("name", &[0xff, 0xff]),
        ("note", &[0, 0, 0xff, 0xff]),
        ("numbers", &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        ("parts", &[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (field, bytes) in cases {
        let error = read::<Sample>(bytes, 0).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Null { version: 0 });
        assert_eq!((error.message, error.field), ("Sample", field));
    }
    // A structure within an array is named, not the message around it.
    let error = read::<Vec<Part>>([2, 0, 0, 0], 2).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TooManyElements { count: 1, remaining: 3 });
    let null_label = [&[2][..], &[0; 16], &[0, 0]].concat();
    let error = read::<Vec<Part>>(null_label, 2).unwrap_err();
    assert_eq!(error.to_string(), "null where version 2 allows none in Part.label");
}

/// H2: nothing is reserved that the bytes do not pay for.
#[test]
fn hostile_counts_are_refused() {
    for (count, number) in [(i32::MAX, 0), (1_000_000, 0), (4, 1)] {
        let bytes = [&count.to_be_bytes()[..], &[0; 12]].concat();
        let kind = read::<Vec<i32>>(bytes, number).unwrap_err().kind;
        let count = usize::try_from(count).unwrap();
        assert_eq!(kind, DecodeErrorKind::TooManyElements { count, remaining: 12 });
    }
    let most = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0];
    let count = u32::MAX as usize - 1;
    let kind = read::<Vec<i32>>(most, 2).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::TooManyElements { count, remaining: 3 });
    let kind = read::<Vec<Part>>(most, 2).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::TooManyElements { count, remaining: 3 });
    let kind = read::<Bytes>(most, 2).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::Truncated { needed: count, remaining: 3 });
    let kind = read::<String>(most, 2).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::Truncated { needed: count, remaining: 3 });
    let kind = read::<Bytes>(i32::MAX.to_be_bytes(), 0).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::Truncated { needed: i32::MAX as usize, remaining: 0 });
}

/// H4: only minus one is null; other negative lengths mean nothing.
#[test]
fn negative_lengths_are_refused() {
    for length in [-2, i32::MIN] {
        let kind = DecodeErrorKind::NegativeLength { length: length.into() };
        let bytes = [&length.to_be_bytes()[..], &[0; 8]].concat();
        assert_eq!(read::<Vec<i32>>(&bytes, 0).unwrap_err().kind, kind);
        assert_eq!(read::<Bytes>(&bytes, 0).unwrap_err().kind, kind);
        assert_eq!(read::<Records>(&bytes, 0).unwrap_err().kind, kind);
    }
    let kind = read::<String>(i16::MIN.to_be_bytes(), 0).unwrap_err().kind;
    assert_eq!(kind, DecodeErrorKind::NegativeLength { length: i16::MIN.into() });
}

/// H3: what is not known is passed over, in structures within structures too.
#[test]
fn unknown_tags_are_skipped_and_known_ones_must_fill_their_length() {
    let mut bytes = write(&Sample::default(), 3).unwrap().to_vec();
    assert_eq!(bytes.pop(), Some(0));
    let with = |tags: &[u8]| read::<Sample>([&bytes, tags].concat(), 3);
    // Tag 2 is no field's; tag 1 holds a part with a tag of its own that is not known.
    let part = [&[1, 23][..], &[9; 16], &[1, 1, 50, 3, 1, 2, 3]].concat();
    let sample = with(&[&[2][..], &part, &[2, 2, 0xaa, 0xbb]].concat()).unwrap();
    let expected = Part { id: Uuid([9; 16]), label: String::new() };
    assert_eq!(sample, Sample { second: expected, ..Default::default() });

    let error = with(&[1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0]).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TagLength { tag: 0, surplus: 1 });
    assert_eq!((error.message, error.field), ("Sample", "first"));
    let error = with(&[1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Truncated { needed: 8, remaining: 7 });
    let error = with(&[1, 77, 5, 0]).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Truncated { needed: 5, remaining: 1 });
    assert_eq!((error.message, error.field), ("Sample", "tags"));
    assert!(with(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    // Known tags must ascend like the others.
    let twice = [2, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(with(&twice).unwrap_err().kind, DecodeErrorKind::TagOrder { tag: 0 });
}

#[test]
fn a_tag_that_its_version_does_not_have_is_unknown() {
    let mut bytes = write(&Sample::default(), 2).unwrap().to_vec();
    bytes.pop();
    bytes.extend([1, 3, 2, 2, b't']);
    assert_eq!(read::<Sample>(bytes, 2).unwrap(), Sample::default());
}

#[test]
fn text_must_be_utf8() {
    assert_eq!(read::<String>([0, 2, 0xc3, 0x28], 0).unwrap_err().kind, DecodeErrorKind::Utf8);
    assert_eq!(read::<String>([0, 2, 0xc3, 0xbc], 0).unwrap(), "ü");
}

/// H7: a length is never cut to fit its field.
#[test]
fn too_long_strings_are_refused_in_both_forms() {
    let longest = "x".repeat(32_767);
    let longer = "x".repeat(32_768);
    for number in [0, 2] {
        assert_eq!(read::<String>(write(&longest, number).unwrap(), number).unwrap(), longest);
        let kind = write(&longer, number).unwrap_err().kind;
        assert_eq!(kind, EncodeErrorKind::TooLong { length: 32_768, limit: 32_767 });
    }
}

/// Where the cuts lie does not show in what is sent.
#[test]
fn spliced_payloads_make_the_same_bytes_as_copied_ones() {
    for lengths in [&[1024][..], &[1023, 1024], &[5000, 5000, 3], &[0, 2000, 0, 1]] {
        let chunks: Vec<_> =
            (1..).zip(lengths).map(|(fill, &length)| Bytes::from(vec![fill; length])).collect();
        let spliced = Records::from(chunks);
        let copied = spliced.clone().into_bytes();
        for number in [0, 2] {
            let mut w = Writer::framed();
            w.put(b"before");
            spliced.encode(&mut w, version(number), false).unwrap();
            "after".to_owned().encode(&mut w, version(number), false).unwrap();
            let frame = w.into_frame().unwrap();

            let mut expected = b"before".to_vec();
            let length = u32::try_from(copied.len()).unwrap();
            let mut prefix = Writer::new();
            match number {
                0 => prefix.put(&length.to_be_bytes()),
                _ => prefix.put_uvarint(length + 1),
            }
            expected.extend_from_slice(&prefix.into_bytes());
            expected.extend_from_slice(&copied);
            expected.extend_from_slice(&write(&"after".to_owned(), number).unwrap());
            let total = u32::try_from(expected.len()).unwrap();
            expected.splice(0..0, total.to_be_bytes());

            assert_eq!(frame.to_bytes(), expected, "{lengths:?}");
            assert_eq!(frame.len(), expected.len());
            let sliced: usize = frame.io_slices().map(|slice| slice.len()).sum();
            assert_eq!(sliced, expected.len());
            let joined: Vec<_> = frame.chunks().concat();
            assert_eq!(joined, expected);
        }
    }
}

#[test]
fn large_payloads_are_not_copied() {
    let payload = Bytes::from(vec![1; 4096]);
    let sample = Sample { payload: payload.clone(), ..Default::default() };
    let mut w = Writer::framed();
    sample.encode(&mut w, version(0), false).unwrap();
    let frame = w.into_frame().unwrap();
    assert!(frame.chunks().iter().any(|chunk| chunk.as_ptr() == payload.as_ptr()));
    // And out of a frame they come as slices of it.
    let whole = write(&sample, 0).unwrap();
    let mut r = Reader::new(whole.clone());
    let again = Sample::decode(&mut r, version(0), false).unwrap();
    assert!(whole.as_ptr_range().contains(&again.payload.as_ptr()));
}

/// A tagged payload goes through a writer of its own and is spliced all the same.
#[test]
fn nothing_is_lost_when_a_writer_takes_in_another() {
    let payload = Bytes::from(vec![7; 3000]);
    let mut inner = Writer::new();
    inner.put(b"ab");
    inner.put_payload(&payload);
    inner.put(b"cd");
    assert_eq!((inner.len(), inner.is_empty()), (3004, false));
    let mut outer = Writer::new();
    outer.put(b"[");
    outer.put_writer(inner);
    outer.put(b"]");
    assert_eq!(outer.len(), 3006);
    assert_eq!(outer.into_bytes(), [b"[ab", &payload[..], b"cd]"].concat());
}

#[test]
fn a_schema_says_what_the_macro_was_given() {
    let third = Sample::SCHEMA.field("third").unwrap();
    assert_eq!((third.ty, third.default), ("Option<String>", None));
    assert_eq!((third.tag, third.tagged), (Some(3), VersionRange::new(3, i16::MAX)));
    assert!(third.tagged_at(version(3)) && !third.inline_at(version(3)));
    assert!(!third.tagged_at(version(2)) && !third.inline_at(version(2)));
    let old = Sample::SCHEMA.field("old").unwrap();
    assert!(old.inline_at(version(0)) && !old.inline_at(version(1)) && !old.ignorable);
    assert!(Part::SCHEMA.field("label").unwrap().ignorable);
    assert_eq!(Sample::SCHEMA.field("count").unwrap().default, Some("7"));
    assert_eq!(Part::SCHEMA.fields.len(), 2);
}

#[test]
fn version_ranges() {
    let range = VersionRange::new(2, 5);
    assert!(range.contains(2) && range.contains(5) && !range.contains(6) && !range.contains(1));
    assert_eq!(range.intersect(VersionRange::new(4, 9)), Some(VersionRange::new(4, 5)));
    assert_eq!(range.intersect(VersionRange::new(6, 9)), None);
    assert!(VersionRange::NONE.is_empty());
    let shown = [range, VersionRange::new(3, i16::MAX), VersionRange::NONE].map(|r| r.to_string());
    assert_eq!(shown, ["2-5", "3+", "none"]);
}
