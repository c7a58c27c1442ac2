//! What we read in the bytes of a records field, as the JSON that `ReadRecords.java` writes.

use bytes::Bytes;
use ottla_protocol::compression::Codecs;
use ottla_protocol::records::{
    Batch, Batches, ControlKind, ControlRecord, RecordView, TimestampType,
};
use serde_json::{Map, Value, json};

/// Where reading stopped.
#[derive(Debug)]
pub(crate) struct Stop {
    /// In order: `batch`, `checksum`, `records`.
    pub(crate) stage: &'static str,
    pub(crate) batch: usize,
    pub(crate) error: String,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) batches: Vec<Value>,
    /// Behind the last whole batch.
    pub(crate) end: usize,
    pub(crate) stop: Option<Stop>,
}

/// Reads as a consumer does: checksums compared, and every record looked at.
pub(crate) fn read(bytes: &[u8]) -> Reading {
    let mut reading = Reading { batches: Vec::new(), end: 0, stop: None };
    let mut batches = Batches::new(Bytes::copy_from_slice(bytes));
    for batch in &mut batches {
        let index = reading.batches.len();
        let stop = |stage, error: String| Some(Stop { stage, batch: index, error });
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                reading.stop = stop("batch", said(&error));
                return reading;
            }
        };
        if let Err(error) = batch.check_crc() {
            reading.stop = stop("checksum", said(&error));
            return reading;
        }
        let mut cells = header(&batch, reading.end, bytes);
        match records(&batch) {
            Ok(records) => {
                cells.insert("records".to_owned(), records.into());
            }
            Err(error) => {
                reading.stop = stop("records", error);
                return reading;
            }
        }
        reading.batches.push(cells.into());
        reading.end += batch.bytes().len();
    }
    assert_eq!(reading.end + batches.truncated_len(), bytes.len());
    reading
}

fn said(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

fn header(batch: &Batch, position: usize, bytes: &[u8]) -> Map<String, Value> {
    let old = batch.magic() < 2;
    let crc_at = position + if old { 12 } else { 17 };
    let crc = u32::from_be_bytes(bytes[crc_at..crc_at + 4].try_into().unwrap());
    let wrapper = old && batch.count() == 0;
    let timestamp_type = match batch.timestamp_type() {
        TimestampType::NoTimestamp => "none",
        TimestampType::CreateTime => "create",
        TimestampType::LogAppendTime => "append",
    };
    let Value::Object(cells) = json!({
        "position": position,
        "size": batch.bytes().len(),
        "magic": batch.magic(),
        "crc": crc,
        "compression": batch.compression().name(),
        "timestamp_type": timestamp_type,
        "base_offset": (!wrapper).then_some(batch.base_offset()),
        "last_offset": batch.last_offset(),
        "next_offset": batch.next_offset(),
        "max_timestamp": batch.max_timestamp(),
        "base_timestamp": (!old).then_some(batch.base_timestamp()),
        "delete_horizon": batch.delete_horizon(),
        "leader_epoch": batch.leader_epoch(),
        "producer_id": batch.producer_id(),
        "producer_epoch": batch.producer_epoch(),
        "base_sequence": batch.base_sequence(),
        "transactional": batch.is_transactional(),
        "control": batch.is_control(),
        "count": (!old).then_some(batch.count()),
    }) else {
        panic!("an object is written as an object")
    };
    cells
}

fn records(batch: &Batch) -> Result<Vec<Value>, String> {
    let records = batch.inflate(&Codecs::default(), 16 << 20).map_err(|error| said(&error))?;
    let mut read = Vec::new();
    for record in &records {
        let record = record.map_err(|error| error.to_string())?;
        // Kept and looked at later it must be the same.
        let span = record.span();
        assert_eq!(span.view(&records), record);
        let (detached, place) = span.detach(&records);
        assert_eq!(place.view(&detached), record);
        let mut cells = cells(&record);
        if batch.is_control() {
            let control = ControlRecord::parse(&record).map_err(|error| error.to_string())?;
            cells["control"] = control_name(control.kind).into();
        }
        read.push(cells);
    }
    Ok(read)
}

fn cells(record: &RecordView<'_>) -> Value {
    let headers: Vec<_> = record
        .headers()
        .map(|header| match header {
            Ok(header) => json!([field(Some(header.key.as_bytes())), field(header.value)]),
            // Java's keys are strings, whatever was in them.
            Err(invalid) => {
                let key = String::from_utf8_lossy(invalid.key);
                json!([field(Some(key.as_bytes())), field(invalid.value)])
            }
        })
        .collect();
    json!({
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": field(record.key),
        "value": field(record.value),
        "headers": headers,
    })
}

pub(crate) fn field(field: Option<&[u8]>) -> Value {
    /// As in `ReadRecords.java`.
    const LONGEST_SHOWN: usize = 128;
    match field {
        None => Value::Null,
        Some(bytes) if bytes.len() <= LONGEST_SHOWN => {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
        Some(bytes) => json!({ "length": bytes.len(), "crc32": crc32fast::hash(bytes) }),
    }
}

fn control_name(kind: ControlKind) -> &'static str {
    match kind {
        ControlKind::Abort => "ABORT",
        ControlKind::Commit => "COMMIT",
        ControlKind::Other(2) => "LEADER_CHANGE",
        ControlKind::Other(3) => "SNAPSHOT_HEADER",
        ControlKind::Other(4) => "SNAPSHOT_FOOTER",
        ControlKind::Other(5) => "KRAFT_VERSION",
        ControlKind::Other(6) => "KRAFT_VOTERS",
        _ => "UNKNOWN",
    }
}

/// What Java says of a batch in the shape of ours: without what is of no use to a consumer, and of
/// the timestamp types of single records, which are the batch's.
fn comparable(java: &Value) -> Value {
    let mut batch = java.clone();
    let cells = batch.as_object_mut().unwrap();
    cells.remove("last_sequence");
    for record in cells["records"].as_array_mut().unwrap() {
        let record = record.as_object_mut().unwrap();
        record.remove("sequence");
        record.remove("timestamp_type");
    }
    batch
}

/// What is wrong with our reading; nothing if it is Java's.
pub(crate) fn compare(name: &str, bytes: &[u8], java: &Value, ours: &Reading) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |right: bool, what: String| {
        if !right {
            wrong.push(format!("{name}: {what}"));
        }
    };
    check(java["size"] == bytes.len(), format!("it has {} bytes", bytes.len()));
    let theirs = java["batches"].as_array().unwrap();
    for (index, (ours, theirs)) in ours.batches.iter().zip(theirs).enumerate() {
        let theirs = comparable(theirs);
        check(*ours == theirs, format!("batch {index}:\n ours {ours}\n java {theirs}"));
    }
    match (&ours.stop, &java["stop"]) {
        (None, Value::Null) => {
            let (ours, java) = ((ours.batches.len(), ours.end), (theirs.len(), &java["end"]));
            check(ours.0 == java.0 && ours.1 == *java.1, format!("{ours:?} instead of {java:?}"));
        }
        (Some(stop), Value::Null) => check(false, format!("Java reads it: {}", stop.error)),
        (None, java) => check(false, format!("Java refuses it: {java}")),
        (Some(stop), java) => {
            check(java["batch"] == stop.batch, format!("{stop:?} instead of {java}"));
            // An error may come earlier than Java's, but not later: nobody gets to see more.
            let stages = ["batch", "checksum", "header", "records"];
            let rank = |stage| stages.iter().position(|known| *known == stage);
            let (ours, theirs) = (rank(stop.stage), rank(java["stage"].as_str().unwrap()));
            check(ours <= theirs, format!("{stop:?} instead of {java}"));
        }
    }
    wrong
}
