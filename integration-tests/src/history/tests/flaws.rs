//! Flaws to be planted into a history: what each would look like from outside.
#![expect(clippy::ptr_arg, reason = "all flaws have the same signature")]

use std::{collections::HashMap, fmt};

use fastrand::Rng;

use crate::history::{
    Anomaly, Batch, Commit, Content, Event, Group, Logged, Logs, Occurrence, Outcome, Place,
    RecordId, Topic,
};

/// How the verdict has to name what was planted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Record(RecordId),
    Offset(Place, i64),
}

pub(super) struct Flaw {
    pub(super) name: &'static str,
    pub(super) anomaly: Anomaly,
    /// Nothing if the history has no room for it.
    pub(super) plant: fn(&mut Rng, &mut Vec<Event>, &mut Logs) -> Option<Found>,
}

impl fmt::Debug for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn flaw(
    name: &'static str,
    anomaly: Anomaly,
    plant: fn(&mut Rng, &mut Vec<Event>, &mut Logs) -> Option<Found>,
) -> Flaw {
    Flaw { name, anomaly, plant }
}

pub(super) const FLAWS: &[Flaw] = &[
    flaw("an acknowledged record is lost", Anomaly::Lost, loss),
    flaw("the end of a partition is lost", Anomaly::Lost, lost_tail),
    flaw("a record is doubled", Anomaly::Duplicate, duplicate),
    flaw("two records are swapped", Anomaly::Reordered, swap),
    flaw("a wrong offset is acknowledged", Anomaly::WrongOffset, wrong_offset),
    flaw("a record is in another partition", Anomaly::WrongOffset, wrong_partition),
    flaw("what was not written is there", Anomaly::NotWrittenPresent, not_written),
    flaw("a record has other bytes", Anomaly::Invented, garbled),
    flaw("a record never has an outcome", Anomaly::Unsettled, unsettled),
    flaw("a record has two outcomes", Anomaly::Unsettled, settled_twice),
    flaw("a sequence is used again", Anomaly::ReusedSequence, reused_sequence),
    flaw("a sequence is left out", Anomaly::ReusedSequence, skipped_sequence),
    flaw("an epoch goes back", Anomaly::ReusedSequence, old_epoch),
    flaw("a reader is never given a record", Anomaly::Unseen, unseen),
    flaw("the end is never committed", Anomaly::Unseen, uncommitted),
    flaw("a reader jumps over a record", Anomaly::Skipped, skip),
    flaw("a reader begins too late", Anomaly::Skipped, late_start),
    flaw("a reader goes back", Anomaly::NonMonotonic, back),
    flaw("a reader gets another record", Anomaly::Misread, misread),
    flaw("a generation has two owners", Anomaly::TwoOwners, two_owners),
    flaw("a lost partition is marked", Anomaly::TwoOwners, marked_when_lost),
    flaw("a revoked partition is marked", Anomaly::TwoOwners, marked_when_revoked),
    flaw("a zombie commits", Anomaly::TwoOwners, zombie),
    flaw("readers commit before the mark", Anomaly::EarlyCommit, early),
    flaw("processors commit before the output", Anomaly::EarlyCommit, early_copy),
    flaw("a commit goes back", Anomaly::CommitWentBack, commit_back),
    flaw("a confirmed commit is forgotten", Anomaly::ProcessedAgain, forgotten),
    flaw("an output is missing", Anomaly::NoOutput, no_output),
    flaw("outputs of a key are swapped", Anomaly::OutputReordered, output_order),
];

/// The acknowledged records with known offsets.
fn written(events: &[Event]) -> Vec<(usize, RecordId, Place, i64)> {
    let all = events.iter().enumerate().filter_map(|(index, event)| match event.what {
        Occurrence::Settled {
            id,
            outcome: Outcome::Written { partition, offset: Some(offset) },
        } => Some((index, id, Place { topic: Topic::Load, partition }, offset)),
        _ => None,
    });
    all.collect()
}

fn loss(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let (_, id, place, offset) = rng.choice(written(events))?;
    logs.records.get_mut(&place)?.retain(|record| record.offset != offset);
    Some(Found::Record(id))
}

fn lost_tail(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let ends =
        written(events).into_iter().filter(|(.., place, offset)| logs.end(*place) == offset + 1);
    let (_, id, place, _) = rng.choice(ends.collect::<Vec<_>>())?;
    logs.records.get_mut(&place)?.pop();
    Some(Found::Record(id))
}

fn duplicate(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let (_, id, place, offset) = rng.choice(written(events))?;
    let again = Logged { offset: logs.end(place), ..*logs.at(place, offset)? };
    logs.records.get_mut(&place)?.push(again);
    Some(Found::Record(id))
}

/// Two records change places, and are acknowledged where they are: only their order is wrong.
fn swap(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let all = written(events);
    let (first, one, place, low) = rng.choice(&all).copied()?;
    let later = all
        .iter()
        .filter(|(_, id, at, high)| id.stream == one.stream && *at == place && *high > low);
    let (second, _, _, high) = rng.choice(later.collect::<Vec<_>>()).copied()?;
    for (index, to) in [(first, high), (second, low)] {
        let Occurrence::Settled { outcome: Outcome::Written { offset, .. }, .. } =
            &mut events[index].what
        else {
            return None;
        };
        *offset = Some(to);
    }
    let records = logs.records.get_mut(&place)?;
    let find = |records: &[Logged], offset| records.iter().position(|at| at.offset == offset);
    let (low_index, high_index) = (find(records, low)?, find(records, high)?);
    let content = records[low_index].content;
    records[low_index].content = records[high_index].content;
    records[high_index].content = content;
    // The later record comes first, so what follows it is out of order: whatever of its stream is next.
    let Content::Record(moved) = records[low_index].content else { return None };
    let next = records[low_index + 1..].iter().find_map(|record| match record.content {
        Content::Record(id) if id.stream == moved.stream => Some(record.offset),
        _ => None,
    });
    Some(Found::Offset(place, next?))
}

fn wrong_offset(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let (index, id, place, at) = rng.choice(written(events))?;
    let offset = Some(at + *rng.choice(&[-1, 1, 100])?);
    let outcome = Outcome::Written { partition: place.partition, offset };
    events[index].what = Occurrence::Settled { id, outcome };
    Some(Found::Record(id))
}

fn wrong_partition(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let explicit = events.iter_mut().filter_map(|event| match &mut event.what {
        Occurrence::Sending { id, partition: Some(partition), .. } => Some((*id, partition)),
        _ => None,
    });
    let all: Vec<_> = explicit.collect();
    let chosen = rng.usize(0..all.len());
    let (id, partition) = all.into_iter().nth(chosen)?;
    *partition += 1;
    let here = written(events).iter().any(|(_, written, ..)| *written == id);
    here.then_some(Found::Record(id))
}

fn not_written(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let (index, id, ..) = rng.choice(written(events))?;
    let outcome = Outcome::NotWritten { reason: "planted".into() };
    events[index].what = Occurrence::Settled { id, outcome };
    Some(Found::Record(id))
}

fn garbled(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let (.., place, offset) = rng.choice(written(events))?;
    let records = logs.records.get_mut(&place)?;
    records.iter_mut().find(|record| record.offset == offset)?.content = Content::Garbled;
    Some(Found::Offset(place, offset))
}

fn unsettled(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let (index, id, ..) = rng.choice(written(events))?;
    events.remove(index);
    Some(Found::Record(id))
}

fn settled_twice(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let (index, id, ..) = rng.choice(written(events))?;
    let again = events[index].clone();
    events.push(again);
    Some(Found::Record(id))
}

/// A batch that is not the first of its producer's epoch in its partition.
fn following<'a>(rng: &mut Rng, logs: &'a mut Logs) -> Option<(Place, &'a mut Batch)> {
    let all = logs.batches.iter_mut().flat_map(|(place, batches)| {
        batches.iter_mut().filter(|batch| batch.base_sequence > 0).map(|batch| (*place, batch))
    });
    let all: Vec<_> = all.collect();
    if all.is_empty() {
        return None;
    }
    let chosen = rng.usize(0..all.len());
    all.into_iter().nth(chosen)
}

fn reused_sequence(rng: &mut Rng, _: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let back = rng.i32(1..3);
    let (place, batch) = following(rng, logs)?;
    batch.base_sequence = (batch.base_sequence - back).max(0);
    Some(Found::Offset(place, batch.base_offset))
}

fn skipped_sequence(rng: &mut Rng, _: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let (place, batch) = following(rng, logs)?;
    batch.base_sequence += 1;
    Some(Found::Offset(place, batch.base_offset))
}

fn old_epoch(rng: &mut Rng, _: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let (place, batch) = following(rng, logs)?;
    batch.producer_epoch -= 1;
    Some(Found::Offset(place, batch.base_offset))
}

/// All that readers got, with the indexes of the events.
fn handed(events: &[Event]) -> Vec<(usize, u32, Place, u64, i64)> {
    let all = events.iter().enumerate().filter_map(|(index, event)| match event.what {
        Occurrence::Handed { member, place, epoch, offset, .. } => {
            Some((index, member, place, epoch, offset))
        }
        _ => None,
    });
    all.collect()
}

fn unseen(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let (_, _, at, _, missing) = rng.choice(handed(events))?;
    events.retain(|event| {
        !matches!(event.what,
            Occurrence::Handed { place, offset, .. } if (place, offset) == (at, missing))
    });
    Some(Found::Offset(at, missing))
}

fn uncommitted(rng: &mut Rng, _: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let all = logs.committed.iter_mut().map(|((_, place), offset)| (*place, offset));
    let all: Vec<_> = all.collect();
    let chosen = rng.usize(0..all.len());
    let (place, offset) = all.into_iter().nth(chosen)?;
    *offset -= 1;
    Some(Found::Offset(place, *offset))
}

/// Two records that followed each other in a stay.
fn neighbours(rng: &mut Rng, events: &[Event]) -> Option<(usize, usize, Place, i64)> {
    let mut last: HashMap<(Place, u64), usize> = HashMap::new();
    let mut all = Vec::new();
    for (index, _, place, epoch, offset) in handed(events) {
        if let Some(before) = last.insert((place, epoch), index) {
            all.push((before, index, place, offset));
        }
    }
    rng.choice(all)
}

fn skip(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    // The one before is left out, so something has to have come before that.
    let (_, index, place, offset) = neighbours(rng, events)?;
    let Occurrence::Handed { epoch, .. } = events[index].what else { return None };
    let before =
        handed(events).into_iter().filter(|(_, _, at, of, _)| (*at, *of) == (place, epoch));
    let before: Vec<_> = before.filter(|(at, ..)| *at < index).collect();
    let [.., _, (left_out, ..)] = before[..] else { return None };
    events.remove(left_out);
    Some(Found::Offset(place, offset))
}

/// The first records of a stay are left out, beyond what anybody had committed by then.
fn late_start(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let mut firsts: HashMap<(Place, u64), Vec<(usize, i64)>> = HashMap::new();
    for (index, _, place, epoch, offset) in handed(events) {
        firsts.entry((place, epoch)).or_default().push((index, offset));
    }
    let mut all: Vec<_> = firsts.into_iter().filter(|(_, list)| list.len() > 1).collect();
    all.sort_unstable();
    let ((place, _), list) = rng.choice(all)?;
    let [(first, left_out), (second, next), ..] = list[..] else { return None };
    let by_then = logs.commits.iter().filter(|commit| {
        (commit.group, commit.place) == (Group::Readers, place) && commit.at <= events[second].at
    });
    if by_then.map(|commit| commit.offset).max().unwrap_or(0) > left_out {
        return None;
    }
    events.remove(first);
    Some(Found::Offset(place, next))
}

fn back(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let (before, after, place, _) = neighbours(rng, events)?;
    let what = events[before].what.clone();
    let Occurrence::Handed { offset, .. } = what else { return None };
    events[before].what = std::mem::replace(&mut events[after].what, what);
    Some(Found::Offset(place, offset))
}

fn misread(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let (index, member, place, epoch, offset) = rng.choice(handed(events))?;
    let other = RecordId { stream: 0, number: 1_000_000 };
    let id = rng.bool().then_some(other);
    events[index].what = Occurrence::Handed { member, place, epoch, offset, id };
    Some(id.map_or(Found::Offset(place, offset), Found::Record))
}

/// All assignments, with the indexes of the events.
fn assigned(events: &[Event]) -> Vec<(usize, u32, Place, u64)> {
    let all = events.iter().enumerate().filter_map(|(index, event)| match event.what {
        Occurrence::Assigned { member, place, epoch, .. } => Some((index, member, place, epoch)),
        _ => None,
    });
    all.collect()
}

fn two_owners(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let all = assigned(events);
    let (index, owner, ..) = rng.choice(&all).copied()?;
    let (_, other, ..) =
        all.into_iter().find(|(joined, member, ..)| *joined < index && *member != owner)?;
    let mut event = events[index].clone();
    let Occurrence::Assigned { member, epoch, place, .. } = &mut event.what else { return None };
    (*member, *epoch) = (other, *epoch + 1_000_000);
    let place = *place;
    events.insert(index + 1, event);
    Some(Found::Offset(place, 0))
}

/// Accepts a mark of a stay at the end of the history.
fn mark_late(events: &mut Vec<Event>, member: u32, place: Place, epoch: u64) -> Found {
    let (at, next) = (events.last().map_or(0, |event| event.at) + 5, 3);
    let what = Occurrence::Marked { member, place, epoch, next, began: at - 1, accepted: true };
    events.push(Event { at, what });
    Found::Offset(place, next)
}

fn marked_when_lost(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let all = events.iter().filter_map(|event| match event.what {
        Occurrence::Lost { member, place, epoch } => Some((member, place, epoch)),
        _ => None,
    });
    let (member, place, epoch) = rng.choice(all.collect::<Vec<_>>())?;
    Some(mark_late(events, member, place, epoch))
}

fn marked_when_revoked(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let all = assigned(events);
    let revoked = |epoch: u64| {
        events
            .iter()
            .any(|event| matches!(event.what, Occurrence::Revoked { epoch: of, .. } if of == epoch))
    };
    let gone = all.iter().filter(|(_, _, place, epoch)| {
        revoked(*epoch) && all.iter().any(|(_, _, other, later)| other == place && later > epoch)
    });
    let (_, member, place, epoch) = rng.choice(gone.collect::<Vec<_>>()).copied()?;
    Some(mark_late(events, member, place, epoch))
}

/// A member that was not told that its partition went to another one commits it.
fn zombie(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let all = assigned(events);
    let untold = all.iter().filter_map(|(first, member, place, epoch)| {
        let told = events.iter().any(|event| {
            matches!(event.what, Occurrence::Revoked { epoch: of, .. } | Occurrence::Lost { epoch: of, .. }
                if of == *epoch)
        });
        let usurper = all.iter().find(|(second, other, at, _)| second > first && other != member && at == place)?;
        (!told).then_some((*member, *place, *epoch, usurper.0))
    });
    let (member, place, epoch, after) = rng.choice(untold.collect::<Vec<_>>())?;
    let (at, next, ticket) = (events[after].at, 1_000_000, u64::MAX);
    let marked = Occurrence::Marked { member, place, epoch, next, began: at, accepted: true };
    let commit = [
        marked,
        Occurrence::Committing { member, ticket },
        Occurrence::Committed { member, ticket, confirmed: true },
    ];
    let commit = commit.map(|what| Event { at, what });
    events.splice(after + 1..after + 1, commit);
    Some(Found::Offset(place, next))
}

fn early(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let mut highest: HashMap<Place, i64> = HashMap::new();
    let mut all = Vec::new();
    for event in events.iter() {
        if let Occurrence::Marked { place, next, began, .. } = event.what {
            if highest.get(&place).is_none_or(|highest| *highest < next) {
                highest.insert(place, next);
                all.push((place, next, began));
            }
        }
    }
    let (place, offset, began) = rng.choice(all)?;
    insert(logs, Commit { group: Group::Readers, place, offset, at: began - 1 });
    Some(Found::Offset(place, offset))
}

fn early_copy(rng: &mut Rng, _: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let mut firsts: HashMap<(Place, i64), u64> = HashMap::new();
    for (_, records) in logs.records.iter().filter(|(place, _)| place.topic == Topic::Copies) {
        for record in records {
            let Content::Copy(place, offset, _) = record.content else { return None };
            firsts.entry((place, offset)).or_insert(record.timestamp);
        }
    }
    let mut all: Vec<_> = firsts.into_iter().collect();
    all.sort_unstable();
    let ((place, offset), at) = rng.choice(all)?;
    insert(logs, Commit { group: Group::Copiers, place, offset: offset + 1, at: at - 1 });
    Some(Found::Offset(place, offset + 1))
}

/// Puts a commit where its time belongs.
fn insert(logs: &mut Logs, commit: Commit) {
    let index = logs.commits.partition_point(|other| other.at <= commit.at);
    logs.commits.insert(index, commit);
}

/// Although nothing has been broken.
fn commit_back(rng: &mut Rng, events: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    events.retain(|event| {
        !matches!(event.what, Occurrence::FaultBegan { .. } | Occurrence::FaultEnded { .. })
    });
    let all = logs.commits.iter().filter(|commit| commit.offset > 0).copied();
    let commit = rng.choice(all.collect::<Vec<_>>())?;
    insert(logs, Commit { offset: commit.offset - 1, ..commit });
    Some(Found::Offset(commit.place, commit.offset - 1))
}

/// A stay begins one record too early, although what came before had been committed.
fn forgotten(rng: &mut Rng, events: &mut Vec<Event>, _: &mut Logs) -> Option<Found> {
    let mut seen = HashMap::new();
    let mut all = Vec::new();
    let mut gave_up: HashMap<Place, i64> = HashMap::new();
    let mut marked: HashMap<(Place, u64), i64> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        match event.what {
            Occurrence::Marked { place, epoch, next, .. } => {
                marked.insert((place, epoch), next);
            }
            // Here a member always commits before it gives a partition up.
            Occurrence::Revoked { place, epoch, .. } => {
                if let Some(next) = marked.get(&(place, epoch)) {
                    gave_up.insert(place, *next);
                }
            }
            Occurrence::Handed { place, epoch, offset, .. } => {
                let first = seen.insert((place, epoch), offset).is_none();
                let place = (first && gave_up.get(&place) == Some(&offset)).then_some(index);
                all.extend(place.map(|index| (index, offset)));
            }
            _ => {}
        }
    }
    let (index, first) =
        rng.choice(all.into_iter().filter(|(_, first)| *first > 0).collect::<Vec<_>>())?;
    let mut again = events[index].clone();
    let Occurrence::Handed { place, offset, .. } = &mut again.what else { return None };
    *offset = first - 1;
    let found = Found::Offset(*place, *offset);
    let place = *place;
    let id = handed(events)
        .into_iter()
        .find(|(_, _, at, _, offset)| (*at, *offset) == (place, first - 1));
    let Occurrence::Handed { id: read, .. } = events[id?.0].what else { return None };
    let Occurrence::Handed { id, .. } = &mut again.what else { return None };
    *id = read;
    events.insert(index, again);
    Some(found)
}

fn no_output(rng: &mut Rng, _: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let loads = logs.records.iter().filter(|(place, _)| place.topic == Topic::Load);
    let inputs = loads.flat_map(|(place, records)| records.iter().map(|at| (*place, at.offset)));
    let (place, offset) = rng.choice(inputs.collect::<Vec<_>>())?;
    for (_, records) in logs.records.iter_mut().filter(|(place, _)| place.topic == Topic::Copies) {
        records.retain(|record| {
            !matches!(record.content, Content::Copy(at, of, _) if (at, of) == (place, offset))
        });
    }
    Some(Found::Offset(place, offset))
}

/// Two inputs of a key without any repetition have their outputs in the wrong order.
fn output_order(rng: &mut Rng, _: &mut Vec<Event>, logs: &mut Logs) -> Option<Found> {
    let mut times: HashMap<(Place, i64), u32> = HashMap::new();
    let copies = logs.records.iter().filter(|(place, _)| place.topic == Topic::Copies);
    let copies: Vec<_> = copies.map(|(place, records)| (*place, records.clone())).collect();
    for record in copies.iter().flat_map(|(_, records)| records) {
        let Content::Copy(place, offset, _) = record.content else { return None };
        *times.entry((place, offset)).or_default() += 1;
    }
    let mut pairs = Vec::new();
    for (at, records) in &copies {
        let mut last: HashMap<(Place, u32), usize> = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            let Content::Copy(place, offset, _) = record.content else { return None };
            let (Some(key), 1) = (record.key, times[&(place, offset)]) else { continue };
            if let Some(before) = last.insert((place, key), index) {
                pairs.push((*at, before, index, place, offset));
            }
        }
    }
    let (at, before, after, place, offset) = rng.choice(pairs)?;
    let records = logs.records.get_mut(&at)?;
    let content = records[before].content;
    records[before].content = records[after].content;
    records[after].content = content;
    Some(Found::Offset(place, offset))
}
