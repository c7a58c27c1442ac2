//! Producers: every record is where its outcome says it is, once, and in order.

use std::collections::HashMap;

use super::super::{
    event::{Event, Occurrence, Outcome, Place, RecordId, Topic},
    logs::{Content, Logs},
    verdict::{Anomaly, Verdict},
};

struct Sent<'a> {
    partition: Option<i32>,
    outcome: Option<&'a Outcome>,
}

pub(super) fn check(events: &[Event], logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let sent = sent(events, &mut verdicts);
    let places = places(logs, &sent, &mut verdicts);
    for (id, sent) in &sent {
        let at = places.get(id).map_or(&[][..], Vec::as_slice);
        if let [first, second, ..] = *at {
            let detail = format!("is also at {} offset {}", first.0, first.1);
            verdicts.push(Verdict::new(Anomaly::Duplicate, detail).at(second.0, second.1).of(*id));
        }
        verdicts.extend(judge(*id, sent, at));
    }
    verdicts.extend(order(logs));
    verdicts.sort_by_key(|verdict| (verdict.anomaly, verdict.record));
    verdicts
}

fn sent<'a>(events: &'a [Event], verdicts: &mut Vec<Verdict>) -> HashMap<RecordId, Sent<'a>> {
    let mut sent = HashMap::new();
    for event in events {
        match &event.what {
            Occurrence::Sending { id, partition, .. } => {
                let twice = sent.insert(*id, Sent { partition: *partition, outcome: None });
                verdicts.extend(twice.map(|_| {
                    let detail = "was given to a producer twice".to_owned();
                    Verdict::new(Anomaly::Evidence, detail).of(*id)
                }));
            }
            Occurrence::Settled { id, outcome } => match sent.get_mut(id) {
                Some(record) if record.outcome.is_none() => record.outcome = Some(outcome),
                Some(_) => {
                    let detail = format!("got a second outcome: {outcome:?}");
                    verdicts.push(Verdict::new(Anomaly::Unsettled, detail).of(*id));
                }
                None => {
                    let detail = "has an outcome and was never sent".to_owned();
                    verdicts.push(Verdict::new(Anomaly::Evidence, detail).of(*id));
                }
            },
            _ => {}
        }
    }
    sent
}

/// Where each record is in the log.
fn places(
    logs: &Logs,
    sent: &HashMap<RecordId, Sent<'_>>,
    verdicts: &mut Vec<Verdict>,
) -> HashMap<RecordId, Vec<(Place, i64)>> {
    let mut places: HashMap<RecordId, Vec<(Place, i64)>> = HashMap::new();
    let load = logs.records.iter().filter(|(place, _)| place.topic == Topic::Load);
    for (place, records) in load {
        for record in records {
            match record.content {
                Content::Record(id) if sent.contains_key(&id) => {
                    places.entry(id).or_default().push((*place, record.offset));
                }
                content => {
                    let detail = format!("holds what nobody sent: {content:?}");
                    let verdict = Verdict::new(Anomaly::Invented, detail);
                    verdicts.push(verdict.at(*place, record.offset));
                }
            }
        }
    }
    places
}

fn judge(id: RecordId, sent: &Sent<'_>, at: &[(Place, i64)]) -> Option<Verdict> {
    let elsewhere = sent.partition.and_then(|wanted| {
        at.iter().find(|(place, _)| place.partition != wanted).map(|found| (wanted, *found))
    });
    if let Some((wanted, (place, offset))) = elsewhere {
        let detail = format!("was meant for partition {wanted}");
        return Some(Verdict::new(Anomaly::WrongOffset, detail).at(place, offset).of(id));
    }
    match sent.outcome {
        None => {
            let detail = "never got an outcome".to_owned();
            Some(Verdict::new(Anomaly::Unsettled, detail).of(id))
        }
        Some(Outcome::Unknown { .. }) => None,
        Some(Outcome::NotWritten { reason }) => {
            let (place, offset) = *at.first()?;
            let detail = format!("was reported as not written ({reason})");
            Some(Verdict::new(Anomaly::NotWrittenPresent, detail).at(place, offset).of(id))
        }
        Some(Outcome::Written { partition, offset }) => {
            let place = Place { topic: Topic::Load, partition: *partition };
            if at.is_empty() {
                let told = offset.map_or_else(|| "unknown".to_owned(), |offset| offset.to_string());
                let detail = format!("was acknowledged in {place} at offset {told}");
                return Some(Verdict::new(Anomaly::Lost, detail).of(id));
            }
            let right = |found: &(Place, i64)| {
                found.0 == place && offset.is_none_or(|offset| found.1 == offset)
            };
            if at.iter().any(right) {
                return None;
            }
            let (found, real) = *at.first()?;
            let detail = format!("was acknowledged in {place} at {offset:?}");
            Some(Verdict::new(Anomaly::WrongOffset, detail).at(found, real).of(id))
        }
    }
}

/// That the records of each stream are in each partition in the order of their numbers.
fn order(logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let load = logs.records.iter().filter(|(place, _)| place.topic == Topic::Load);
    for (place, records) in load {
        let mut last: HashMap<u32, (u32, i64)> = HashMap::new();
        for record in records {
            let Content::Record(id) = record.content else { continue };
            let before = last.insert(id.stream, (id.number, record.offset));
            if let Some((number, offset)) = before.filter(|(number, _)| *number > id.number) {
                let detail = format!("comes behind {}:{number} at offset {offset}", id.stream);
                let verdict = Verdict::new(Anomaly::Reordered, detail);
                verdicts.push(verdict.at(*place, record.offset).of(id));
            }
        }
    }
    verdicts
}
