//! Commits: nothing is committed that was not marked, and in the end all is.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        commit::Commit,
        event::{Event, Group, Occurrence, Place, Topic},
        logs::Logs,
        verdict::{Anomaly, Verdict},
    },
    stays::Stays,
};

pub(super) fn check(events: &[Event], stays: &Stays, logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = early(events, logs);
    verdicts.extend(order(events, stays, logs));
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

/// Commits that are lower than one before, although the partition stayed where it was. After a
/// handover that is possible: the coordinator tells a new member only what all its copies have,
/// and of the last commit of the old one nobody may have been told that it succeeded. It is
/// possible as well while connections are lost: a request whose answer is not awaited any longer
/// can reach the coordinator behind the next one, which came over another connection, and Kafka's
/// commits have no sequence by which it could tell.
fn order(events: &[Event], stays: &Stays, logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let trouble = trouble(events);
    let mut handovers: HashMap<(Group, Place), Vec<u64>> = HashMap::new();
    for ((_, place, _), stay) in &stays.all {
        handovers.entry((stay.group, *place)).or_default().push(stay.assigned_at);
    }
    let mut last: HashMap<(Group, Place), Commit> = HashMap::new();
    for commit in &logs.commits {
        let of = (commit.group, commit.place);
        let Some(before) = last.insert(of, *commit).filter(|before| before.offset > commit.offset)
        else {
            continue;
        };
        let between = |at: &u64| *at > before.at && *at <= commit.at;
        let troubled = trouble.iter().any(|(from, to)| *from <= commit.at && *to >= before.at);
        if !troubled && !handovers.get(&of).is_some_and(|all| all.iter().any(between)) {
            let detail = format!(
                "was committed by {} at {}, after {} at {}",
                commit.group.name(),
                commit.at,
                before.offset,
                before.at
            );
            let verdict = Verdict::new(Anomaly::CommitWentBack, detail);
            verdicts.push(verdict.at(commit.place, commit.offset));
        }
    }
    for ((group, place), told) in &logs.committed {
        let written = last.get(&(*group, *place)).map(|commit| commit.offset);
        if written != Some(*told) {
            let detail = format!("is what {} committed; its log says {written:?}", group.name());
            verdicts.push(Verdict::new(Anomaly::Evidence, detail).at(*place, *told));
        }
    }
    verdicts
}

/// When anything was broken, or had been shortly before.
fn trouble(events: &[Event]) -> Vec<(u64, u64)> {
    let mut trouble = HashMap::new();
    for event in events {
        match event.what {
            Occurrence::FaultBegan { number, .. } => {
                trouble.insert(number, (event.at, u64::MAX));
            }
            Occurrence::FaultEnded { number } => {
                let began = trouble.get(&number).map_or(event.at, |(began, _)| *began);
                trouble.insert(number, (began, event.at + AFTERMATH));
            }
            _ => {}
        }
    }
    trouble.into_values().collect()
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

/// How long a request may be on its way after what held it up has been mended, in milliseconds.
const AFTERMATH: u64 = 15_000;
