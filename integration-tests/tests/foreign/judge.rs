//! Whether what a producer was told about its records is true, as somebody else finds them.

use std::collections::HashMap;

use ottla::{Outcome, SendError, Written};

use crate::broker::Found;

/// What became of record `number`, which was sent to `partition`, as its delivery said.
pub(crate) struct Told {
    pub(crate) number: u32,
    pub(crate) partition: i32,
    /// The partition and offset, or whether it was written and why it was not.
    pub(crate) outcome: Result<(i32, Option<i64>), (Outcome, String)>,
}

impl Told {
    pub(crate) fn new(number: u32, partition: i32, said: Result<Written, SendError>) -> Self {
        let place = |written: Written| (written.partition, written.offset);
        let outcome = said.map(place).map_err(|error| (error.outcome(), error.to_string()));
        Self { number, partition, outcome }
    }
}

/// What was found, beyond that all that was told is true.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) written: usize,
    pub(crate) not_written: usize,
    pub(crate) unknown: usize,
    /// Records that are there more than once.
    pub(crate) repeated: usize,
    /// Records that are there after some of their partition that were sent later.
    pub(crate) disordered: usize,
}

/// Compares; the error is a sentence.
pub(crate) fn judge(told: &[Told], found: &[Vec<Found>]) -> Result<Verdict, String> {
    let mut verdict = Verdict::default();
    let mut places: HashMap<u32, Vec<(i32, i64)>> = HashMap::new();
    for (partition, records) in (0..).zip(found) {
        let mut newest = None;
        for record in records {
            let number = number(record)?;
            let known = places.entry(number).or_default();
            known.push((partition, record.offset));
            if known.len() > 1 {
                verdict.repeated += 1;
            } else if newest.is_some_and(|newest| number <= newest) {
                verdict.disordered += 1;
            } else {
                newest = Some(number);
            }
        }
    }
    for Told { number, partition, outcome } in told {
        let there = places.remove(number).unwrap_or_default();
        if there.iter().any(|(at, _)| at != partition) {
            return Err(format!("{number} was sent to partition {partition}, it is at {there:?}"));
        }
        match outcome {
            Ok((partition, offset)) => {
                verdict.written += 1;
                // A broker that had a batch already may no longer know where.
                let is_it = |at: &(i32, i64)| {
                    at.0 == *partition && offset.is_none_or(|known| known == at.1)
                };
                if !there.iter().any(is_it) {
                    return Err(format!(
                        "{number} is told to be at {partition}@{offset:?}, it is at {there:?}"
                    ));
                }
            }
            Err((Outcome::NotWritten, why)) => {
                verdict.not_written += 1;
                if !there.is_empty() {
                    return Err(format!("{number} was not written: {why}; it is at {there:?}"));
                }
            }
            Err(_) => verdict.unknown += 1,
        }
    }
    if !places.is_empty() {
        return Err(format!("there is what nobody sent: {places:?}"));
    }
    Ok(verdict)
}

/// The records' values begin with their numbers.
pub(crate) fn number(record: &Found) -> Result<u32, String> {
    let value = record.value.as_deref().unwrap_or_default();
    let digits = value.split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default();
    let text = String::from_utf8_lossy(digits);
    text.parse().map_err(|_| format!("{record:?} has no number"))
}

/// What the other tests rely on: a lie about a record is seen.
#[test]
fn a_lie_about_a_record_is_seen() {
    let record = |offset, number: u32| Found {
        offset,
        key: None,
        value: Some(number.to_string().into_bytes()),
    };
    let written = |number, offset| Told { number, partition: 0, outcome: Ok((0, Some(offset))) };
    let told = [written(1, 0), written(2, 1)];
    let honest = Verdict { written: 2, ..Verdict::default() };
    assert_eq!(judge(&told, &[vec![record(0, 1), record(1, 2)]]), Ok(honest));
    let twice = judge(&told, &[vec![record(0, 1), record(1, 2), record(2, 1)]]).unwrap();
    assert_eq!(twice.repeated, 1);
    // In the order of the log; offset and number were swapped.
    let swapped = judge(&[written(1, 1), written(2, 0)], &[vec![record(0, 2), record(1, 1)]]);
    assert_eq!(swapped.unwrap().disordered, 1);
    for (lie, found) in [
        ("lost", vec![record(0, 1)]),
        ("elsewhere", vec![record(0, 1), record(2, 2)]),
        ("swapped", vec![record(0, 2), record(1, 1)]),
        ("another", vec![record(0, 1), record(1, 2), record(2, 3)]),
    ] {
        assert!(judge(&told, &[found]).is_err(), "{lie}");
    }
}
