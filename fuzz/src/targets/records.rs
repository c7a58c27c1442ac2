//! The records of a fetch.

use bytes::Bytes;
use ottla_protocol::compression::Codecs;
use ottla_protocol::records::{
    Batch, BatchBuilder, BatchKind, Batches, ChunkPool, ControlRecord, Inflated, RecordParts,
    RecordView, SealedBatch, Sequence,
};

use super::memory;

/// The most a batch may inflate to.
const LIMIT: usize = 256 * 1024;

/// What the codecs may take besides: their windows and tables.
const BESIDES: u64 = 16 << 20;

/// Batches as they lie in a response. Checksums are compared but not believed: otherwise nothing
/// behind them would be tried.
pub fn records(data: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(data);
    let codecs = Codecs::default();
    memory::at_most(LIMIT as u64 + BESIDES, data.len(), || walk(bytes, &codecs));
    true
}

/// The same for what brokers of before 0.11 stored: the magic byte, which would have to be guessed,
/// is 0 or 1.
pub fn message_set(data: &[u8]) -> bool {
    let mut set = data.to_vec();
    if let Some(magic) = set.get_mut(16) {
        *magic &= 1;
    }
    records(&set)
}

fn walk(bytes: Bytes, codecs: &Codecs) {
    let length = bytes.len();
    let mut batches = Batches::new(bytes);
    let mut consumed = 0;
    for batch in batches.by_ref() {
        let Ok(batch) = batch else { break };
        consumed += batch.bytes().len();
        assert!(batch.base_offset() >= 0);
        assert!(batch.next_offset() > batch.last_offset());
        assert!(batch.last_offset() >= batch.base_offset());
        let _ = batch.check_crc();
        if let Ok(inflated) = batch.inflate(codecs, LIMIT.max(batch.bytes().len())) {
            read(&batch, &inflated);
        }
    }
    assert!(batches.next().is_none(), "the end stays the end");
    assert!(consumed + batches.truncated_len() <= length);
}

fn read(batch: &Batch, inflated: &Inflated) {
    let mut views: Vec<RecordView<'_>> = Vec::new();
    let mut failed = false;
    let mut iterator = inflated.iter();
    let mut cursor = inflated.cursor();
    loop {
        let (next, same) = (iterator.next(), cursor.next(inflated));
        let Some(record) = next else {
            assert!(same.is_none(), "iterator and cursor end together");
            break;
        };
        match (record, same.expect("iterator and cursor end together")) {
            (Ok(view), Ok(same)) => {
                assert!(!failed, "nothing comes behind an error");
                assert!(view == same);
                check(batch, &view, inflated, views.last());
                views.push(view);
            }
            (Err(one), Err(other)) => {
                assert_eq!(one, other);
                failed = true;
            }
            (one, other) => panic!("{one:?} and {other:?}"),
        }
    }
    assert!(failed || views.len() == inflated.count() as usize);
    write_again(&views);
}

fn check(batch: &Batch, view: &RecordView<'_>, inflated: &Inflated, last: Option<&RecordView<'_>>) {
    assert!(view.offset >= inflated.base_offset());
    // A wrapper of magic 1 at offset 0 may be as librdkafka once sent it.
    assert!(view.offset <= batch.last_offset() || batch.magic() == 1 && batch.base_offset() == 0);
    assert!(last.is_none_or(|last| last.offset < view.offset));
    let span = view.span();
    let parts = view
        .headers()
        .map(|header| header.map_or_else(|h| h.key.len(), |h| h.key.len()))
        .sum::<usize>()
        + view.key.map_or(0, <[u8]>::len)
        + view.value.map_or(0, <[u8]>::len);
    assert!(parts <= inflated.len());
    let _ = format!("{view:?} {span:?}");
    if batch.is_control() {
        let _ = ControlRecord::parse(view);
    }
}

/// What was read can be written into a batch of our own, and is the same there but for its offsets.
fn write_again(views: &[RecordView<'_>]) {
    let pool = ChunkPool::new(0);
    let mut builder = BatchBuilder::new();
    let mut written = Vec::new();
    for view in views.iter().take(64) {
        let Ok(headers) = view.headers().collect::<Result<Vec<_>, _>>() else { continue };
        let parts = RecordParts { key: view.key, value: view.value, headers: &headers };
        // A timestamp may be too far from the first one's.
        if builder.append(view.timestamp, &parts, &pool).is_ok() {
            written.push(*view);
        }
    }
    if written.is_empty() {
        return;
    }
    let sealed = SealedBatch::from(builder.seal());
    let bytes = sealed.freeze(Sequence::NONE, BatchKind::Plain).into_bytes();
    let batch = Batches::new(bytes).next().expect("one batch").expect("our own batch");
    batch.check_crc().expect("our own checksum");
    let records = batch.inflate(&Codecs::none(), 0).expect("our own records");
    let mut count = 0;
    for (view, again) in written.iter().zip(&records) {
        let again = again.expect("our own record");
        assert_eq!((again.key, again.value), (view.key, view.value));
        assert_eq!(again.timestamp, view.timestamp);
        assert!(again.headers().eq(view.headers()));
        count += 1;
    }
    assert_eq!(count, written.len());
}
