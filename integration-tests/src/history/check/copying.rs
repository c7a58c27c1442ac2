//! Processors: every input has its output, before it is committed, and in the order of its key.

use std::collections::HashMap;

use super::super::{
    event::{Group, Place, Topic},
    logs::{Content, Logged, Logs},
    verdict::{Anomaly, Verdict},
};

/// Where the first output of an input is.
#[derive(Clone, Copy)]
struct First {
    at: Place,
    output: Logged,
}

/// By input partition and offset.
type Firsts = HashMap<Place, HashMap<i64, First>>;

pub(super) fn check(logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let firsts = firsts(logs, &mut verdicts);
    let load = logs.records.iter().filter(|(place, _)| place.topic == Topic::Load);
    for (place, inputs) in load {
        let nothing = HashMap::new();
        let firsts = firsts.get(place).unwrap_or(&nothing);
        let committed = logs.committed.get(&(Group::Copiers, *place)).copied().unwrap_or(0);
        let below = inputs.iter().take_while(|input| input.offset < committed);
        for input in below.filter(|input| !firsts.contains_key(&input.offset)) {
            let detail = format!("was committed with {committed} and has no output");
            verdicts.push(Verdict::new(Anomaly::NoOutput, detail).at(*place, input.offset));
        }
        verdicts.extend(early(*place, inputs, firsts, logs));
        verdicts.extend(order(*place, inputs, firsts));
    }
    verdicts
}

fn firsts(logs: &Logs, verdicts: &mut Vec<Verdict>) -> Firsts {
    let mut firsts = Firsts::new();
    let copies = logs.records.iter().filter(|(place, _)| place.topic == Topic::Copies);
    for (at, outputs) in copies {
        for output in outputs {
            let known = match output.content {
                Content::Copy(place, offset, id) => logs
                    .at(place, offset)
                    .filter(|input| input.content == Content::Record(id) && input.key == output.key)
                    .map(|_| (place, offset)),
                _ => None,
            };
            let Some((place, offset)) = known else {
                let detail = format!("is an output of no input: {:?}", output.content);
                verdicts.push(Verdict::new(Anomaly::Invented, detail).at(*at, output.offset));
                continue;
            };
            let first = First { at: *at, output: *output };
            let known = firsts.entry(place).or_default().entry(offset).or_insert(first);
            // Of two in different partitions the one that was appended first.
            if known.output.timestamp > output.timestamp {
                *known = first;
            }
        }
    }
    firsts
}

/// Commits that came before an output of what they cover.
fn early(
    place: Place,
    inputs: &[Logged],
    firsts: &HashMap<i64, First>,
    logs: &Logs,
) -> Vec<Verdict> {
    // By which time everything up to each input had its output, and which one was the last.
    let mut complete = Vec::with_capacity(inputs.len());
    let (mut by, mut last) = (0, 0);
    for input in inputs {
        // One that has none at all is not early but missing.
        if let Some(first) = firsts.get(&input.offset).filter(|first| first.output.timestamp > by) {
            (by, last) = (first.output.timestamp, input.offset);
        }
        complete.push((input.offset, by, last));
    }
    let commits = logs.commits.iter();
    let commits = commits.filter(|commit| commit.group == Group::Copiers && commit.place == place);
    let early = commits.filter_map(|commit| {
        let covered = complete.partition_point(|(offset, ..)| *offset < commit.offset);
        let (_, by, last) = *complete.get(covered.checked_sub(1)?)?;
        (by > commit.at).then(|| {
            let late = by - commit.at;
            let detail = format!("was committed {late} ms before the output of {last}");
            Verdict::new(Anomaly::EarlyCommit, detail).at(place, commit.offset)
        })
    });
    early.collect()
}

/// That the first outputs of a key are in the order of its inputs.
fn order(place: Place, inputs: &[Logged], firsts: &HashMap<i64, First>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut last: HashMap<(u32, Place), i64> = HashMap::new();
    for input in inputs {
        let (Some(key), Some(first)) = (input.key, firsts.get(&input.offset)) else { continue };
        let before = last.insert((key, first.at), first.output.offset);
        if let Some(before) = before.filter(|before| *before > first.output.offset) {
            let detail = format!(
                "of key {key} has its output in {} at {}, behind it is {before}",
                first.at, first.output.offset
            );
            verdicts.push(Verdict::new(Anomaly::OutputReordered, detail).at(place, input.offset));
        }
    }
    verdicts
}
