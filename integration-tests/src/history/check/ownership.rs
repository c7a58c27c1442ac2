//! Owners: a partition has one at a time, and whoever lost it can do nothing with it any more.

use std::collections::HashMap;

use super::{
    super::{
        event::{Event, Group, Occurrence, Place},
        verdict::{Anomaly, Verdict},
    },
    stays::{Key, Stay, Stays},
};

pub(super) fn check(events: &[Event], stays: &Stays) -> Vec<Verdict> {
    let mut by_place: HashMap<(Group, Place), Vec<(Key, Stay)>> = HashMap::new();
    for (key, stay) in &stays.all {
        by_place.entry((stay.group, key.1)).or_default().push((*key, *stay));
    }
    for list in by_place.values_mut() {
        list.sort_by_key(|(_, stay)| stay.assigned);
    }
    let others =
        |key: &Key, stay: &Stay| by_place.get(&(stay.group, key.1)).map_or(&[][..], Vec::as_slice);
    let mut verdicts = same_generation(&by_place);
    for event in events {
        let Occurrence::Marked { member, place, epoch, next, began, accepted: true } = event.what
        else {
            continue;
        };
        let key = (member, place, epoch);
        let why = match stays.all.get(&key) {
            None => Some("it was never assigned".to_owned()),
            Some(stay) => outdated(&key, stay, began, others(&key, stay)),
        };
        if let Some(why) = why {
            let detail = format!("was marked by member {member} epoch {epoch}, although {why}");
            verdicts.push(Verdict::new(Anomaly::TwoOwners, detail).at(place, next));
        }
    }
    for confirmed in &stays.confirmed {
        let key = (confirmed.member, confirmed.place, confirmed.epoch);
        let Some(stay) = stays.all.get(&key) else { continue };
        let usurper = others(&key, stay).iter().find(|(other, theirs)| {
            other.0 != key.0 && theirs.assigned > stay.assigned && theirs.assigned < confirmed.asked
        });
        if let Some((other, _)) = usurper {
            let detail = format!(
                "was committed by member {} after member {} had been assigned it",
                confirmed.member, other.0
            );
            let verdict = Verdict::new(Anomaly::TwoOwners, detail);
            verdicts.push(verdict.at(confirmed.place, confirmed.next));
        }
    }
    verdicts
}

/// Why a mark that was made from `began` on should not have been accepted.
fn outdated(key: &Key, stay: &Stay, began: u64, all: &[(Key, Stay)]) -> Option<String> {
    let later = all.iter().filter(|(_, other)| other.assigned > stay.assigned);
    let mut later = later.filter(|(_, other)| other.assigned_at < began);
    if let Some(left) = stay.left.filter(|left| left.at < began) {
        if left.lost {
            return Some("it had been lost".to_owned());
        }
        return later
            .next()
            .map(|(other, _)| format!("it had been revoked and assigned to member {}", other.0));
    }
    let again = later.find(|(other, _)| other.0 == key.0);
    again.map(|(other, _)| format!("it had been assigned again in epoch {}", other.2))
}

/// That no generation of a group gives a partition to two members.
fn same_generation(by_place: &HashMap<(Group, Place), Vec<(Key, Stay)>>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for ((group, place), list) in by_place {
        let mut owners: HashMap<i32, u32> = HashMap::new();
        for (key, stay) in list.iter().filter(|(_, stay)| stay.generation >= 0) {
            let owner = *owners.entry(stay.generation).or_insert(key.0);
            if owner != key.0 {
                let detail = format!(
                    "generation {} of {} gives it to members {owner} and {}",
                    stay.generation,
                    group.name(),
                    key.0
                );
                verdicts.push(Verdict::new(Anomaly::TwoOwners, detail).at(*place, 0));
            }
        }
    }
    verdicts
}
