//! Readers: what a member gets of a partition is the log, in order, from where it was committed.

use std::collections::HashMap;

use super::{
    super::{
        event::{Event, Group, Occurrence, Place},
        logs::{Content, Logs},
        verdict::{Anomaly, Verdict},
    },
    stays::{Key, Stays},
};

pub(super) fn check(events: &[Event], stays: &Stays, logs: &Logs) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let starts = Starts::of(logs);
    let mut last: HashMap<Key, i64> = HashMap::new();
    for event in events {
        let Occurrence::Handed { member, place, epoch, offset, id } = event.what else { continue };
        let mut wrong = |anomaly, detail: String| {
            let verdict = Verdict::new(anomaly, format!("{detail}, member {member} epoch {epoch}"));
            let verdict = verdict.at(place, offset);
            verdicts.push(id.map_or(verdict.clone(), |id| verdict.of(id)));
        };
        match (logs.at(place, offset).map(|logged| logged.content), id) {
            (Some(Content::Record(logged)), Some(id)) if logged == id => {}
            (Some(logged), read) => {
                wrong(Anomaly::Misread, format!("is {logged:?}, and was read as {read:?}"));
            }
            (None, _) => wrong(Anomaly::Misread, "is not in the log".to_owned()),
        }
        let Some(stay) = stays.all.get(&(member, place, epoch)) else {
            wrong(Anomaly::TwoOwners, "was handed out without an assignment".to_owned());
            continue;
        };
        let before = last.insert((member, place, epoch), offset);
        let from = match before {
            Some(before) if before >= offset => {
                wrong(Anomaly::NonMonotonic, format!("came after {before}"));
                continue;
            }
            Some(before) => before + 1,
            None => starts.latest(stay.group, place, event.at),
        };
        if let Some(skipped) = logs.first_within(place, from, offset) {
            wrong(Anomaly::Skipped, format!("came while {skipped} was still to come"));
        }
        if before.is_none() {
            let confirmed = stays.confirmed.iter().filter(|confirmed| {
                confirmed.place == place
                    && confirmed.confirmed < stay.assigned
                    && stays
                        .all
                        .get(&(confirmed.member, place, confirmed.epoch))
                        .is_some_and(|other| other.group == stay.group)
            });
            if let Some(floor) = confirmed.max_by_key(|confirmed| confirmed.next) {
                if floor.next > offset
                    && !overwritten(stay.group, place, floor.next, offset, event.at, logs)
                {
                    let detail =
                        format!("comes again: member {} committed {}", floor.member, floor.next);
                    wrong(Anomaly::ProcessedAgain, detail);
                }
            }
        }
    }
    verdicts
}

/// Whether a commit of at most `offset` followed those of `confirmed` and more: then a member that
/// begins there does as it was told, and the commit itself is judged elsewhere.
fn overwritten(
    group: Group,
    place: Place,
    confirmed: i64,
    offset: i64,
    at: u64,
    logs: &Logs,
) -> bool {
    let commits = logs.commits.iter();
    let mut commits = commits
        .filter(|commit| (commit.group, commit.place) == (group, place) && commit.at <= at)
        .skip_while(|commit| commit.offset < confirmed);
    commits.any(|commit| commit.offset <= offset)
}

/// Where a member could begin: the highest offset that had been committed by a time.
struct Starts(HashMap<(Group, Place), Vec<(u64, i64)>>);

impl Starts {
    fn of(logs: &Logs) -> Self {
        let mut starts: HashMap<_, Vec<(u64, i64)>> = HashMap::new();
        for commit in &logs.commits {
            let starts = starts.entry((commit.group, commit.place)).or_default();
            let (at, highest) = starts.last().copied().unwrap_or_default();
            starts.push((at.max(commit.at), highest.max(commit.offset)));
        }
        Self(starts)
    }

    fn latest(&self, group: Group, place: Place, at: u64) -> i64 {
        let Some(starts) = self.0.get(&(group, place)) else { return 0 };
        let count = starts.partition_point(|(time, _)| *time <= at);
        count.checked_sub(1).and_then(|last| starts.get(last)).map_or(0, |(_, offset)| *offset)
    }
}
