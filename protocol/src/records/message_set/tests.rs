//! What the corpus cannot hold: any message, any damage, and what memory it takes.

use bytes::BufMut;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::compression::{Codecs, DecompressError};
use crate::records::{BatchError, Batches};

#[derive(Clone, Debug)]
struct Written {
    magic: i8,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

impl Written {
    fn entry(&self, offset: i64, attributes: i8) -> Vec<u8> {
        let mut covered = Vec::new();
        covered.put_i8(self.magic);
        covered.put_i8(attributes);
        if self.magic == 1 {
            covered.put_i64(self.timestamp);
        }
        for field in [&self.key, &self.value] {
            covered.put_i32(field.as_ref().map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap()));
            covered.extend_from_slice(field.as_deref().unwrap_or_default());
        }
        let mut entry = Vec::new();
        entry.put_i64(offset);
        entry.put_i32(i32::try_from(covered.len() + 4).unwrap());
        entry.put_u32(crc32fast::hash(&covered));
        entry.extend_from_slice(&covered);
        entry
    }
}

fn written() -> impl Strategy<Value = Written> {
    let bytes = || {
        option::of(prop_oneof![9 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 8_000..8_400)])
    };
    (0..2_i8, any::<i64>(), bytes(), bytes()).prop_map(|(magic, timestamp, key, value)| Written {
        magic,
        timestamp,
        key,
        value,
    })
}

fn wrapper(magic: i8, offset: i64, attributes: i8, value: &[u8]) -> Vec<u8> {
    Written { magic, timestamp: 77, key: None, value: Some(value.to_vec()) }
        .entry(offset, attributes)
}

proptest! {
    #[test]
    fn any_messages(messages in vec(written(), 1..40), gap in 1..1_000_i64, magic in 0..2_i8, stamped: bool) {
        let step = |index: usize| i64::try_from(index).unwrap() * gap;
        let base = 5_000_000_000;
        let last = base + step(messages.len() - 1);
        let mut set = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let offset = if magic == 0 { base + step(index) } else { step(index) };
            set.extend(message.entry(offset, 0));
        }
        let attributes = if stamped { LOG_APPEND_TIME | 1 } else { 1 };
        let entry = wrapper(magic, last, attributes, b"not looked at");
        let inflated = wrapped(&Message::read(&entry).unwrap(), &set).unwrap();
        // The bound that the module promises.
        prop_assert!(inflated.len() <= set.len());
        prop_assert_eq!(inflated.count() as usize, messages.len());
        let read: Vec<_> = inflated.iter().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), messages.len());
        for (index, (view, message)) in read.iter().zip(&messages).enumerate() {
            let timestamp = match message.magic {
                0 => -1,
                _ if magic == 1 && stamped => 77,
                _ => message.timestamp,
            };
            prop_assert_eq!((view.offset, view.timestamp), (base + step(index), timestamp));
            prop_assert_eq!(view.key, message.key.as_deref());
            prop_assert_eq!(view.value, message.value.as_deref());
            prop_assert_eq!(view.headers().count(), 0);
            let alone = message.entry(view.offset, 0);
            let alone = single(&Message::read(&alone).unwrap()).unwrap();
            let alone = alone.iter().next().unwrap().unwrap();
            prop_assert_eq!((alone.key, alone.value), (view.key, view.value));
        }
    }

    #[test]
    fn any_bytes_in_a_wrapper(set in vec(any::<u8>(), 0..200), magic in 0..2_i8, offset in 0..i64::MAX) {
        let entry = wrapper(magic, offset, 1, b"");
        let _ = wrapped(&Message::read(&entry).unwrap(), &set);
    }

    #[test]
    fn any_damage_in_a_wrapper(
        messages in vec(written(), 1..6),
        changes in vec((0_usize..20_000, any::<u8>()), 1..6),
        magic in 0..2_i8,
    ) {
        let mut set: Vec<u8> = (0..).zip(&messages).flat_map(|(o, message)| message.entry(o, 0)).collect();
        let length = set.len();
        for (at, byte) in changes {
            set[at % length] = byte;
        }
        let entry = wrapper(magic, 1 << 40, 1, b"");
        if let Ok(inflated) = wrapped(&Message::read(&entry).unwrap(), &set) {
            prop_assert!(inflated.len() <= set.len());
            prop_assert_eq!(inflated.iter().filter(Result::is_ok).count(), inflated.count() as usize);
        }
    }
}

#[test]
fn every_changed_bit_of_a_message_is_found() {
    let message = Written { magic: 1, timestamp: 9, key: Some(b"k".to_vec()), value: None };
    let whole = message.entry(3, 0);
    for at in 12..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let batch = Batches::new(bytes.into()).next().unwrap();
            assert!(batch.and_then(|batch| batch.check_crc()).is_err(), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn a_bomb_in_a_wrapper_is_stopped_at_the_limit() {
    let codecs = Codecs::default();
    let large = Written { magic: 1, timestamp: 0, key: None, value: Some(vec![0; 4 << 20]) };
    let set = large.entry(0, 0);
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4] {
        let Ok(codec) = codecs.get(compression) else { continue };
        let mut stream = Vec::new();
        codec.compress(&[&set], None, &mut stream).unwrap();
        for magic in [0, 1] {
            let entry = wrapper(magic, 0, i8::try_from(compression.id()).unwrap(), &stream);
            let batch = Batches::new(entry.into()).next().unwrap().unwrap();
            let error = batch.inflate(&codecs, 1 << 20).unwrap_err();
            assert_eq!((error.base_offset(), error.next_offset()), (0, Some(1)));
            let BatchError::Inflate { source, .. } = error else { panic!("{error:?}") };
            assert!(matches!(source, DecompressError::TooLarge { limit: 0x10_0000, .. }));
            assert_eq!(batch.inflate(&codecs, 5 << 20).unwrap().count(), 1);
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let entry = Written { magic: 1, timestamp: 0, key: None, value: None }.entry(8, 1);
    let batch = Batches::new(entry.into()).next().unwrap().unwrap();
    assert_eq!((batch.count(), batch.magic(), batch.leader_epoch()), (0, 1, -1));
    assert_eq!((batch.base_offset(), batch.next_offset()), (8, 9));
    let error = batch.inflate(&Codecs::default(), 100).unwrap_err();
    let shown = "message 0 in the message set at offset 8: it is compressed and has no value";
    assert_eq!(error.to_string(), shown);
    assert_eq!((error.base_offset(), error.next_offset()), (8, Some(9)));
}
