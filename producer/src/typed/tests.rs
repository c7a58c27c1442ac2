use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::*;

fn bytes(value: &(impl Encode + ?Sized)) -> Vec<u8> {
    let mut out = BytesMut::from(&b"before"[..]);
    value.encode(&mut out).unwrap();
    assert!(out.starts_with(b"before") && !value.is_null());
    out[6..].to_vec()
}

/// As Java's serializers of the same names write them.
#[test]
fn plain_types_are_written_as_java_does() {
    assert_eq!(bytes(&-2i16), [0xff, 0xfe]);
    assert_eq!(bytes(&1i32), [0, 0, 0, 1]);
    assert_eq!(bytes(&i64::MIN), [0x80, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!((bytes(&1u16), bytes(&2u32)), (vec![0, 1], vec![0, 0, 0, 2]));
    assert_eq!(bytes(&u64::MAX), [0xff; 8]);
    assert_eq!(bytes(&1.5f32), [0x3f, 0xc0, 0, 0]);
    assert_eq!(bytes(&-2.0f64), [0xc0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!((bytes(&true), bytes(&false)), (vec![1], vec![0]));
    assert_eq!((bytes("größe"), bytes(&String::from("a"))), ("größe".into(), vec![b'a']));
    assert_eq!((bytes(&[1u8, 2][..]), bytes(&[3u8])), (vec![1, 2], vec![3]));
    assert_eq!((bytes(&vec![4u8]), bytes(&Bytes::from_static(b"b"))), (vec![4], vec![b'b']));
    let (boxed, shared, cow) = (Box::new(1i16), Arc::new(1i16), Cow::<'_, str>::Borrowed("c"));
    assert_eq!((bytes(&boxed), bytes(&shared), bytes(&cow)), (vec![0, 1], vec![0, 1], vec![b'c']));
    assert_eq!((bytes(&Some(7i16)), bytes("")), (vec![0, 7], vec![]));
    assert!(().is_null() && None::<i32>.is_null() && Some(()).is_null());
}

#[cfg(feature = "json")]
#[test]
fn whatever_serde_knows_is_written_as_json() {
    let value = serde_json::json!({ "a": [1, null] });
    assert_eq!(bytes(&AsJson(&value)), br#"{"a":[1,null]}"#);
    let unwritable = AsJson(std::collections::HashMap::from([((1, 2), 3)]));
    assert!(unwritable.encode(&mut BytesMut::new()).is_err());
}
