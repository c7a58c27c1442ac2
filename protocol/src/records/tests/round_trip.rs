//! Any records, in any codec.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Lengths on both sides of where a length takes another byte, and of the ends of chunks.
    prop_oneof![
        4 => vec(any::<u8>(), 0..140),
        1 => (4_000_usize..4_200).prop_map(|len| vec![7; len]),
        1 => (8_100_usize..8_300).prop_map(|len| vec![8; len]),
        1 => Just(vec![9; 70_000]),
    ]
}

fn timestamp() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1_700_000_000_000_i64..1_700_000_010_000,
        1 => -10_000_i64..10_000,
        1 => any::<i32>().prop_map(i64::from),
        1 => any::<i64>().prop_map(|any| any / 2),
    ]
}

fn record() -> impl Strategy<Value = Owned> {
    let headers = vec((".{0,5}", option::of(vec(any::<u8>(), 0..80))), 0..4);
    (timestamp(), option::of(bytes()), option::of(bytes()), headers)
        .prop_map(|(timestamp, key, value, headers)| Owned { timestamp, key, value, headers })
}

fn owned<'a>(records: impl Iterator<Item = RecordView<'a>>) -> Vec<Owned> {
    records.map(|view| Owned::of(&view)).collect()
}

fn last_offset(batch: &RawBatch) -> Option<i64> {
    batch.records().map(|view| view.offset).last()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_records(
        records in vec(record(), 1..80),
        base in 0..i64::MAX - 100,
        codec in 0..5_usize,
    ) {
        let raw = raw(&records);
        prop_assert_eq!(&owned(raw.records()), &records);
        prop_assert_eq!(raw.max_timestamp(), records.iter().map(|record| record.timestamp).max());
        let codecs = Codecs::default();
        let sealed = match codecs.get(Compression::ALL[codec]) {
            Ok(codec) => SealedBatch::compress(raw, codec, None).unwrap(),
            Err(_) => raw.into(),
        };
        let batch = only(sealed.freeze(Sequence::NONE, BatchKind::Plain).into_bytes());
        let placed = batch.with_base_offset(base, 1);
        prop_assert_eq!(read_all(&placed), Ok(with_offsets(&records, base)));
    }

    #[test]
    fn any_part(records in vec(record(), 1..60), keep in any::<u64>(), at in 0_u32..70) {
        let raw = raw(&records);
        let pool = ChunkPool::default();
        let keep = |index: u32| keep >> index & 1 == 1;
        let kept = raw.retain(keep, &pool);
        let expected = (0..).zip(&records).filter(|&(index, _)| keep(index));
        let expected: Vec<_> = expected.map(|(_, record)| record.clone()).collect();
        prop_assert_eq!(&owned(kept.records()), &expected);
        if !expected.is_empty() {
            prop_assert_eq!(read_all(&frozen(kept)), Ok(with_offsets(&expected, 0)));
        }
        let (front, back) = raw.split_at(at, &pool);
        prop_assert_eq!(owned(front.records().chain(back.records())), records);
        for part in [front, back] {
            prop_assert_eq!(last_offset(&part), part.count().checked_sub(1).map(i64::from));
        }
    }
}

#[test]
fn a_batch_grows_up_to_the_limit_it_is_given_and_no_further() {
    let pool = ChunkPool::new(0);
    let record = RecordParts { value: Some(b"some value"), ..RecordParts::default() };
    let mut batch = BatchBuilder::new();
    while batch.append_within(1000, 0, &record, &pool).is_some() {}
    let (len, more) = (batch.encoded_len(), batch.record_len(0, &record));
    assert!(len <= 1000 && len + more > 1000);
    assert_eq!(batch.append_within(1000, 0, &record, &pool), None);
    assert_eq!(batch.encoded_len(), len);
    batch.append_within(len + more, 0, &record, &pool).unwrap();
    assert_eq!(batch.seal().encoded_len(), len + more);
}
