//! Stays: from the assignment of a partition to a member until it leaves again.

use std::collections::HashMap;

use super::super::event::{Event, Group, Occurrence, Place};

/// One stay of a partition with a member. Indexes are those of events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub(super) group: Group,
    pub(super) generation: i32,
    pub(super) assigned: usize,
    pub(super) assigned_at: u64,
    /// When the member was told that it had gone, and whether it had been asked first.
    pub(super) left: Option<Left>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) at: u64,
    pub(super) lost: bool,
}

/// A commit of one partition that was confirmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmed {
    pub(super) member: u32,
    pub(super) place: Place,
    pub(super) epoch: u64,
    pub(super) next: i64,
    /// The event of asking for it.
    pub(super) asked: usize,
    /// The event of its confirmation.
    pub(super) confirmed: usize,
}

/// What an assignment is known by.
pub(super) type Key = (u32, Place, u64);

/// All stays, and what was committed in them.
#[derive(Debug, Default)]
pub(super) struct Stays {
    pub(super) all: HashMap<Key, Stay>,
    /// In the order of their confirmations; each says something new.
    pub(super) confirmed: Vec<Confirmed>,
}

/// The marks that a commit covers, with the event of asking for it.
type Asked = (usize, Vec<(Place, u64, i64)>);

impl Stays {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut stays = Self::default();
        let mut groups: HashMap<u32, Group> = HashMap::new();
        // By member and partition: the epoch, and the highest mark of it, of those not yet given up.
        let mut marks: HashMap<u32, HashMap<Place, (u64, i64)>> = HashMap::new();
        let mut asked: HashMap<(u32, u64), Asked> = HashMap::new();
        let mut known: HashMap<Key, i64> = HashMap::new();
        for (index, event) in events.iter().enumerate() {
            match event.what {
                Occurrence::Joining { member, group } => {
                    groups.insert(member, group);
                }
                Occurrence::Assigned { member, place, epoch, generation } => {
                    let Some(&group) = groups.get(&member) else { continue };
                    let (assigned, assigned_at, left) = (index, event.at, None);
                    let stay = Stay { group, generation, assigned, assigned_at, left };
                    stays.all.insert((member, place, epoch), stay);
                }
                Occurrence::Revoked { member, place, epoch } => {
                    stays.leave((member, place, epoch), event.at, false);
                    marks.entry(member).or_default().remove(&place);
                }
                Occurrence::Lost { member, place, epoch } => {
                    stays.leave((member, place, epoch), event.at, true);
                    marks.entry(member).or_default().remove(&place);
                }
                Occurrence::Marked { member, place, epoch, next, accepted: true, .. } => {
                    let open = stays.all.get(&(member, place, epoch));
                    if open.is_some_and(|stay| stay.left.is_none()) {
                        let marks = marks.entry(member).or_default();
                        let mark = marks.entry(place).or_insert((epoch, next));
                        *mark =
                            if mark.0 == epoch { (epoch, mark.1.max(next)) } else { (epoch, next) };
                    }
                }
                Occurrence::Committing { member, ticket } => {
                    let now = marks.entry(member).or_default().iter();
                    let now = now.map(|(place, (epoch, next))| (*place, *epoch, *next));
                    asked.insert((member, ticket), (index, now.collect()));
                }
                Occurrence::Committed { member, ticket, confirmed: true } => {
                    let Some((from, covered)) = asked.remove(&(member, ticket)) else { continue };
                    for (place, epoch, next) in covered {
                        let before = known.insert((member, place, epoch), next);
                        if before.is_none_or(|before| before < next) {
                            let (asked, confirmed) = (from, index);
                            let new = Confirmed { member, place, epoch, next, asked, confirmed };
                            stays.confirmed.push(new);
                        }
                    }
                }
                _ => {}
            }
        }
        stays
    }

    fn leave(&mut self, key: Key, at: u64, lost: bool) {
        if let Some(stay) = self.all.get_mut(&key) {
            stay.left.get_or_insert(Left { at, lost });
        }
    }
}
