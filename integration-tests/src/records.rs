//! Records as text lines, the form in which the Java programs take and give them.
//!
//! ```text
//! given:   <partition or -> <timestamp or -> <key> <value> <headers>
//! printed: <partition> <offset> <timestamp> <key> <value> <headers>
//! key, value: null, or x and the bytes in hexadecimal, so that x alone is empty
//! headers:    h, then for each ;<name>=<value>, the name and the value like a key
//! ```

use std::fmt::Write;

use crate::LaunchError;

/// A record to be produced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JavaRecord {
    /// `None` lets the Java client's partitioner choose.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; `None` is the time of sending.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The headers in order; a name may come more than once, and a value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A record at its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The headers in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Records that go wrong easily: no, empty and binary keys and values; headers that repeat or have
/// no value; the timestamp 0; and a large value that compresses, between many small ones that share
/// a batch. All are for `partition` and have a timestamp, and are the same on every call.
#[must_use]
pub fn sample_records(partition: i32) -> Vec<JavaRecord> {
    let partition = Some(partition);
    let plain = |timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>| JavaRecord {
        partition,
        timestamp: Some(timestamp),
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: Vec::new(),
    };
    let header = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let mut records = vec![
        plain(1_700_000_000_000, Some(b"key"), Some(b"value")),
        plain(0, Some(b"at the epoch"), Some(b"0")),
        plain(1_700_000_000_001, None, Some(b"no key")),
        plain(1_700_000_000_001, Some(b"no value"), None),
        plain(1_699_999_999_999, None, None),
        plain(1_700_000_000_002, Some(b""), Some(b"")),
        plain(1_700_000_000_003, Some(&every_byte), Some(&every_byte)),
    ];
    records.push(JavaRecord {
        headers: vec![
            header("twice", Some(b"1")),
            header("twice", Some(b"2")),
            header("null", None),
            header("empty", Some(b"")),
            header("", Some(b"no name")),
            header("binary", Some(&every_byte)),
            header("größe", Some("naïve".as_bytes())),
            header("twice", Some(b"1")),
        ],
        ..plain(1_700_000_000_004, Some(b"headers"), Some(b"many"))
    });
    records.extend((0..200_u32).map(|n| {
        let (key, value) = (format!("key-{}", n % 7), format!("{{\"n\":{n},\"text\":\"small\"}}"));
        plain(1_700_000_000_005 + i64::from(n), Some(key.as_bytes()), Some(value.as_bytes()))
    }));
    // Half noise, half repetition: it compresses, and not to nothing.
    let mut random = fastrand::Rng::with_seed(7);
    let large: Vec<u8> =
        (0..200_000).map(|n| if n % 2 == 0 { random.u8(..) } else { b'a' }).collect();
    records.push(plain(1_700_000_001_000, Some(b"large"), Some(&large)));
    records.push(plain(1_700_000_001_001, Some(b"last"), Some(b"after the large one")));
    records
}

/// The line that asks for a record.
pub(crate) fn write_line(record: &JavaRecord) -> String {
    let or_dash = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let mut headers = "h".to_owned();
    for (name, value) in &record.headers {
        let _ = write!(headers, ";{}={}", hex(Some(name.as_bytes())), hex(value.as_deref()));
    }
    format!(
        "{} {} {} {} {headers}\n",
        or_dash(record.partition.map(i64::from)),
        or_dash(record.timestamp),
        hex(record.key.as_deref()),
        hex(record.value.as_deref()),
    )
}

/// Reads the line that describes a record in the log.
pub(crate) fn read_line(line: &str) -> Result<ReadRecord, LaunchError> {
    let read = || {
        let mut cells = line.split(' ');
        let record = ReadRecord {
            partition: cells.next()?.parse().ok()?,
            offset: cells.next()?.parse().ok()?,
            timestamp: cells.next()?.parse().ok()?,
            key: unhex(cells.next()?)?,
            value: unhex(cells.next()?)?,
            headers: read_headers(cells.next()?)?,
        };
        cells.next().is_none().then_some(record)
    };
    read().ok_or_else(|| LaunchError::Unreadable {
        what: "a record printed by Java",
        text: line.chars().take(500).collect(),
    })
}

fn read_headers(text: &str) -> Option<Vec<(String, Option<Vec<u8>>)>> {
    let mut parts = text.split(';');
    if parts.next()? != "h" {
        return None;
    }
    let header = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((String::from_utf8(unhex(name)??).ok()?, unhex(value)?))
    };
    parts.map(header).collect()
}

fn hex(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "null".to_owned() };
    let mut text = String::with_capacity(1 + 2 * bytes.len());
    text.push('x');
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `None` if this is not what [`hex`] writes.
fn unhex(text: &str) -> Option<Option<Vec<u8>>> {
    if text == "null" {
        return Some(None);
    }
    let digits = text.strip_prefix('x')?.as_bytes();
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect::<Option<Vec<u8>>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_differ() {
        assert_eq!(hex(None), "null");
        assert_eq!(hex(Some(b"")), "x");
        assert_eq!(unhex("null"), Some(None));
        assert_eq!(unhex("x"), Some(Some(vec![])));
        assert_eq!(unhex("x00ff"), Some(Some(vec![0, 255])));
        for bad in ["", "00", "x0", "xgg", "x+1", "null "] {
            assert_eq!(unhex(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn lines_say_all_of_a_record() {
        let record = JavaRecord {
            partition: None,
            timestamp: Some(0),
            key: None,
            value: Some(vec![]),
            headers: vec![("a".into(), None), ("a".into(), Some(vec![1]))],
        };
        assert_eq!(write_line(&record), "- 0 null x h;x61=null;x61=x01\n");
        let read = read_line("3 9 0 null x h;x61=null;x61=x01").unwrap();
        assert_eq!((read.partition, read.offset, read.timestamp), (3, 9, 0));
        assert_eq!(
            (read.key, read.value, read.headers),
            (record.key, record.value, record.headers)
        );
        for bad in ["", "3 9 0 null x", "3 9 0 null x g", "3 9 0 null x h;", "3 9 0 null x h 1"] {
            assert!(read_line(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_sample_is_the_same_every_time() {
        assert_eq!(sample_records(1), sample_records(1));
        assert!(sample_records(1).iter().all(|r| r.partition == Some(1) && r.timestamp.is_some()));
    }
}
