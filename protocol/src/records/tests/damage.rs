//! Bytes that are cut, changed or hostile: an error or an end, never a panic.

use bytes::BufMut;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn batch_of(count: u32) -> Vec<u8> {
    let records: Vec<_> = (0..count).map(Owned::small).collect();
    frozen(raw(&records)).to_vec()
}

/// Reads everything, whatever the CRC says; the number of records that were fine.
fn read_anyhow(bytes: &[u8]) -> usize {
    let mut fine = 0;
    let mut batches = Batches::new(Bytes::copy_from_slice(bytes));
    for batch in batches.by_ref().filter_map(Result::ok) {
        let Ok(inflated) = batch.inflate(&Codecs::default(), LIMIT) else { continue };
        let mut records = inflated.iter();
        let (_, most) = records.size_hint();
        let mut seen = 0;
        for record in records.by_ref() {
            seen += 1;
            let Ok(record) = record else { break };
            assert!(record.offset >= inflated.base_offset());
            assert!(record.offset <= batch.last_offset() || batch.magic() < 2);
            let span = record.span();
            assert_eq!(span.view(&inflated), record);
            assert!(record.headers().all(|header| header.is_ok() || header.is_err()));
            let _ = ControlRecord::parse(&record);
            fine += 1;
        }
        assert!(records.next().is_none());
        assert!(seen <= most.unwrap());
    }
    assert!(batches.next().is_none());
    fine
}

/// A batch with one record that has this body, and with everything else right.
fn with_body(body: &[u8]) -> Batch {
    let mut record = vec![u8::try_from(body.len() * 2).unwrap()];
    record.extend_from_slice(body);
    with_payload(&record, 1, 0)
}

fn with_payload(payload: &[u8], count: i32, last_offset_delta: i32) -> Batch {
    let header = batch_header::BatchHeader {
        base_offset: 10,
        length: i32::try_from(payload.len() + 49).unwrap(),
        leader_epoch: 0,
        magic: 2,
        crc: 0,
        attributes: 0,
        last_offset_delta,
        base_timestamp: i64::MAX - 10,
        max_timestamp: 0,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        count,
    };
    let mut bytes = header.with_crc(std::iter::once(payload)).write().to_vec();
    bytes.extend_from_slice(payload);
    only(bytes)
}

fn first_fault(batch: &Batch) -> RecordFault {
    uncompressed(batch).iter().find_map(Result::err).expect("a fault").fault
}

#[test]
fn a_cut_batch_ends_the_iteration_and_says_so() {
    let whole = batch_of(4);
    let mut two = whole.clone();
    two.extend_from_slice(&whole);
    for cut in 0..whole.len() {
        let mut batches = Batches::new(Bytes::copy_from_slice(&two[..whole.len() + cut]));
        assert_eq!(batches.next().unwrap().unwrap().bytes(), &whole);
        assert!(batches.next().is_none());
        assert_eq!(batches.truncated_len(), cut);
        assert!(Batches::new(Bytes::copy_from_slice(&whole[..cut])).next().is_none());
    }
    assert_eq!(Batches::new(two.into()).map(Result::unwrap).count(), 2);
}

#[test]
fn cut_records_are_an_error_at_every_byte() {
    let batch = only(batch_of(6));
    let payload = uncompressed(&batch);
    let whole = payload.iter().map(Result::unwrap).count();
    assert_eq!(whole, 6);
    for cut in 0..payload.len() {
        let results: Vec<_> = RecordIter::new(&payload[..cut], batch.frame()).collect();
        assert!(results.len() <= 6 && results.iter().filter(|r| r.is_err()).count() == 1);
        assert!(results.last().unwrap().is_err(), "cut at {cut}");
    }
}

#[test]
fn every_changed_bit_is_found_by_the_crc_or_harmless() {
    let whole = batch_of(6);
    let right = read_all(&whole).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            read_anyhow(&bytes);
            // Base offset and leader epoch are the broker's and not covered.
            if at >= 16 {
                assert!(read_all(&bytes).is_err(), "byte {at} bit {bit}");
            } else if at >= 12 {
                assert_eq!(read_all(&bytes).as_ref(), Ok(&right));
            }
        }
    }
}

#[test]
fn bad_batch_headers() {
    let whole = batch_of(3);
    let error = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        let mut batches = Batches::new(changed.into());
        let error = batches.next().expect("not the end").expect_err("an error");
        assert!(batches.next().is_none() && batches.truncated_len() == 0);
        error.to_string()
    };
    let length = |length: i32| error(8, &length.to_be_bytes());
    assert_eq!(length(-1), "the batch at offset 0 has length -1");
    assert_eq!(length(0), "the batch at offset 0 has length 0");
    assert_eq!(length(48), "the batch at offset 0 has length 48");
    assert_eq!(length(i32::MIN), "the batch at offset 0 has length -2147483648");
    for magic in [3, 0x7f, 0x80, 0xff] {
        assert!(error(16, &[magic]).ends_with("which is not supported"));
    }
    assert_eq!(error(0, &[0x80]), format!("the batch at offset {0} has base offset {0}", i64::MIN));
    assert_eq!(error(22, &[6]), "the batch at offset 0 has compression 6");
    assert_eq!(error(23, &[0xff; 4]), "the batch at offset 0 has last offset delta -1");
    assert_eq!(error(57, &[0xff; 4]), "the batch at offset 0 has record count -1");
    let mut last = [0xff; 8];
    last[0] = 0x7f;
    assert!(error(0, &last).contains("last offset delta 2"));
}

#[test]
fn a_wrong_crc_names_both_and_where_to_go_on() {
    let mut whole = batch_of(3);
    *whole.last_mut().unwrap() ^= 1;
    let error = only(whole).check_crc().unwrap_err();
    assert_eq!((error.base_offset(), error.next_offset()), (0, Some(3)));
    assert!(matches!(error, BatchError::Crc { stored, computed, .. } if stored != computed));
}

#[test]
fn more_or_fewer_records_than_counted() {
    let mut whole = batch_of(3);
    whole[60] = 2;
    let fault = first_fault(&only(whole.clone()));
    assert!(matches!(fault, RecordFault::TrailingRecords { bytes } if bytes > 0));
    whole[60] = 4;
    assert_eq!(first_fault(&only(whole.clone())), RecordFault::Missing);
    // A count that would be gigabytes costs nothing.
    whole[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
    let batch = only(whole);
    let payload = uncompressed(&batch);
    let mut records = payload.iter();
    assert!(records.size_hint().1.unwrap() <= payload.len());
    assert_eq!(records.by_ref().filter(Result::is_ok).count(), 3);
    assert!(records.next().is_none());
}

#[test]
fn a_compacted_batch_moves_the_position_by_its_header() {
    let records: Vec<_> = (0..10).map(Owned::small).collect();
    let mut payload = Vec::new();
    let whole = uncompressed(&only(frozen(raw(&records))));
    let batch = uncompressed(&with_payload(&whole, 10, 9));
    let mut start = 0;
    let mut cursor = batch.cursor();
    while let Some(record) = cursor.next(&whole) {
        if [2, 5].contains(&(record.unwrap().offset - 10)) {
            payload.extend_from_slice(&whole[start..cursor.position()]);
        }
        start = cursor.position();
    }
    let compacted = with_payload(&payload, 2, 9);
    let offsets: Vec<_> =
        uncompressed(&compacted).iter().map(|record| record.unwrap().offset).collect();
    assert_eq!(offsets, [12, 15]);
    assert_eq!((compacted.last_offset(), compacted.next_offset()), (19, 20));
    assert_eq!((compacted.count(), compacted.offset_count()), (2, 10));
    // Kafka keeps the header of a batch whose records are all gone.
    let empty = with_payload(&[], 0, 9);
    assert_eq!(uncompressed(&empty).iter().count(), 0);
    assert_eq!(empty.next_offset(), 20);
}

#[test]
fn bad_records() {
    // attributes, timestamp delta, offset delta, key, value, headers
    let fine = |body: &[u8]| uncompressed(&with_body(body)).iter().all(|record| record.is_ok());
    assert!(fine(&[0, 0, 0, 1, 1, 0]));
    // Any negative length is null, as in Java; a timestamp wraps.
    assert!(fine(&[0, 0, 0, 3, 5, 0]));
    assert!(fine(&[0, 22, 0, 1, 1, 0]));
    let fault = |body: &[u8]| first_fault(&with_body(body));
    let length = |field, length| RecordFault::Length { field, length };
    let cut = |field| RecordFault::Varint { field, source: VarintError::Truncated };
    assert_eq!(fault(&[]), length("body", 0));
    assert_eq!(fault(&[0]), cut("timestamp delta"));
    assert_eq!(fault(&[0, 0]), cut("offset delta"));
    assert_eq!(fault(&[0, 0, 0]), cut("key"));
    assert_eq!(fault(&[0, 0, 0, 1]), cut("value"));
    assert_eq!(fault(&[0, 0, 0, 1, 1]), cut("header count"));
    assert_eq!(fault(&[0, 0, 0, 8, 1, 0]), length("key", 4));
    assert_eq!(fault(&[0, 0, 0, 1, 4, 0]), length("value", 2));
    assert_eq!(fault(&[0, 0, 0, 1, 1, 1]), length("header count", -1));
    assert_eq!(fault(&[0, 0, 0, 1, 1, 0, 9]), RecordFault::Trailing { bytes: 1 });
    assert_eq!(fault(&[0, 0, 0, 1, 1, 2]), cut("header key"));
    assert_eq!(fault(&[0, 0, 0, 1, 1, 2, 1, 1]), length("header key", -1));
    assert_eq!(fault(&[0, 0, 0, 1, 1, 2, 0]), cut("header value"));
    assert_eq!(fault(&[0, 0, 0, 1, 1, 2, 0, 1, 5]), RecordFault::Trailing { bytes: 1 });
    let bomb = [0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 1];
    assert_eq!(fault(&bomb), cut("header key"));
    let too_long = [0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0];
    let source = VarintError::TooLong;
    assert_eq!(fault(&too_long), RecordFault::Varint { field: "key", source });
    let delta = |delta, after, last| RecordFault::OffsetDelta { delta, after, last };
    assert_eq!(fault(&[0, 0, 1, 1, 1, 0]), delta(-1, -1, 0));
    assert_eq!(fault(&[0, 0, 2, 1, 1, 0]), delta(1, -1, 0));
    let twice = with_payload(&[12, 0, 0, 2, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0], 2, 5);
    assert_eq!(first_fault(&twice), delta(1, 1, 5));
    assert_eq!(first_fault(&with_payload(&[1, 0], 1, 0)), length("body", -1));
    let error = uncompressed(&with_body(&[0, 0, 0, 8, 1, 0])).iter().find_map(Result::err);
    let shown =
        "record 0 of the batch at offset 10: its key has length 4, which the record cannot hold";
    assert_eq!(error.unwrap().to_string(), shown);
}

#[test]
fn a_header_key_that_is_not_utf8_loses_nothing() {
    let body = [0, 0, 0, 1, 2, b'v', 6, 2, 0xff, 2, b'x', 2, b'k', 1, 4, b'\n', 0xc0, 1];
    let records = uncompressed(&with_body(&body));
    let record = records.iter().next().unwrap().unwrap();
    assert_eq!(record.value, Some(&b"v"[..]));
    let headers: Vec<_> = record.headers().collect();
    assert_eq!(headers[0], Err(InvalidHeaderKey { key: &[0xff], value: Some(b"x") }));
    assert_eq!(headers[1], Ok(Header { key: "k", value: None }));
    let shown = headers[2].unwrap_err().to_string();
    assert_eq!(shown, r#"a record header's key is not UTF-8: "\n\xc0""#);
    assert_eq!(record.headers().last("k"), Some(Header { key: "k", value: None }));
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    let codecs = Codecs::default();
    let bomb = raw(&[Owned { value: Some(vec![0; 4 << 20]), ..Owned::small(1) }]);
    for compression in Compression::ALL.into_iter().skip(1) {
        let Ok(codec) = codecs.get(compression) else { continue };
        let sealed = SealedBatch::compress(bomb.clone(), codec, None).unwrap();
        let batch = only(sealed.freeze(Sequence::NONE, BatchKind::Plain).into_bytes());
        let error = batch.inflate(&codecs, 1 << 20).unwrap_err();
        assert_eq!((error.base_offset(), error.next_offset()), (0, Some(1)));
        assert!(batch.inflate(&codecs, LIMIT).is_ok());
        let missing = batch.inflate(&Codecs::none(), LIMIT).unwrap_err();
        assert!(matches!(missing, BatchError::Inflate { compression: c, .. } if c == compression));
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        read_anyhow(&bytes);
        // The same behind a header that leads there.
        let mut whole = batch_of(1);
        whole.truncate(BATCH_HEADER_LEN);
        whole.extend_from_slice(&bytes);
        let length = i32::try_from(whole.len() - 12).unwrap();
        (&mut whole[8..12]).put_i32(length);
        (&mut whole[23..27]).put_i32(1_000);
        (&mut whole[57..61]).put_i32(1_000);
        read_anyhow(&whole);
        for codec in 1..5 {
            whole[22] = codec;
            read_anyhow(&whole);
        }
    }

    #[test]
    fn any_damage(changes in vec((0_usize..10_000, any::<u8>()), 1..10), codec in 0..5_usize) {
        let records: Vec<_> = (0..30).map(Owned::small).collect();
        let raw = raw(&records);
        let codecs = Codecs::default();
        let sealed = match codecs.get(Compression::ALL[codec]) {
            Ok(codec) => SealedBatch::compress(raw, codec, None).unwrap(),
            Err(_) => raw.into(),
        };
        let mut bytes = sealed.freeze(Sequence::NONE, BatchKind::Plain).into_bytes().to_vec();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        read_anyhow(&bytes);
    }
}
