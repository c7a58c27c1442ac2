//! Bytes written by `kafka-clients` 4.3.1 (`MemoryRecordsBuilder`, `MemoryRecords`).

use super::*;

/// Three records from 1,000 ms: a key, a value and a header; nulls with a duplicate, a null and a
/// non-ASCII header, 10 ms earlier; an empty key and 200 zeros, at 2,000,000,000,000 ms.
/// Producer 42, epoch 3, sequence 7.
fn plain() -> Vec<u8> {
    let mut bytes = hex(concat!(
        "00000000000000000000012dffffffff024d0a598100000000000200000000000003e8000001d1a94a2000",
        "000000000000002a000300000007000000031e000000046b310476310202680401022a0013020101060664",
        "757001066475700004c3a90278a80300b0f0d094b57404009003",
    ));
    bytes.extend([0; 201]);
    bytes
}

/// The same stamped by the broker at 5,000 ms, in a transaction, at offset 123,456,789,012 of
/// leader epoch 9.
fn stamped() -> Vec<u8> {
    let mut bytes = hex(concat!(
        "0000001cbe991a140000012d000000090248c6c02800180000000200000000000003e80000000000001388",
        "000000000000002a000300000007000000031e000000046b310476310202680401022a0013020101060664",
        "757001066475700004c3a90278a80300b0f0d094b57404009003",
    ));
    bytes.extend([0; 201]);
    bytes
}

/// The same as [`plain`] with gzip.
const GZIP: &str = concat!(
    "00000000000000000000007affffffff025465326200010000000200000000000003e8000001d1a94a2000",
    "000000000000002a000300000007000000031f8b08000000000000ff9363606060c9366429336462ca6061",
    "64d2621066626464634b292d6004110c2c87573255ac6066d8f0e1c294ad252c0c139819860b0000ebd4d4",
    "14fc000000",
);

const COMMIT: &str = concat!(
    "000000000000000000000042ffffffff022ed3be1100300000000000000000000004d200000000000004d2",
    "000000000000004d0005ffffffff000000012000000008000000010c00000000000b00",
);

const ABORT: &str = concat!(
    "000000000000000000000042ffffffff02daed685900300000000000000000000004d200000000000004d2",
    "000000000000004d0005ffffffff000000012000000008000000000c00000000000b00",
);

const SEQUENCE: Sequence = Sequence { producer_id: 42, producer_epoch: 3, base_sequence: 7 };

fn records() -> [Owned; 3] {
    let text = |text: &str| Some(text.as_bytes().to_vec());
    [
        Owned {
            timestamp: 1_000,
            key: text("k1"),
            value: text("v1"),
            headers: vec![("h".into(), Some(vec![1, 2]))],
        },
        Owned {
            timestamp: 990,
            key: None,
            value: None,
            headers: vec![("dup".into(), None), ("dup".into(), text("")), ("é".into(), text("x"))],
        },
        Owned {
            timestamp: 2_000_000_000_000,
            key: text(""),
            value: Some(vec![0; 200]),
            headers: vec![],
        },
    ]
}

fn hex(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

#[test]
fn we_write_what_java_writes() {
    let sealed = SealedBatch::from(raw(&records()));
    let written = sealed.freeze(SEQUENCE, BatchKind::Plain).into_bytes();
    assert_eq!(written, plain());
    let transactional = only(sealed.freeze(SEQUENCE, BatchKind::Transactional).into_bytes());
    assert_eq!(transactional.with_append_time(123_456_789_012, 9, 5_000), stamped());
}

#[test]
fn we_read_what_java_writes() {
    assert_eq!(read_all(&plain()), Ok(with_offsets(&records(), 0)));
    let stamped_records = records().map(|record| Owned { timestamp: 5_000, ..record });
    assert_eq!(read_all(&stamped()), Ok(with_offsets(&stamped_records, 123_456_789_012)));
    if Codecs::default().get(Compression::Gzip).is_ok() {
        assert_eq!(read_all(&hex(GZIP)), Ok(with_offsets(&records(), 0)));
    }
    let batch = only(stamped());
    assert_eq!((batch.sequence(), batch.leader_epoch(), batch.count()), (SEQUENCE, 9, 3));
    assert_eq!((batch.base_timestamp(), batch.max_timestamp()), (1_000, 5_000));
    assert_eq!(batch.next_offset(), 123_456_789_015);
    assert!(batch.is_transactional() && !batch.is_control() && batch.delete_horizon().is_none());
}

#[test]
fn transaction_markers() {
    for (kind, golden) in [(ControlKind::Commit, COMMIT), (ControlKind::Abort, ABORT)] {
        let marker = ControlRecord { kind, coordinator_epoch: Some(11) };
        assert_eq!(marker.to_batch(77, 5, 1_234), hex(golden));
        let batch = only(hex(golden));
        batch.check_crc().unwrap();
        assert!(batch.is_control() && batch.is_transactional());
        assert_eq!((batch.producer_id(), batch.producer_epoch()), (77, 5));
        let records = uncompressed(&batch);
        let record = records.iter().next().unwrap().unwrap();
        assert_eq!(ControlRecord::parse(&record), Ok(marker));
    }
}

#[test]
fn control_records_that_are_something_else() {
    let parse = |key: &[u8], value: Option<&[u8]>| {
        let pool = ChunkPool::default();
        let mut batch = BatchBuilder::new();
        let record = RecordParts { key: Some(key), value, headers: &[] };
        batch.append(0, &record, &pool).unwrap();
        ControlRecord::parse(&batch.seal().record(0).unwrap())
    };
    // A leader change of KRaft; a later version with more in it; no value.
    let kind = |kind| Ok(ControlRecord { kind, coordinator_epoch: None });
    assert_eq!(parse(&[0, 0, 0, 2], Some(&[0; 20])), kind(ControlKind::Other(2)));
    assert_eq!(parse(&[0, 9, 0, 1, 7, 7], None), kind(ControlKind::Commit));
    assert_eq!(parse(&[0, 0, 0, 0], Some(&[0, 0, 0])), kind(ControlKind::Abort));
    assert_eq!(parse(&[0, 0, 1], None), Err(ControlError::Key { offset: 0, len: 3 }));
    let negative = Err(ControlError::Version { offset: 0, version: -1 });
    assert_eq!(parse(&[0xff, 0xff, 0, 1], None), negative);
}
