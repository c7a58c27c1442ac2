use bytes::{BufMut, Bytes, BytesMut};

use super::*;

/// A batch of `records` records of which only the header is sound.
fn batch(records: i32, payload: usize) -> Bytes {
    let mut body = BytesMut::new();
    body.put_i16(0);
    body.put_i32(records - 1);
    body.put_i64(1000);
    body.put_i64(1000 + i64::from(records));
    body.put_i64(-1);
    body.put_i16(-1);
    body.put_i32(-1);
    body.put_i32(records);
    body.put_bytes(b'x', payload);
    let mut batch = BytesMut::new();
    batch.put_i64(0);
    batch.put_i32(i32::try_from(body.len() + 9).unwrap());
    batch.put_i32(-1);
    batch.put_i8(2);
    batch.put_u32(crc32c::crc32c(&body));
    batch.extend_from_slice(&body);
    batch.freeze()
}

fn append(log: &mut Log, records: i32, epoch: i32) -> i64 {
    let bytes = batch(records, 10);
    let header = BatchHeader::read(&bytes).unwrap();
    header.validate(&bytes).unwrap();
    log.append(&bytes, &header, epoch, None)
}

fn everything() -> Limits {
    Limits { end_offset: i64::MAX, max_bytes: usize::MAX, at_least_one: true, cut: false }
}

fn base_offsets(slice: &Slice) -> Vec<i64> {
    let read = |bytes: &Bytes| i64::from_be_bytes(*bytes.first_chunk().unwrap());
    slice.batches.iter().map(read).collect()
}

#[test]
fn offsets_follow_one_another() {
    let mut log = Log::default();
    assert_eq!(append(&mut log, 3, 0), 0);
    assert_eq!(append(&mut log, 1, 0), 3);
    assert_eq!(log.end_offset(), 4);
    assert_eq!(base_offsets(&log.read(0, everything())), [0, 3]);
    assert_eq!(base_offsets(&log.read(2, everything())), [0, 3]);
    assert_eq!(base_offsets(&log.read(3, everything())), [3]);
    assert_eq!(base_offsets(&log.read(4, everything())), [0; 0]);
}

#[test]
fn what_is_read_is_not_copied() {
    let mut log = Log::default();
    append(&mut log, 1, 0);
    let (one, other) = (log.read(0, everything()), log.read(0, everything()));
    assert_eq!(one.batches[0].as_ptr(), other.batches[0].as_ptr());
}

#[test]
fn batches_stay_sound_whatever_their_neighbours() {
    let mut log = Log::default();
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..500 {
        let bytes = batch(rng.i32(1..100), rng.usize(..20_000));
        let header = BatchHeader::read(&bytes).unwrap();
        log.append(&bytes, &header, 0, None);
    }
    let stored = log.read(0, everything());
    assert_eq!(stored.batches.len(), 500);
    assert_eq!(stored.len, stored.batches.iter().map(Bytes::len).sum::<usize>());
    let mut next = 0;
    for bytes in &stored.batches {
        let header = BatchHeader::read(bytes).unwrap();
        assert_eq!(header.base_offset, next);
        next += i64::from(header.last_offset_delta) + 1;
        let mut unstamped = header;
        unstamped.base_offset = 0;
        unstamped.validate(bytes).unwrap();
    }
}

#[test]
fn the_time_of_the_append_is_covered_by_the_checksum() {
    let mut log = Log::default();
    let bytes = batch(2, 10);
    let header = BatchHeader::read(&bytes).unwrap();
    log.append(&bytes, &header, 7, Some(123_456));
    let stored = &log.read(0, everything()).batches[0];
    let header = BatchHeader::read(stored).unwrap();
    header.validate(stored).unwrap();
    assert_eq!(header.max_timestamp, 123_456);
    assert_eq!(stored[22] & 8, 8);
    assert_eq!(stored[12..16], [0, 0, 0, 7]);
}

#[test]
fn limits_leave_out_or_cut_the_last_batch() {
    let mut log = Log::default();
    let size = batch(1, 10).len();
    for _ in 0..3 {
        append(&mut log, 1, 0);
    }
    let end_offset = i64::MAX;
    let read = |max_bytes, at_least_one, cut| {
        log.read(0, Limits { end_offset, max_bytes, at_least_one, cut })
    };
    assert_eq!(read(2 * size, true, false).len, 2 * size);
    assert_eq!(read(2 * size + 5, true, false).len, 2 * size);
    assert_eq!(read(2 * size + 5, true, true).len, 2 * size + 5);
    assert_eq!(read(5, true, false).len, size);
    assert_eq!(read(5, false, false).len, 0);
    assert_eq!(read(5, false, true).len, 5);
    assert_eq!(log.available(1, i64::MAX, 1), size);
    assert_eq!(log.available(0, i64::MAX, usize::MAX), 3 * size);
}

#[test]
fn deleting_keeps_the_batch_that_holds_the_new_start() {
    let mut log = Log::default();
    append(&mut log, 3, 0);
    append(&mut log, 3, 0);
    log.delete_before(4);
    assert_eq!(log.start_offset(), 4);
    assert_eq!(base_offsets(&log.read(4, everything())), [3]);
    log.delete_before(100);
    assert_eq!((log.start_offset(), log.end_offset()), (6, 6));
    assert_eq!(append(&mut log, 1, 0), 6);
}

#[test]
fn epochs_end_where_the_next_begins() {
    let mut log = Log::default();
    append(&mut log, 2, 1);
    append(&mut log, 2, 4);
    let end_of = |log: &Log, epoch| {
        log.epochs().end_of(epoch, 6, log.end_offset()).map(|end| (end.epoch, end.end_offset))
    };
    assert_eq!(end_of(&log, 0), Some((0, 0)));
    assert_eq!(end_of(&log, 1), Some((1, 2)));
    assert_eq!(end_of(&log, 3), Some((1, 2)));
    assert_eq!(end_of(&log, 4), Some((4, 4)));
    assert_eq!(end_of(&log, 5), Some((4, 4)));
    assert_eq!(end_of(&log, 6), Some((6, 4)));
    assert_eq!(log.epochs().of(1), Some(1));
    assert_eq!(log.epochs().of(3), Some(4));
    log.truncate(2);
    assert_eq!(log.end_offset(), 2);
    assert_eq!(end_of(&log, 4), Some((1, 2)));
}
