//! Commits: nothing is committed that was not marked, and in the end all is.

use std::collections::{HashMap, HashSet};

use super::super::{
    event::{Event, Group, Occurrence, Place, Topic},
    logs::Logs,
    verdict::{Anomaly, Verdict},
};

pub(super) fn check(events: &[Event], logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = early(events, logs);
    verdicts.extend(order(logs));
    verdicts.extend(unseen(events, logs));
    verdicts
}

/// Commits of readers that are beyond all marks accepted by the time of the commit.
fn early(events: &[Event], logs: &Logs) -> Vec<Verdict> {
    // When each mark began, with the highest one so far.
    let mut marks: HashMap<Place, Vec<(u64, i64)>> = HashMap::new();
    for event in events {
        if let Occurrence::Marked { place, next, began, accepted: true, .. } = event.what {
            marks.entry(place).or_default().push((began, next));
        }
    }
    for list in marks.values_mut() {
        list.sort_unstable();
        let mut highest = 0;
        for (_, next) in list {
            highest = highest.max(*next);
            *next = highest;
        }
    }
    let readers = logs.commits.iter().filter(|commit| commit.group == Group::Readers);
    let early = readers.filter_map(|commit| {
        let marks = marks.get(&commit.place).map_or(&[][..], Vec::as_slice);
        let begun = marks.partition_point(|(began, _)| *began <= commit.at);
        let highest = begun.checked_sub(1).and_then(|last| marks.get(last));
        let highest = highest.map_or(0, |(_, next)| *next);
        (commit.offset > highest).then(|| {
            let detail = format!("was committed when only {highest} was marked");
            Verdict::new(Anomaly::EarlyCommit, detail).at(commit.place, commit.offset)
        })
    });
    early.collect()
}

fn order(logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut last: HashMap<(Group, Place), i64> = HashMap::new();
    for commit in &logs.commits {
        let before = last.insert((commit.group, commit.place), commit.offset);
        if let Some(before) = before.filter(|before| *before > commit.offset) {
            let detail = format!("was committed by {} after {before}", commit.group.name());
            let verdict = Verdict::new(Anomaly::CommitWentBack, detail);
            verdicts.push(verdict.at(commit.place, commit.offset));
        }
    }
    for ((group, place), told) in &logs.committed {
        let written = last.get(&(*group, *place));
        if written != Some(told) {
            let detail = format!("is what {} committed; its log says {written:?}", group.name());
            verdicts.push(Verdict::new(Anomaly::Evidence, detail).at(*place, *told));
        }
    }
    verdicts
}

/// Records that were committed without having been handed out, and records never committed.
fn unseen(events: &[Event], logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut handed: HashSet<(Place, i64)> = HashSet::new();
    for event in events {
        if let Occurrence::Handed { place, offset, .. } = event.what {
            handed.insert((place, offset));
        }
    }
    let load = logs.records.iter().filter(|(place, _)| place.topic == Topic::Load);
    for (place, records) in load {
        for group in Group::ALL {
            let committed = logs.committed.get(&(group, *place)).copied().unwrap_or(0);
            let end = logs.end(*place);
            if committed != end {
                let detail = format!("is what {} committed; the end is {end}", group.name());
                verdicts.push(Verdict::new(Anomaly::Unseen, detail).at(*place, committed));
            }
        }
        let committed = logs.committed.get(&(Group::Readers, *place)).copied().unwrap_or(0);
        let below = records.iter().take_while(|record| record.offset < committed);
        for record in below.filter(|record| !handed.contains(&(*place, record.offset))) {
            let detail = format!("is below {committed}, which was committed, and nobody got it");
            verdicts.push(Verdict::new(Anomaly::Unseen, detail).at(*place, record.offset));
        }
    }
    verdicts
}
