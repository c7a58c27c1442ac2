//! Whole batches: written, read back, damaged, and compared with what Java writes.

mod damage;
mod golden;
mod round_trip;

use bytes::Bytes;

use super::*;
use crate::compression::{Codecs, Compression};

/// Larger than any batch here.
const LIMIT: usize = 16 << 20;

type OwnedHeader = (String, Option<Vec<u8>>);

/// A record that owns what it is made of.
#[derive(Clone, Debug, PartialEq)]
struct Owned {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<OwnedHeader>,
}

impl Owned {
    fn small(index: u32) -> Self {
        Self {
            timestamp: 1_000 - i64::from(index),
            key: (index % 3 != 0).then(|| format!("key-{index}").into_bytes()),
            value: (index % 4 != 0).then(|| vec![b'v'; index as usize % 150]),
            headers: (0..index % 3).map(|n| ("dup".into(), (n > 0).then(Vec::new))).collect(),
        }
    }

    fn of(view: &RecordView<'_>) -> Self {
        Self {
            timestamp: view.timestamp,
            key: view.key.map(Into::into),
            value: view.value.map(Into::into),
            headers: view
                .headers()
                .map(Result::unwrap)
                .map(|header| (header.key.to_owned(), header.value.map(Into::into)))
                .collect(),
        }
    }

    fn append(&self, batch: &mut BatchBuilder, pool: &ChunkPool) -> Result<u32, AppendError> {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(key, value)| Header { key, value: value.as_deref() })
            .collect();
        let record = RecordParts {
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
        };
        let (len, asked) = (batch.encoded_len(), batch.record_len(self.timestamp, &record));
        let index = batch.append(self.timestamp, &record, pool)?;
        assert_eq!(batch.encoded_len(), len + asked);
        assert!(batch.capacity() + BATCH_HEADER_LEN >= batch.encoded_len());
        Ok(index)
    }
}

fn raw(records: &[Owned]) -> RawBatch {
    let pool = ChunkPool::default();
    let mut batch = BatchBuilder::new();
    for (index, record) in (0..).zip(records) {
        assert_eq!(record.append(&mut batch, &pool), Ok(index));
    }
    batch.seal()
}

fn frozen(raw: RawBatch) -> Bytes {
    SealedBatch::from(raw).freeze(Sequence::NONE, BatchKind::Plain).into_bytes()
}

fn only(bytes: impl Into<Bytes>) -> Batch {
    let mut batches = Batches::new(bytes.into());
    let batch = batches.next().expect("a batch").expect("a valid batch");
    assert!(batches.next().is_none() && batches.truncated_len() == 0);
    batch
}

/// The records of a batch that is not compressed.
fn uncompressed(batch: &Batch) -> Inflated {
    batch.inflate(&Codecs::none(), 0).unwrap()
}

/// Everything in these bytes, or the first thing that is wrong with them.
fn read_all(bytes: &[u8]) -> Result<Vec<(i64, Owned)>, String> {
    let mut all = Vec::new();
    for batch in Batches::new(Bytes::copy_from_slice(bytes)) {
        let batch = batch.map_err(|error| error.to_string())?;
        batch.check_crc().map_err(|error| error.to_string())?;
        let inflated = batch.inflate(&Codecs::default(), LIMIT).map_err(|e| e.to_string())?;
        for record in &inflated {
            let record = record.map_err(|error| error.to_string())?;
            all.push((record.offset, Owned::of(&record)));
        }
    }
    Ok(all)
}

fn with_offsets(records: &[Owned], base: i64) -> Vec<(i64, Owned)> {
    (base..).zip(records.iter().cloned()).collect()
}

#[test]
fn an_empty_batch_has_no_memory() {
    let batch = BatchBuilder::new();
    assert_eq!((batch.count(), batch.encoded_len(), batch.capacity()), (0, 61, 0));
    assert_eq!((batch.base_timestamp(), batch.max_timestamp()), (None, None));
    let raw = batch.seal();
    assert!(raw.is_empty() && raw.records().next().is_none() && raw.record(0).is_none());
}

#[test]
fn chunks_grow_and_nothing_is_lost_at_their_ends() {
    let records: Vec<_> = (0..3_000).map(Owned::small).collect();
    let raw = raw(&records);
    let capacities: Vec<_> = raw.chunks.iter().map(|chunk| chunk.capacity >> 10).collect();
    assert_eq!(capacities[..6], [4, 8, 16, 32, 64, 64]);
    assert_eq!(raw.records().map(|view| Owned::of(&view)).collect::<Vec<_>>(), records);
    for (index, record) in (0..).zip(&records) {
        let view = raw.record(index).unwrap();
        assert_eq!((view.offset, &Owned::of(&view)), (index.into(), record));
    }
    assert!(raw.record(3_000).is_none());
    assert_eq!(raw.max_timestamp(), Some(1_000));
    assert_eq!(read_all(&frozen(raw)), Ok(with_offsets(&records, 0)));
}

#[test]
fn single_records_are_found_in_any_order() {
    let records: Vec<_> = (0..3_000).map(Owned::small).collect();
    let (_, raw) = raw(&records).split_at(1, &ChunkPool::default());
    for index in (0..2_999).rev().step_by(7).chain(0..300).chain([2_998, 0]) {
        let view = raw.record(index).unwrap();
        let expected = &records[index as usize + 1];
        assert_eq!((view.offset, &Owned::of(&view)), (index.into(), expected));
    }
    assert!(raw.record(2_999).is_none() && raw.record(u32::MAX).is_none());
}

/// Giving back many tiny records one by one took time in proportion to their square.
#[test]
fn asking_for_all_records_one_by_one_is_linear() {
    let pool = ChunkPool::default();
    let mut batch = BatchBuilder::new();
    for _ in 0..30_000 {
        batch.append(0, &RecordParts::default(), &pool).unwrap();
    }
    let raw = batch.seal();
    for index in 0..30_000 {
        assert_eq!(raw.record(index).unwrap().offset, i64::from(index));
    }
    // No record is further from a mark than so many, whatever chunk it is in.
    let marks = raw.marks.get().unwrap().len();
    assert!((30_000 / 32..=30_000 / 30).contains(&marks), "{marks}");
}

#[test]
fn a_record_larger_than_a_chunk_is_one_chunk() {
    let large = Owned { value: Some(vec![1; 1 << 20]), ..Owned::small(1) };
    let records = [Owned::small(1), large, Owned::small(2)];
    let raw = raw(&records);
    assert_eq!(raw.chunks.len(), 3);
    assert!(raw.capacity() < (1 << 20) + (4 << 10) + (64 << 10) + 100);
    assert_eq!(read_all(&frozen(raw)), Ok(with_offsets(&records, 0)));
}

#[test]
fn a_timestamp_that_is_no_delta_is_refused() {
    let pool = ChunkPool::default();
    let mut batch = BatchBuilder::new();
    let at = |timestamp| Owned { timestamp, ..Owned::small(1) };
    at(-2).append(&mut batch, &pool).unwrap();
    at(i64::MIN).append(&mut batch, &pool).unwrap();
    at(i64::MAX - 2).append(&mut batch, &pool).unwrap();
    let before = (batch.count(), batch.encoded_len());
    let record = RecordParts::default();
    assert_eq!(batch.record_len(i64::MAX, &record), usize::MAX);
    let refused = batch.append(i64::MAX, &record, &pool).unwrap_err();
    assert_eq!(refused, AppendError::TimestampDelta { base: -2, timestamp: i64::MAX });
    assert!(refused.fits_new_batch());
    assert_eq!((batch.count(), batch.encoded_len()), before);
    let raw = batch.seal();
    assert_eq!(raw.max_timestamp(), Some(i64::MAX - 2));
    let read = read_all(&frozen(raw.clone())).unwrap();
    assert_eq!(read[1].1.timestamp, i64::MIN);
    assert_eq!(read[2].1.timestamp, i64::MAX - 2);
    // Without the record that the deltas are relative to they must still be the same.
    let kept = raw.retain(|index| index > 0, &pool);
    assert_eq!(kept.record(0).unwrap().timestamp, i64::MIN);
    assert_eq!(kept.record(1).unwrap().timestamp, i64::MAX - 2);
}

#[test]
fn each_freeze_has_its_own_header_over_the_same_payload() {
    let records: Vec<_> = (0..100).map(Owned::small).collect();
    let sealed = SealedBatch::from(raw(&records));
    let first = Sequence { producer_id: 9, producer_epoch: 1, base_sequence: 500 };
    let second = Sequence { producer_epoch: 2, base_sequence: 0, ..first };
    let before = sealed.freeze(first, BatchKind::Plain);
    let after = sealed.freeze(second, BatchKind::Transactional);
    assert_eq!(before.len(), sealed.encoded_len());
    for (a, b) in before.chunks().iter().zip(after.chunks()).skip(1) {
        assert_eq!(a.as_ptr(), b.as_ptr());
    }
    let (before, after) = (only(before.into_bytes()), only(after.into_bytes()));
    before.check_crc().unwrap();
    after.check_crc().unwrap();
    assert_eq!((before.sequence(), after.sequence()), (first, second));
    assert!(!before.is_transactional() && after.is_transactional() && !after.is_control());
    assert_eq!((after.count(), after.last_offset(), after.leader_epoch()), (100, 99, -1));
}

#[test]
fn what_is_in_flight_is_never_overwritten() {
    let pool = ChunkPool::default();
    let fill = |byte| {
        let mut batch = BatchBuilder::new();
        let value = [byte; 100];
        for _ in 0..2_000 {
            let record = RecordParts { value: Some(&value), ..RecordParts::default() };
            batch.append(0, &record, &pool).unwrap();
        }
        SealedBatch::from(batch.seal())
    };
    let expired = fill(b'a');
    let in_flight = expired.freeze(Sequence::NONE, BatchKind::Plain);
    drop(expired);
    assert_eq!(pool.idle(), 0);
    let next = fill(b'b');
    let sent = only(in_flight.into_bytes());
    sent.check_crc().unwrap();
    drop(next);
    // Everything both held is there again, now that nobody reads it.
    drop(sent);
    let idle = pool.idle();
    assert!(idle > 400_000, "{idle}");
    assert_eq!(fill(b'c').capacity() * 2, idle);
}

#[test]
fn retain_leaves_no_gaps() {
    let records: Vec<_> = (0..2_000).map(Owned::small).collect();
    let raw = raw(&records);
    let pool = ChunkPool::default();
    let kept = raw.retain(|index| index % 7 != 0, &pool);
    let expected: Vec<_> =
        (0..).zip(&records).filter(|(index, _)| index % 7 != 0).map(|(_, r)| r.clone()).collect();
    assert_eq!(kept.count() as usize, expected.len());
    assert_eq!(kept.max_timestamp(), Some(999));
    let batch = only(frozen(kept.clone()));
    assert_eq!(batch.last_offset() + 1, i64::from(batch.count()));
    assert_eq!(read_all(batch.bytes()), Ok(with_offsets(&expected, 0)));
    assert_eq!(Owned::of(&kept.record(1_000).unwrap()), expected[1_000]);
    assert!(raw.retain(|_| false, &pool).is_empty());
    assert_eq!(frozen(raw.retain(|_| true, &pool)), frozen(raw));
}

#[test]
fn records_are_picked_from_open_and_closed_batches() {
    let records: Vec<_> = (0..2_000).map(Owned::small).collect();
    let pool = ChunkPool::default();
    let mut open = BatchBuilder::new();
    for record in &records {
        record.append(&mut open, &pool).unwrap();
    }
    let indexes: Vec<u32> = (0..2_000).filter(|index| index % 61 == 3 || *index > 1_990).collect();
    let expected: Vec<_> = indexes.iter().map(|&index| records[index as usize].clone()).collect();
    let from_open = open.pick(&indexes, &pool);
    let raw = open.seal();
    for picked in [from_open, raw.pick(&indexes, &pool)] {
        assert!(picked.capacity() < 2 * picked.encoded_len());
        assert_eq!(Owned::of(&picked.record(7).unwrap()), expected[7]);
        assert_eq!(read_all(&frozen(picked)), Ok(with_offsets(&expected, 0)));
    }
    assert!(raw.pick(&[], &pool).is_empty());
}

#[test]
fn chunks_come_off_the_front() {
    let records: Vec<_> = (0..2_000).map(Owned::small).collect();
    let pool = ChunkPool::default();
    let mut rest = raw(&records);
    let mut at = 0;
    while let Some(end) = rest.first_chunk_end() {
        let capacity = rest.capacity();
        let front = rest.pop_chunk().unwrap();
        assert_eq!(front.capacity() + rest.capacity(), capacity);
        assert_eq!((front.count(), rest.count()), (end - at, 2_000 - end));
        let read: Vec<_> = front.records().map(|view| Owned::of(&view)).collect();
        assert_eq!(read, records[at as usize..end as usize]);
        assert_eq!(Owned::of(&front.record(end - at - 1).unwrap()), records[end as usize - 1]);
        let left = &records[end as usize..];
        assert_eq!(rest.records().count(), left.len());
        if !left.is_empty() {
            let picked = rest.pick(&[end, 1_999], &pool);
            let expected = if end == 1_999 {
                &left[..1]
            } else {
                &[left[0].clone(), left[left.len() - 1].clone()][..]
            };
            assert_eq!(read_all(&frozen(picked)), Ok(with_offsets(expected, 0)));
            let kept = rest.retain(|index| index != end, &pool);
            assert_eq!(kept.records().count(), left.len() - 1);
            assert_eq!(read_all(&frozen(rest.retain(|_| true, &pool))), Ok(with_offsets(left, 0)));
        }
        at = end;
    }
    assert_eq!((at, rest.is_empty(), rest.capacity()), (2_000, true, 0));
    assert!(rest.pop_chunk().is_none());
}

#[test]
fn split_parts_are_whole_batches() {
    let records: Vec<_> = (0..2_000).map(Owned::small).collect();
    let raw = raw(&records);
    let pool = ChunkPool::default();
    let boundary = raw.chunks[1].first;
    for at in [0, 1, 63, 64, 65, boundary - 1, boundary, boundary + 1, 1_999, 2_000, 5_000] {
        let (front, back) = raw.split_at(at, &pool);
        let at = at.min(2_000) as usize;
        assert_eq!((front.count() as usize, back.count() as usize), (at, 2_000 - at));
        for (part, expected) in [(front, &records[..at]), (back, &records[at..])] {
            assert_eq!(part.max_timestamp(), expected.iter().map(|r| r.timestamp).max());
            assert_eq!(part.records().count(), expected.len());
            if let Some(last) = part.count().checked_sub(1) {
                let view = part.record(last).unwrap();
                assert_eq!(Some(&Owned::of(&view)), expected.last());
                let batch = only(frozen(part));
                assert_eq!(batch.last_offset(), i64::from(last));
                assert_eq!(read_all(batch.bytes()), Ok(with_offsets(expected, 0)));
            }
        }
    }
}

#[test]
fn the_middle_halves_a_batch_by_bytes() {
    let pool = ChunkPool::default();
    for count in 1..300 {
        let records: Vec<_> = (0..count).map(Owned::small).collect();
        let raw = raw(&records);
        let middle = raw.middle();
        if count == 1 {
            assert_eq!(middle, 0);
            continue;
        }
        let (front, back) = raw.split_at(middle, &pool);
        assert!(!front.is_empty() && !back.is_empty(), "{count}");
        let apart = front.encoded_len().abs_diff(back.encoded_len());
        // Each of these records has less than 500 bytes.
        assert!(apart <= 1000, "{count}: {apart}");
    }
}

#[test]
fn every_codec_gives_back_what_it_got() {
    let records: Vec<_> = (0..3_000).map(Owned::small).collect();
    let codecs = Codecs::default();
    let plain = raw(&records);
    for compression in Compression::ALL {
        let Ok(codec) = codecs.get(compression) else { continue };
        let sealed = SealedBatch::compress(plain.clone(), codec, None).unwrap();
        assert_eq!(sealed.compression(), compression);
        assert_eq!(sealed.raw_len(), plain.encoded_len());
        if compression != Compression::None {
            assert!(sealed.encoded_len() < plain.encoded_len() / 2, "{compression}");
            assert!(sealed.capacity() < sealed.encoded_len() * 3 / 2, "{compression}");
        }
        let bytes = sealed.freeze(Sequence::NONE, BatchKind::Plain).into_bytes();
        assert_eq!(only(bytes.clone()).compression(), compression);
        assert_eq!(read_all(&bytes), Ok(with_offsets(&records, 0)));
        let reopened = sealed.to_raw(&codecs).unwrap();
        assert_eq!(reopened.record(2_999), plain.record(2_999));
        assert_eq!(reopened.max_timestamp(), plain.max_timestamp());
        assert!(reopened.records().eq(plain.records()));
        assert!(reopened.chunks.iter().all(|chunk| chunk.bytes.len() <= 64 << 10));
        assert_eq!(frozen(reopened), frozen(plain.clone()));
    }
}

#[test]
fn what_does_not_get_smaller_stays_raw() {
    let codecs = Codecs::default();
    for compression in Compression::ALL {
        let Ok(codec) = codecs.get(compression) else { continue };
        let one = [Owned { value: Some(b"x7".to_vec()), ..Owned::small(0) }];
        let sealed = SealedBatch::compress(raw(&one), codec, None).unwrap();
        assert_eq!(sealed.compression(), Compression::None);
        let bytes = sealed.freeze(Sequence::NONE, BatchKind::Plain).into_bytes();
        assert_eq!(read_all(&bytes), Ok(with_offsets(&one, 0)));
    }
}

#[test]
fn a_refused_level_gives_the_batch_back() {
    let codecs = Codecs::default();
    let Ok(snappy) = codecs.get(Compression::Snappy) else { return };
    let batch = raw(&[Owned::small(5), Owned::small(7)]);
    let failed = SealedBatch::compress(batch, snappy, Some(3)).unwrap_err();
    assert_eq!(failed.batch.count(), 2);
    assert_eq!(Owned::of(&failed.batch.record(1).unwrap()), Owned::small(7));
}

#[test]
fn a_broker_places_a_batch() {
    let records: Vec<_> = (0..10).map(Owned::small).collect();
    let batch = only(frozen(raw(&records)));
    let placed = only(batch.with_base_offset(7_000_000_000, 4));
    placed.check_crc().unwrap();
    assert_eq!((placed.base_offset(), placed.leader_epoch()), (7_000_000_000, 4));
    assert_eq!((placed.last_offset(), placed.next_offset()), (7_000_000_009, 7_000_000_010));
    assert_eq!(placed.timestamp_type(), TimestampType::CreateTime);
    assert_eq!(read_all(placed.bytes()), Ok(with_offsets(&records, 7_000_000_000)));

    let stamped = only(batch.with_append_time(3, 5, 1_800_000_000_000));
    stamped.check_crc().unwrap();
    assert_eq!(stamped.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(stamped.max_timestamp(), 1_800_000_000_000);
    let stamped = read_all(stamped.bytes()).unwrap();
    assert_eq!(stamped.len(), 10);
    assert!(stamped.iter().all(|(_, record)| record.timestamp == 1_800_000_000_000));
}

#[test]
fn spans_outlive_the_borrow() {
    let records: Vec<_> = (0..50).map(Owned::small).collect();
    let batch = only(frozen(raw(&records)));
    let inflated = batch.inflate(&Codecs::none(), 0).unwrap();
    let spans: Vec<_> = inflated.iter().map(|record| record.unwrap().span()).collect();
    for (span, record) in spans.iter().zip(&records) {
        assert_eq!(&Owned::of(&span.view(&inflated)), record);
        assert_eq!(span.key(&inflated), record.key.as_deref());
        assert_eq!(span.value_bytes(inflated.bytes()).as_deref(), record.value.as_deref());
        assert_eq!(span.key_bytes(inflated.bytes()).as_deref(), record.key.as_deref());
        let (bytes, detached) = span.detach(&inflated);
        assert_eq!(detached.view(&bytes), span.view(&inflated));
        assert_eq!(detached.headers(&bytes).count(), record.headers.len());
        assert!(bytes.len() < 250);
        // Foreign bytes give nothing that is not in them.
        assert_eq!(span.view(b"").value, None);
        assert!(span.headers(&[0xff; 4_000]).count() < 4_000);
    }
}

#[test]
fn a_cursor_goes_on_where_it_was() {
    let records: Vec<_> = (0..50).map(Owned::small).collect();
    let batch = only(only(frozen(raw(&records))).with_base_offset(100, 0));
    let inflated = batch.inflate(&Codecs::none(), 0).unwrap();
    let mut cursor = inflated.cursor();
    for (offset, record) in (100..).zip(&records) {
        let view = cursor.next(&inflated).unwrap().unwrap();
        assert_eq!((view.offset, &Owned::of(&view)), (offset, record));
    }
    assert_eq!((cursor.left(), cursor.position()), (0, inflated.len()));
    assert!(cursor.next(&inflated).is_none());
}

#[test]
fn debug_shows_no_contents() {
    let secret = Owned {
        key: Some(b"hunter2".to_vec()),
        value: Some(b"hunter2".to_vec()),
        headers: vec![("auth".into(), Some(b"hunter2".to_vec()))],
        timestamp: 1,
    };
    let raw = raw(std::slice::from_ref(&secret));
    let mut open = BatchBuilder::new();
    secret.append(&mut open, &ChunkPool::default()).unwrap();
    let sealed = SealedBatch::from(raw.clone());
    let records = sealed.freeze(Sequence::NONE, BatchKind::Plain);
    let batch = only(records.clone().into_bytes());
    let batches = Batches::from(records.clone());
    let shown = format!(
        "{open:?} {raw:?} {:?} {:?} {sealed:?} {records:?} {batch:?} {batches:?} {:?}",
        raw.record(0),
        raw.records(),
        uncompressed(&batch).iter(),
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
