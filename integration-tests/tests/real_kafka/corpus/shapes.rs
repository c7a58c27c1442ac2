//! Batches of every shape that our builder writes.

use bytes::Bytes;
use ottla_protocol::compression::{Codecs, Compression};
use ottla_protocol::records::{
    BatchBuilder, BatchKind, Batches, ChunkPool, ControlKind, ControlRecord, Header, RawBatch,
    RecordParts, SealedBatch, Sequence,
};
use serde_json::Value;

/// A batch, and what it was made of.
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) bytes: Bytes,
    pub(super) compression: &'static str,
    pub(super) records: Vec<Written>,
}

type Field = Option<Vec<u8>>;

/// A record with its place. Long fields are what `ReadRecords.java` writes for them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    offset: i64,
    timestamp: i64,
    key: Value,
    value: Value,
    headers: Vec<(Value, Value)>,
}

impl Written {
    pub(super) fn of(java: &Value) -> Self {
        let headers = java["headers"].as_array().unwrap().iter();
        Self {
            offset: java["offset"].as_i64().unwrap(),
            timestamp: java["timestamp"].as_i64().unwrap(),
            key: java["key"].clone(),
            value: java["value"].clone(),
            headers: headers.map(|header| (header[0].clone(), header[1].clone())).collect(),
        }
    }
}

#[derive(Clone, Default)]
struct Record {
    timestamp: i64,
    key: Field,
    value: Field,
    headers: Vec<(String, Field)>,
}

impl Record {
    fn written(&self, offset: i64) -> Written {
        let field = |field: &Field| super::reading::field(field.as_deref());
        let key = |key: &String| super::reading::field(Some(key.as_bytes()));
        Written {
            offset,
            timestamp: self.timestamp,
            key: field(&self.key),
            value: field(&self.value),
            headers: self.headers.iter().map(|(k, value)| (key(k), field(value))).collect(),
        }
    }
}

const NOW: i64 = 1_700_000_000_000;

fn text(text: &str) -> Field {
    Some(text.as_bytes().to_vec())
}

fn value(timestamp: i64, value: Field) -> Record {
    Record { timestamp, value, ..Record::default() }
}

/// What is in the batches.
fn contents() -> Vec<(&'static str, Vec<Record>)> {
    let nulls = [None, Some(Vec::new()), Some(vec![7])];
    let nulls = nulls.iter().flat_map(|key| {
        nulls.iter().map(|value| Record {
            timestamp: NOW,
            key: key.clone(),
            value: value.clone(),
            headers: Vec::new(),
        })
    });
    let header = |key: &str, value: Field| (key.to_owned(), value);
    let headers = vec![
        header("dup", text("1")),
        header("dup", None),
        header("", Some(Vec::new())),
        header("hé世😀", text("x")),
        header("dup", Some(vec![0xff; 200])),
    ];
    let repeated = |index: i64| text(&format!("a value that is compressed well, number {index}"));
    vec![
        ("one", vec![value(NOW, text("v"))]),
        ("nulls", nulls.collect()),
        ("headers", vec![Record { headers, ..value(NOW, text("v")) }, value(NOW, None)]),
        (
            "times",
            [NOW, NOW - 1, 0, -1, NOW + (1 << 40), i64::MAX - 1].map(|t| value(t, None)).into(),
        ),
        ("any-times", vec![value(0, None), value(i64::MIN, None), value(i64::MAX, None)]),
        (
            "lengths",
            [0, 63, 64, 8191, 8192, 70_000].map(|len| value(NOW, Some(vec![b'v'; len]))).into(),
        ),
        ("many", (0..3000).map(|index| value(NOW + index, repeated(index))).collect()),
        ("million", vec![value(NOW, Some(vec![0; 1 << 20])), value(NOW, None)]),
    ]
}

fn raw(records: &[Record]) -> RawBatch {
    let pool = ChunkPool::default();
    let mut batch = BatchBuilder::new();
    for record in records {
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|(key, value)| Header { key, value: value.as_deref() })
            .collect();
        let parts = RecordParts {
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &headers,
        };
        batch.append(record.timestamp, &parts, &pool).unwrap();
    }
    batch.seal()
}

fn shape(name: String, sealed: &SealedBatch, records: &[Record]) -> Shape {
    let bytes = sealed.freeze(Sequence::NONE, BatchKind::Plain).into_bytes();
    let records = (0..).zip(records).map(|(offset, record)| record.written(offset)).collect();
    Shape { name, bytes, compression: sealed.compression().name(), records }
}

pub(super) fn all() -> Vec<Shape> {
    let codecs = Codecs::default();
    let mut shapes = Vec::new();
    for (name, records) in contents() {
        for compression in Compression::ALL {
            let levels = match compression {
                Compression::Gzip => vec![None, Some(0), Some(1), Some(9)],
                Compression::Zstd => vec![None, Some(-7), Some(1), Some(19)],
                _ => vec![None],
            };
            for level in levels {
                let codec = codecs.get(compression).unwrap();
                let sealed = SealedBatch::compress(raw(&records), codec, level).unwrap();
                let level = level.map(|level| format!("-{level}")).unwrap_or_default();
                shapes.push(shape(format!("{name}-{compression}{level}"), &sealed, &records));
            }
        }
    }
    shapes.extend(partial());
    shapes.extend(placed());
    shapes
}

/// What is left when records are taken out of a batch or it is split.
fn partial() -> Vec<Shape> {
    let pool = ChunkPool::default();
    let records: Vec<_> =
        (0..500).map(|index| value(NOW + index, text(&format!("{index}")))).collect();
    let kept = raw(&records).retain(|index| index % 3 == 1, &pool);
    let of_kept: Vec<_> = records.iter().skip(1).step_by(3).cloned().collect();
    let (front, back) = raw(&records).split_at(120, &pool);
    vec![
        shape("retained".into(), &kept.into(), &of_kept),
        shape("split-front".into(), &front.into(), &records[..120]),
        shape("split-back".into(), &back.into(), &records[120..]),
    ]
}

/// Batches as they are sent by a producer, and stored by a broker.
fn placed() -> Vec<Shape> {
    let records: Vec<_> = (0..20).map(|index| value(NOW + index, text("the same value"))).collect();
    let codecs = Codecs::default();
    let zstd = codecs.get(Compression::Zstd).unwrap();
    let sealed = SealedBatch::compress(raw(&records), zstd, None).unwrap();
    let sequence =
        Sequence { producer_id: 1 << 40, producer_epoch: 7, base_sequence: i32::MAX - 3 };
    let whole = |kind| {
        let bytes = sealed.freeze(sequence, kind).into_bytes();
        Batches::new(bytes).next().unwrap().unwrap()
    };
    let at = |name: &str, bytes: Bytes, base: i64, time: Option<i64>| {
        let written = (base..).zip(&records).map(|(offset, record)| {
            let timestamp = time.unwrap_or(record.timestamp);
            Written { timestamp, ..record.written(offset) }
        });
        Shape { name: name.into(), bytes, compression: "zstd", records: written.collect() }
    };
    let marker = |name: &str, kind| {
        let control = ControlRecord { kind, coordinator_epoch: Some(3) };
        let key = vec![0, 0, 0, u8::from(kind == ControlKind::Commit)];
        let record = Record { key: Some(key), ..value(NOW, Some(vec![0, 0, 0, 0, 0, 3])) };
        let bytes = control.to_batch(5, 2, NOW);
        Shape { name: name.into(), bytes, compression: "none", records: vec![record.written(0)] }
    };
    let transactional = whole(BatchKind::Transactional);
    vec![
        at("idempotent", whole(BatchKind::Plain).bytes().clone(), 0, None),
        at("transactional", transactional.bytes().clone(), 0, None),
        at("stored", transactional.with_base_offset(1 << 50, 9), 1 << 50, None),
        at("stamped", transactional.with_append_time(70, 9, NOW + 99), 70, Some(NOW + 99)),
        marker("commit", ControlKind::Commit),
        marker("abort", ControlKind::Abort),
    ]
}
