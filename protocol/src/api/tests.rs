//! Every message at every version: random ones survive the wire, broken ones are errors.

use std::any::type_name;

use bytes::Bytes;

use super::{APIS, Api, Request, VisitMessage, each_message};
use crate::{
    decode_request, decode_response, encode_request, encode_response,
    schema::Struct,
    wire::{
        DecodeError, DecodeErrorKind, Reader, Version, Writer,
        arbitrary::{Arbitrary, Gen},
    },
};

const SEEDS: u64 = 12;

/// Random messages of one type, the same in every run.
fn messages<M: Arbitrary>(v: Version) -> impl Iterator<Item = M> {
    (0..SEEDS).map(move |seed| M::arbitrary(&mut Gen::new(seed), v, false))
}

fn write<M: Arbitrary>(message: &M, v: Version) -> Bytes {
    let mut w = Writer::new();
    message.encode(&mut w, v, false).unwrap_or_else(|error| panic!("{v:?} {message:?}: {error}"));
    w.into_bytes()
}

fn read<M: Arbitrary>(bytes: impl Into<Bytes>, v: Version) -> Result<M, DecodeError> {
    let mut r = Reader::new(bytes.into());
    let message = M::decode(&mut r, v, false)?;
    r.finish()?;
    Ok(message)
}

/// A test that does the same with every type and version.
macro_rules! every_message {
    ($($(#[$meta:meta])* $test:ident<$m:ident>($v:ident) $body:block)+) => {$(
        #[test]
        fn $test() {
            struct Visit(u32);
            impl VisitMessage for Visit {
                fn message<$m: Arbitrary>(&mut self, $v: Version) {
                    self.0 += 1;
                    $body
                }
            }
            let mut visit = Visit(0);
            each_message(&mut visit);
            let versions = APIS.iter().map(|api| u32::from(api.versions.count()));
            assert_eq!(visit.0, 2 * versions.sum::<u32>());
        }
    )+};
}

every_message! {
    survives_the_wire<M>(v) {
        for message in messages::<M>(v) {
            let bytes = write(&message, v);
            let again = read::<M>(bytes.clone(), v)
                .unwrap_or_else(|error| panic!("{v:?} {message:?}: {error}"));
            assert_eq!(again, message, "{v:?}");
            assert_eq!(write(&again, v), bytes, "{v:?} {message:?}");
        }
    }

    default_can_be_written_and_read<M>(v) {
        let default = M::default();
        assert_eq!(read::<M>(write(&default, v), v).unwrap(), default, "{v:?}");
    }

    cut_anywhere_is_an_error<M>(v) {
        for message in messages::<M>(v).take(4) {
            let bytes = write(&message, v);
            // Long payloads are all alike in the middle.
            for end in (0..bytes.len()).filter(|&end| end < 300 || end + 300 > bytes.len()) {
                let result = read::<M>(bytes.slice(..end), v);
                assert!(result.is_err(), "{v:?} {message:?} cut at {end}");
            }
        }
    }

    trailing_bytes_are_an_error<M>(v) {
        let message = M::arbitrary(&mut Gen::new(7), v, false);
        let longer = [&write(&message, v)[..], &[0]].concat();
        let error = read::<M>(longer, v).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::TrailingBytes { count: 1 });
    }

    unknown_tags_are_skipped<M>(v) {
        if v.flexible {
            let default = M::default();
            let mut bytes = write(&default, v).to_vec();
            assert_eq!(bytes.pop(), Some(0), "{v:?}: the tags of a default message are none");
            // The second tag, 101, is padded to two bytes, and its value is empty.
            bytes.extend([2, 100, 3, 9, 9, 9, 0x80 | 101, 0, 0]);
            assert_eq!(read::<M>(bytes, v).unwrap(), default, "{v:?}");
        }
    }

    tags_out_of_order_are_an_error<M>(v) {
        if v.flexible {
            for tags in [[2, 101, 0, 100, 0], [2, 100, 0, 100, 0]] {
                let mut bytes = write(&M::default(), v).to_vec();
                bytes.pop();
                bytes.extend(tags);
                let error = read::<M>(bytes, v).unwrap_err();
                assert_eq!(error.kind, DecodeErrorKind::TagOrder { tag: 100 }, "{v:?}");
                assert_eq!(error.field, "tags");
            }
        }
    }

    /// Whatever is overwritten: a value or an error, never a panic, and no memory beyond what the
    /// bytes pay for, or the process would not live to the end of this test.
    damage_is_a_value_or_an_error<M>(v) {
        let mut g = Gen::new(type_name::<M>().len() as u64);
        for message in messages::<M>(v).take(3) {
            let bytes = write(&message, v);
            let patterns: [&[u8]; 5] = [
                &[0xff, 0xff, 0xff, 0xff, 0x0f],
                &[0x7f, 0xff, 0xff, 0xff],
                &[0x80, 0, 0, 0],
                &[0xff],
                &[0],
            ];
            for at in (0..bytes.len()).take(200) {
                for pattern in patterns {
                    let mut damaged = bytes.to_vec();
                    for (target, &byte) in damaged[at..].iter_mut().zip(pattern) {
                        *target = byte;
                    }
                    let _ = read::<M>(damaged, v);
                }
            }
            for _ in 0..50 {
                let length = g.below(60);
                let _ = read::<M>(g.bytes(length), v);
            }
        }
    }
}

#[test]
fn requests_and_responses_survive_with_their_headers() {
    struct Visit;
    impl VisitMessage for Visit {
        fn api<R>(&mut self, v: Version)
        where
            R: Request + Arbitrary,
            R::Response: Arbitrary,
        {
            let mut g = Gen::new(3);
            let request = R::arbitrary(&mut g, v, false);
            let frame = encode_request(&request, v.number, 77, Some("me")).unwrap().to_bytes();
            let mut r = Reader::new(frame.slice(4..));
            assert_eq!(frame[..4], u32::try_from(r.remaining()).unwrap().to_be_bytes());
            let header = crate::RequestHeader::decode(&mut r, |key| {
                APIS.iter().find(|api| api.key == key).map(|api| api.flexible)
            });
            let header = header.unwrap();
            assert_eq!((header.key, header.version), (R::KEY, v.number));
            assert_eq!((header.correlation_id, header.client_id.as_deref()), (77, Some("me")));
            assert_eq!(decode_request::<R>(r, v.number).unwrap(), request);

            let response = <R::Response as Arbitrary>::arbitrary(&mut g, v, false);
            let frame = encode_response::<R>(&response, v.number, -5).unwrap().to_bytes();
            let read = decode_response::<R>(frame.slice(4..), v.number).unwrap();
            assert_eq!(read, (-5, response));

            for beyond in [R::VERSIONS.min - 1, R::VERSIONS.max + 1] {
                assert!(encode_request(&request, beyond, 1, None).is_err());
                assert!(decode_response::<R>(frame.slice(4..), beyond).is_err());
                assert!(encode_response::<R>(&read.1, beyond, 1).is_err());
            }
        }
    }
    each_message(&mut Visit);
}

#[test]
fn schemas_hold_together() {
    assert!(APIS.len() > 70, "{} APIs", APIS.len());
    let mut keys: Vec<_> = APIS.iter().map(|api| api.key).collect();
    keys.sort_unstable();
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "a key comes twice: {keys:?}");
    for api in APIS {
        assert_ne!(api.key.name(), "Unknown", "{:?}", api.key);
        assert!(!api.versions.is_empty(), "{}", api.key);
        for message in [api.request, api.response] {
            hold_together(api, message);
        }
    }
}

fn hold_together(api: &Api, message: &Struct) {
    let tags: Vec<_> = message.fields.iter().filter_map(|field| field.tag).collect();
    assert!(tags.is_sorted_by(|a, b| a < b), "{}: tags {tags:?}", message.name);
    for field in message.fields {
        let place = format!("{}.{}", message.name, field.name);
        assert!(field.versions.intersect(api.versions).is_some(), "{place} in no version");
        assert_eq!(field.tag.is_some(), !field.tagged.is_empty(), "{place}");
        assert!(field.tag.is_none() || field.tagged.min >= api.flexible, "{place}");
        let optional = field.ty.starts_with("Option");
        assert_eq!(optional, !field.nullable.is_empty(), "{place}");
        if let Some(structure) = field.structure {
            assert!(field.ty.contains(structure.name), "{place}: {}", structure.name);
            hold_together(api, structure);
        }
    }
}
